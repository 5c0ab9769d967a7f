"""How long addresses linger, and who is told of their end."""

import pytest

from icsframework.testing.gateway import FakeClock
from icsframework.uplinks.lingering import LINGER, Lingering
from icsframework.values import Link

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


@pytest.mark.parametrize(("replaced", "ended"), [(True, 0), (False, 1)])
def test_the_end_is_told_unless_a_link_has_come_instead(replaced: bool, ended: int) -> None:
    """The machine need not be touched for addresses that it goes on to have."""
    clock, told = FakeClock(), list[int]()
    lingering = Lingering(clock, lambda: told.append(1))
    lingering.keep(LINK, False)
    lingering.keep(LINK, False)
    lingering.keep(None, replaced)
    assert (lingering.link, len(told), clock.clock.getDelayedCalls()) == (None, ended, [])


def test_time_ends_it() -> None:
    """Once, after the whole time."""
    clock, told = FakeClock(), list[int]()
    lingering = Lingering(clock, lambda: told.append(1))
    lingering.keep(LINK, False)
    clock.clock.advance(LINGER - 1)
    assert (lingering.link, told) == (LINK, [])
    clock.clock.advance(1)
    assert (lingering.link, told) == (None, [1])


def test_a_stop_leaves_the_link_and_no_timer() -> None:
    """Whoever stops says himself what becomes of the machine."""
    clock = FakeClock()
    lingering = Lingering(clock, lambda: None)
    lingering.keep(LINK, False)
    lingering.stop()
    assert (lingering.link, clock.clock.getDelayedCalls()) == (LINK, [])
