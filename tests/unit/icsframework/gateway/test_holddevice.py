"""The hold device: packets from the kernel and back, a bounded number at once, whatever the kernel says."""

import os
import socket

import pytest
from twisted.internet.defer import fail, succeed
from twisted.logger import Logger, capturedLogs
from twisted.python.failure import Failure

from icsframework.errors import HostError
from icsframework.gateway.holddevice import AGAIN, BATCH, MTU, TRIES, HoldDevice
from icsframework.testing.gateway import FakeClock, Readers
from icsframework.uplinks.hold import MOST_PACKETS
from icsframework.values import InterfaceInfo


class Stage:
    """A device whose kernel is the test: ``kernel`` is the other end, with room for hundreds of packets."""

    def __init__(self):
        self.clock, self.reactor = FakeClock(), Readers()
        self.received, self.lost, self.asked = [], [], []
        self.tun, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self.tun, self.kernel):
            end.setblocking(False)
        self.opening = succeed(self.tun)
        self.device = HoldDevice(
            self, self.reactor, self.clock, self.take, self.lost.append, Logger(namespace="hold")
        )

    def open_tun(self, name, mtu):
        self.asked.append((name, mtu))
        return self.opening

    def watch_interface(self, name, observer):
        assert name == "icsh0"
        self.watching = observer
        observer(None)  # the news of it is still on its way
        return lambda: setattr(self, "watching", None)

    def take(self, data):
        self.received.append(data)

    def written(self):
        found = []
        while True:
            try:
                found.append(self.kernel.recv(3000))
            except BlockingIOError:
                return found

    def fill(self):
        """The kernel takes no more: returns how many it had taken before."""
        count = 0
        try:
            while True:
                self.tun.send(b"x" * 1000)
                count += 1
        except BlockingIOError:
            return count


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.device.close()
    stage.tun.close()
    stage.kernel.close()


def told(deferred):
    fired = []
    deferred.addCallback(fired.append)
    return fired


def test_it_is_made_and_read(stage):
    """The device has its name and MTU; what the kernel gives is handed on, one packet after the other."""
    stage.device.open()
    assert (stage.asked, stage.device.ready) == ([("icsh0", MTU)], True)
    stage.kernel.send(b"one")
    stage.kernel.send(b"two")
    stage.reactor.turn()
    assert stage.received == [b"one", b"two"]


def test_there_can_be_none(stage):
    """The error is the caller's to tell."""
    stage.opening = fail(HostError("no tun"))
    errors = []
    stage.device.open().addErrback(errors.append)
    assert errors[0].check(HostError)
    assert (stage.device.ready, stage.reactor.readers, stage.device.fileno()) == (False, [], -1)


def test_a_turn_is_bounded(stage):
    """However many packets wait, one turn of the reactor takes so many, and the next goes on."""
    stage.device.open()
    for number in range(BATCH + 5):
        stage.kernel.send(bytes([number]))
    stage.device.doRead()
    assert len(stage.received) == BATCH
    stage.device.doRead()
    assert stage.received == [bytes([number]) for number in range(BATCH + 5)]


def test_a_long_packet_shows_by_its_length(stage):
    """What is longer than the device's MTU is cut, not read in two."""
    stage.device.open()
    stage.kernel.send(bytes(3000))
    stage.kernel.send(b"next")
    stage.reactor.turn()
    assert [len(one) for one in stage.received] == [2048, 4]


def test_a_defect_costs_one_packet(stage):
    """An exception is logged, and the next packet is taken all the same."""

    def take(data):
        stage.received.append(data)
        if data == b"bad":
            raise ZeroDivisionError

    stage.device._received = take
    stage.device.open()
    for data in (b"bad", b"good"):
        stage.kernel.send(data)
    with capturedLogs() as logged:
        stage.device.doRead()
    assert stage.received == [b"bad", b"good"]
    assert [event["log_failure"].type for event in logged] == [ZeroDivisionError]


def test_a_packet_that_ends_it(stage):
    """Reading ends when the device is closed by what a packet led to."""
    stage.device._received = lambda data: stage.device.close()
    stage.device.open()
    for data in (b"one", b"two"):
        stage.kernel.send(data)
    stage.device.doRead()
    assert (stage.device.ready, stage.reactor.readers) == (False, [])


