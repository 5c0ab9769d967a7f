"""One timer that is set again and again."""

from icsframework.testing.gateway import FakeClock
from icsframework.uplinks.alarm import Alarm


def test_it_rings_at_the_moment_it_was_set_to_last() -> None:
    """Once; there is never a second timer."""
    clock, rung = FakeClock(), []
    alarm = Alarm(clock, lambda: rung.append(clock.now()))
    alarm.set(10.0)
    alarm.set(5.0)
    alarm.set(5.0)
    assert len(clock.clock.getDelayedCalls()) == 1
    clock.clock.advance(5.0)
    clock.clock.advance(20.0)
    assert rung == [5.0]


def test_it_can_be_set_off() -> None:
    """Then nothing waits."""
    clock = FakeClock()
    alarm = Alarm(clock, lambda: None)
    alarm.set(10.0)
    alarm.set(None)
    assert clock.clock.getDelayedCalls() == []


def test_a_moment_that_is_past_is_now_but_not_here() -> None:
    """It may be set again to the same moment from its own ring."""
    clock, rung = FakeClock(), []
    clock.clock.advance(10.0)
    alarm = Alarm(clock, lambda: (rung.append(clock.now()), alarm.set(4.0) if len(rung) < 2 else None))
    alarm.set(4.0)
    assert rung == []
    clock.clock.advance(0.0)
    clock.clock.advance(0.0)
    assert rung == [10.0, 10.0]
