"""The newest time in the store, and a wall clock that is set while we look."""

from typing import Any

import pytest
from twisted.internet.task import Clock as Reactor
from twisted.logger import Logger

from icsframework.gateway.timekeeper import LOOK, STAMP, NewestTime, TimeKeeper
from icsframework.host.clock import Clock
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.store import MemoryStore

RELEASED = 1_800_000_000.0
HOUR = 3600.0


class Machine:
    """The real clock on a wall that tests set, and what its keeper says."""

    def __init__(self, wall: float, store: MemoryStore | None = None) -> None:
        self.reactor = Reactor()
        self.offset = wall
        self.store = store or MemoryStore()
        newest = NewestTime()
        self.clock = _Steady(self.reactor, newest, RELEASED, lambda: self.offset + self.reactor.seconds())
        self.events = FakeEvents("clock", FakeClock())
        self.keeper = TimeKeeper(self.clock, newest, self.events, Logger())
        self.keeper.open(self.store)

    def run(self, seconds: float) -> None:
        """Let time pass, a look at a time."""
        for _ in range(int(seconds / LOOK) + 1):
            self.reactor.advance(LOOK)

    def written(self) -> list[float]:
        """What stands in the journal."""
        return [record["wall"] for record in self.store.records("clock")]


class _Steady(Clock):
    """The clock, counting by a task.Clock."""

    def now(self) -> float:
        """See IClock."""
        return float(self._reactor.seconds())


def test_the_time_is_written_now_and_then_and_at_the_end() -> None:
    """One record, every ten minutes."""
    machine = Machine(RELEASED + HOUR)
    machine.reactor.advance(0)
    assert machine.written() == [RELEASED + HOUR]
    machine.run(STAMP - 2 * LOOK)
    assert machine.written() == [RELEASED + HOUR]
    machine.run(2 * LOOK)
    assert machine.written()[0] >= RELEASED + HOUR + STAMP
    machine.reactor.advance(5)
    assert machine.keeper.stop().called
    assert machine.written() == [machine.clock.wall()]
    assert machine.events.ids() == []
    assert machine.keeper.warnings() == ()


@pytest.mark.parametrize("wall", [0.0, RELEASED + 10 * HOUR])
def test_a_boot_in_the_past_is_not_trusted_until_the_clock_is_right(wall: float) -> None:
    """In 1970, or where it was switched off: said once, nothing written; NTP makes it right."""
    first = Machine(RELEASED + 20 * HOUR)
    first.reactor.advance(0)
    machine = Machine(wall, first.store)
    machine.run(2 * STAMP)
    assert not machine.clock.wall_trusted
    assert machine.events.ids() == ["clock.wrong"]
    assert "cannot be right: it was 2027-01-16T04:00:00Z already" in machine.keeper.warnings()[0]
    assert machine.written() == [RELEASED + 20 * HOUR]
    machine.offset = RELEASED + 30 * HOUR
    machine.run(LOOK)
    assert machine.clock.wall_trusted
    assert machine.keeper.warnings() == ()
    assert machine.events.ids() == ["clock.wrong", "clock.set", "clock.right"]
    assert machine.written()[0] > RELEASED + 30 * HOUR


def test_before_this_release_is_wrong_with_an_empty_store_too() -> None:
    """The first boot of a board without a battery."""
    machine = Machine(0.0)
    assert "shows 1970-01-01T00:00:00Z, which cannot be right: that is before" in machine.keeper.warnings()[0]
    assert machine.keeper.stop().called
    assert machine.written() == []


def test_a_clock_that_was_too_far_ahead_and_is_put_right_is_trusted() -> None:
    """What was written by the wrong clock counts no more, in this boot and the next."""
    machine = Machine(RELEASED + 100_000 * HOUR)
    machine.run(STAMP)
    assert machine.written()[0] >= RELEASED + 100_000 * HOUR
    machine.offset = RELEASED + HOUR
    machine.run(LOOK)
    assert machine.clock.wall_trusted
    assert machine.events.ids() == ["clock.set"]
    assert RELEASED + HOUR < machine.written()[0] < RELEASED + 2 * HOUR
    assert Machine(RELEASED + 3 * HOUR, machine.store).clock.wall_trusted


@pytest.mark.parametrize(("step", "told"), [(5 * HOUR, 1), (-5 * HOUR, 1), (10.0, 0), (-10.0, 0)])
def test_jumps_are_told_and_slewing_is_not(step: float, told: int) -> None:
    """Hours both ways; the timers of the keeper itself go on by the other clock."""
    machine = Machine(RELEASED + 100 * HOUR)
    machine.run(STAMP)
    machine.offset += step
    machine.run(STAMP)
    assert [round(event["seconds"]) for event in machine.events.said("clock.set")] == [round(step)] * told
    assert machine.clock.wall_trusted
    assert machine.written()[0] > RELEASED + 100 * HOUR + min(0.0, step)


def test_a_disk_that_fails_stops_nothing() -> None:
    """The next write is tried in its time; a stop does not fail."""
    machine = Machine(RELEASED + HOUR)
    machine.store.fail = OSError(28, "No space left on device")
    machine.run(STAMP)
    failed: list[Any] = []
    machine.keeper.stop().addErrback(failed.append)
    assert failed == []
    assert machine.written() == []


def test_a_record_that_makes_no_sense_is_passed_over() -> None:
    """It says nothing of the time."""
    store = MemoryStore()
    store.open("clock", 1).addCallback(lambda journal: journal.append({"wall": "yesterday"}))
    assert Machine(RELEASED + HOUR, store).clock.wall_trusted


def test_it_may_be_stopped_without_being_opened() -> None:
    """A start that failed before."""
    clock = FakeClock()
    keeper = TimeKeeper(clock, NewestTime(), FakeEvents("clock", clock), Logger())
    assert keeper.stop().called