def test_packets_go_back_in_order(stage):
    """At once, if the kernel takes them."""
    stage.device.open()
    done = told(stage.device.send([b"one", b"two"]))
    assert (stage.written(), done, stage.device.written) == ([b"one", b"two"], [None], 2)


def test_a_kernel_without_room_is_asked_again(stage):
    """Order is kept over the pause, also for what comes meanwhile."""
    stage.device.open()
    stage.fill()
    first, second = told(stage.device.send([b"one", b"two"])), told(stage.device.send([b"three"]))
    assert (first, second, stage.device.written) == ([], [], 0)
    stage.written()
    stage.clock.clock.advance(AGAIN)
    assert (stage.written(), first, second) == ([b"one", b"two", b"three"], [None], [None])
    assert (stage.device.written, stage.device.unwritten) == (3, 0)
    assert stage.clock.clock.getDelayedCalls() == []


def test_a_kernel_that_takes_nothing(stage):
    """After so many tries the packets are dropped and counted, and the next begin anew."""
    stage.device.open()
    stage.fill()
    done = told(stage.device.send([b"one", b"two"]))
    stage.clock.clock.pump([AGAIN] * (TRIES - 1))
    assert (done, stage.device.unwritten) == ([None], 2)
    stage.written()
    stage.device.send([b"three"])
    assert stage.written() == [b"three"]


def test_a_slow_kernel_is_not_given_up(stage):
    """As long as it takes one packet now and again, the tries begin anew; and more packets are no more tries."""
    stage.device.open()
    stage.fill()
    for number in range(TRIES + 5):
        stage.device.send([bytes([number]) * 1000])
    for _ in range(TRIES + 5):
        stage.kernel.recv(3000)
        stage.clock.clock.pump([AGAIN] * 2)
    assert (stage.device.unwritten, stage.device.written) == (0, TRIES + 5)
    assert [data[0] for data in stage.written()][-5:] == list(range(TRIES, TRIES + 5))


def test_what_waits_to_be_written_is_bounded(stage):
    """More than may wait at all is dropped."""
    stage.device.open()
    stage.fill()
    stage.device.send([b"x"] * (MOST_PACKETS + 3))
    assert stage.device.unwritten == 3
    stage.device.close()
    assert stage.device.unwritten == MOST_PACKETS + 3
    assert stage.clock.clock.getDelayedCalls() == []


def test_a_packet_that_the_kernel_refuses(stage):
    """It is counted; the next one is written."""
    stage.device.open()
    stage.device.send([bytes(10**6), b"next"])
    assert (stage.written(), stage.device.unwritten, stage.device.written) == ([b"next"], 1, 1)


@pytest.mark.parametrize("way", ["read", "reactor"])
def test_somebody_takes_it_away(stage, way):
    """It is told once, with the reason, and the descriptor is given back."""
    stage.device.open()
    if way == "read":
        away = os.open("/", os.O_RDONLY)
        os.dup2(away, stage.tun.fileno())  # reading it fails: it is a directory
        os.close(away)
        stage.device.doRead()
    else:
        stage.device.connectionLost(Failure(HostError("gone")))
    stage.device.connectionLost(Failure(HostError("again")))
    assert len(stage.lost) == 1
    assert stage.lost[0] in ("Is a directory", "gone")
    assert (stage.device.ready, stage.reactor.readers, stage.tun.fileno()) == (False, [], -1)


def test_it_can_be_opened_again(stage):
    """After a close a new device takes its place."""
    stage.device.open()
    stage.device.close()
    ours, stage.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    stage.opening = succeed(ours)
    stage.device.open()
    stage.kernel.send(b"one")
    stage.reactor.turn()
    assert stage.received == [b"one"]


def info(up, ifindex=7):
    """What is told of the interface."""
    return InterfaceInfo("icsh0", ifindex, "", MTU, up, up)


def test_one_that_was_set_down_is_as_good_as_gone(stage):
    """Nothing comes out of it any more; on its way up it is told to be down, and so may be the one before it."""
    stage.watching = None
    stage.device.open()
    for news in (info(True, 6), info(False), info(True), info(True), None):
        stage.watching(news)
    assert (stage.device.ready, stage.lost) == (True, [])
    stage.watching(info(False))
    assert (stage.device.ready, stage.lost, stage.watching) == (False, ["it was set down"], None)
