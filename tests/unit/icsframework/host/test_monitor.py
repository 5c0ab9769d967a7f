"""Changes of interfaces, told once each."""

import errno
from dataclasses import replace

import pytest
from twisted.internet.task import Clock

from icsframework.errors import HostError
from icsframework.host.monitor import DEBOUNCE, RETRY, InterfaceMonitor
from icsframework.testing.gateway import Readers
from icsframework.values import InterfaceInfo


class Reactor(Clock, Readers):
    """Time and readers by hand."""

    def __init__(self):
        Clock.__init__(self)
        Readers.__init__(self)


def info(name, mtu=1500, index=3):
    return InterfaceInfo(name, index, "02:00:5e:00:53:01", mtu, True, True)


class Kernel:
    """What there is, or an error."""

    def __init__(self):
        self.there = []
        self.error = None
        self.looks = 0

    def read(self):
        self.looks += 1
        if self.error:
            raise self.error
        return list(self.there)


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def reactor():
    return Reactor()


@pytest.fixture
def monitor(reactor, kernel):
    monitor = InterfaceMonitor(reactor, kernel.read)
    yield monitor
    monitor._close()


def happens(monitor, reactor, times=1):
    """The kernel says that something changed."""
    for _ in range(times):
        monitor.doRead()
    reactor.advance(DEBOUNCE)


def test_now_and_at_every_change(monitor, reactor, kernel):
    """Absent, there, changed, gone; nothing where nothing changed."""
    seen = []
    monitor.watch("eth0", seen.append)
    for there in ([info("eth0")], [info("eth0"), info("x")], [info("eth0", 1400)], [], []):
        kernel.there = there
        happens(monitor, reactor)
    assert seen == [None, info("eth0"), info("eth0", 1400), None]


def test_a_storm_is_one_look(monitor, reactor, kernel):
    """However many messages come, there is one look for all of them and all observers."""
    monitor.watch("eth0", lambda info: None)
    monitor.watch("eth1", lambda info: None)
    looks = kernel.looks
    happens(monitor, reactor, times=100)
    assert kernel.looks == looks + 1


def test_an_overflow_is_a_trigger_like_any_other(monitor, reactor, kernel):
    """ENOBUFS says that something changed, which is all there is to know."""

    class Overflowing:
        def __init__(self):
            self.answers = [OSError(errno.ENOBUFS, "x"), b"message", BlockingIOError()]

        def recv(self, size):
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    seen = []
    monitor.watch("eth0", seen.append)
    kernel.there = [info("eth0")]
    real, monitor._socket = monitor._socket, Overflowing()
    monitor.doRead()
    assert monitor._socket.answers == []
    monitor._socket = real
    reactor.advance(DEBOUNCE)
    assert seen == [None, info("eth0")]


def test_the_socket_lives_as_long_as_the_watches(monitor, reactor, open_descriptors):
    """Opened with the first, closed with the last, timers included; ending twice does nothing."""
    before = open_descriptors()
    first = monitor.watch("eth0", lambda info: None)
    second = monitor.watch("eth1", lambda info: None)
    assert reactor.getReaders() == [monitor]
    monitor.doRead()
    first()
    first()
    assert reactor.getReaders() == [monitor]
    second()
    assert (reactor.getReaders(), reactor.getDelayedCalls()) == ([], [])
    assert open_descriptors() == before


def test_an_observer_that_fails_harms_nobody(monitor, reactor, kernel):
    """The others are told, and it is told again the next time."""
    seen, told = [], []

    def broken(info):
        told.append(info)
        raise RuntimeError("a defect")

    monitor.watch("eth0", broken)
    monitor.watch("eth0", seen.append)
    kernel.there = [info("eth0")]
    happens(monitor, reactor)
    assert seen == told == [None, info("eth0")]


def test_an_observer_may_end_another_watch(monitor, reactor, kernel):
    """Who was taken away by an earlier observer is not told."""
    seen = []
    ends = []
    monitor.watch("eth0", lambda info: [end() for end in ends])
    ends.append(monitor.watch("eth0", seen.append))
    kernel.there = [info("eth0")]
    happens(monitor, reactor)
    assert seen == [None]


def test_a_kernel_that_does_not_answer_is_asked_again(monitor, reactor, kernel):
    """The change is told when the kernel answers."""
    seen = []
    monitor.watch("eth0", seen.append)
    kernel.there, kernel.error = [info("eth0")], HostError("no answer")
    happens(monitor, reactor)
    assert seen == [None]
    kernel.error = None
    reactor.advance(RETRY)
    assert seen == [None, info("eth0")]


def test_a_watch_that_cannot_begin_leaves_nothing(monitor, reactor, kernel):
    """The error comes at once, and no socket stays."""
    kernel.error = HostError("no answer")
    with pytest.raises(HostError):
        monitor.watch("eth0", lambda info: None)
    assert reactor.getReaders() == []


def test_a_lost_descriptor_is_replaced(monitor, reactor, kernel):
    """And what changed meanwhile is told."""
    seen = []
    monitor.watch("eth0", seen.append)
    kernel.there = [info("eth0")]
    monitor.connectionLost(None)
    reactor.advance(DEBOUNCE)
    assert seen == [None, info("eth0")]
    assert reactor.getReaders() == [monitor]


def test_a_watch_follows_a_rename(monitor, reactor, kernel):
    """The observer is told the new name; when another interface has the old one, that one counts."""
    seen = []
    kernel.there = [info("eth0")]
    monitor.watch("eth0", seen.append)
    renamed, other = info("wan0"), replace(info("eth0"), ifindex=9)
    for there in ([renamed], [renamed, info("x", index=4)], [renamed, other], [renamed], [info("eth0")]):
        kernel.there = there
        happens(monitor, reactor)
    assert seen == [info("eth0"), renamed, other, None, info("eth0")]


def test_all_interfaces_at_once(monitor, reactor, kernel):
    """Who watches all of them hears of every change, once; a look tells at once."""
    seen = []
    unwatch = monitor.watch_all(seen.append)
    for there in ([info("eth0")], [info("eth0")], [info("eth0"), info("x", index=4)]):
        kernel.there = there
        happens(monitor, reactor)
    kernel.there = []
    monitor.look()
    assert seen == [(), (info("eth0"),), (info("eth0"), info("x", index=4)), ()]
    unwatch()
    assert reactor.readers == []
