"""One meter, without the timer and the journal of its gateway: when it wants to look, and when to be written down."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from twisted.logger import Logger

from icsframework.config.uplinks import UplinkSection
from icsframework.gateway.meter import BYTES_TICK, MAX_SLEEP, TICK, WRITE, Meter, Parts
from icsframework.gateway.meters import terms_of
from icsframework.host.traffic import Traffic
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.uplinks.account import Account
from icsframework.uplinks.periods import Calendar
from icsframework.values import Link

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
NOON = datetime(2026, 11, 25, 12, tzinfo=BERLIN.zone).timestamp()
LINK = Link("ppp0", 7, None, "ppp", "inline", 1500, True, 0.0, None)


class Bench:
    """A meter whose looks the test makes."""

    def __init__(self, hours=(), **limits):
        self.clock = FakeClock(NOON)
        self.traffic = {"ppp0": Traffic(0, 0)}
        self.done = []
        section = UplinkSection.model_validate(
            {"plugin": "dialup", "name": "modem", "limits": limits, "demand": {"hours": hours}}
        )
        parts = Parts(
            self.clock,
            FakeEvents("meters", self.clock),
            Logger(),
            lambda: self.traffic,
            lambda: self.done.append("write"),
            lambda: self.done.append("plan"),
        )
        self.meter = Meter("modem", parts, terms_of(section), BERLIN, Account())

    def later(self, seconds):
        """Let time pass without a look."""
        self.clock.clock.advance(seconds)

    def look(self):
        """Look; what has been done since the last look."""
        self.meter.look(self.traffic)
        done, self.done = self.done, []
        return done


@pytest.mark.parametrize(
    ("limits", "wait"),
    [
        ({}, TICK),
        ({"data": "1GB/day"}, BYTES_TICK),
        ({"time": "4s/day"}, 3.2),
        ({"time": "1h/day"}, TICK),
        ({"money": "3/day", "price": 1, "charge_unit": "10s"}, 5.0),
        ({"hours": "06:00-12:01"}, TICK),
    ],
)
def test_while_up_it_looks_as_often_as_it_must(limits, wait):
    """Each second only for bytes that are limited; at the very moment for what is known ahead."""
    bench = Bench(**limits)
    bench.meter.up(LINK)
    assert bench.meter.next_look == pytest.approx(wait)


def test_while_down_it_looks_only_if_time_changes_something():
    """Nothing to wait for without limits; at most so long for a time of the wall clock."""
    bench = Bench()
    bench.look()
    assert bench.meter.next_look is None
    bench = Bench(hours="06:00-11:00")
    bench.look()
    assert bench.meter.next_look == MAX_SLEEP
    bench = Bench(hours="06:00-12:01")
    bench.look()
    assert bench.meter.next_look == 60.0


def test_changes_are_written_at_once_and_usage_now_and_then():
    """Dial, up, down: each is on disk; while up a record each half minute, at a look."""
    bench = Bench()
    bench.meter.dialled()
    bench.meter.up(LINK)
    assert bench.look() == ["write", "plan"] * 2
    bench.later(WRITE - 0.1)
    assert bench.look() == []
    bench.later(0.2)
    assert bench.look() == ["write"]
    bench.meter.down()
    assert bench.look() == ["write", "plan"]
    bench.later(WRITE * 2)
    assert bench.look() == []
    bench.meter.down()
    assert bench.look() == []


def test_asking_counts_the_time():
    """Whoever asks between two looks gets the answer of now."""
    bench = Bench(time="5s/day")
    bench.meter.up(LINK)
    bench.later(4.9)
    assert bench.meter.permission().refused is None
    bench.later(0.1)
    assert bench.meter.permission().refused is not None


def test_a_try_that_fails():
    """The attempt counts, no time does; then attempts are judged again."""
    bench = Bench(dials="1/day")
    bench.meter.dialled()
    bench.later(30)
    assert bench.meter.permission().refused is None
    bench.meter.down()
    assert bench.meter.permission().refused is not None
    assert bench.meter.status()["usage"]["day"] == {"time": 0.0, "data": 0, "dials": 1, "money": "0"}


def test_an_answer_does_not_outlive_the_clock_it_was_given_by():
    """What hours forbid is not forbidden any more in the moment in which the clock cannot be right, and is when it is."""
    bench = Bench(hours="06:00-11:00")
    answers = []
    for trusted in (True, False, True):
        bench.clock.wall_trusted = trusted
        answers.append(bench.meter.permission().refused)
    assert [answer is not None for answer in answers] == [True, False, True]
