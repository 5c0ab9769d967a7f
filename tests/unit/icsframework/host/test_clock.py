"""Time."""

import time
from uuid import UUID

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock as Reactor
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from icsframework.host.clock import Clock, steady
from icsframework.interfaces import IClock


def test_it_is_a_clock():
    """It provides IClock; now is CLOCK_BOOTTIME and wall is the system's."""
    clock = Clock(Reactor())
    assert verifyObject(IClock, clock)
    assert abs(clock.now() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
    assert abs(clock.wall() - time.time()) < 5


def test_calls_come_later():
    """After the delay, with the arguments; one in the past as soon as possible."""
    reactor, seen = Reactor(), []
    clock = Clock(reactor)
    clock.call_later(5, seen.append, "a")
    clock.call_later(-5, seen.append, "b")
    reactor.advance(0)
    assert seen == ["b"]
    reactor.advance(5)
    assert seen == ["b", "a"]


def test_a_wall_clock_is_trusted_unless_provably_wrong():
    """Before the release, or before what our own store has seen, it is wrong."""
    wall, newest = [1000.0], [0.0]
    clock = Clock(Reactor(), newest=lambda: newest[0], released=2000.0, wall=lambda: wall[0])
    assert not clock.wall_trusted
    wall[0] = 2001.0
    assert clock.wall_trusted
    newest[0] = 3000.0
    assert not clock.wall_trusted


def test_a_boot_has_a_name():
    """The same each time within one boot."""
    assert Clock(Reactor()).boot == Clock(Reactor()).boot
    assert UUID(Clock(Reactor()).boot)


def test_timers_do_not_follow_the_wall_clock():
    """A steady reactor counts as IClock.now does, in its timers too."""
    reactor = EPollReactor()
    try:
        steady(reactor)
        assert abs(reactor.seconds() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 5
        call = reactor.callLater(100, lambda: None)
        assert 90 < call.getTime() - time.clock_gettime(time.CLOCK_BOOTTIME) <= 101
        assert 90 < reactor.timeout() <= 100
        call.cancel()
    finally:
        for waker in reactor.removeAll():
            waker.connectionLost(Failure(ConnectionDone()))
