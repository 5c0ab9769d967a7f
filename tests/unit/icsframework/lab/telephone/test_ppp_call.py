"""One call to the lab's provider, with a socket for the line and a pipe-like pair for the device."""

import os
import select
import socket
import time

import dpkt
import pytest

from icsframework.lab.telephone.ppp_call import MOST_LARGE, MOST_SMALL, PppCall, Queue
from icsframework.lab.telephone.provider import settings
from icsframework.protocols.ppp.actions import Deliver, Down, Transmit, Up
from icsframework.protocols.ppp.auth.method import Credentials
from icsframework.protocols.ppp.link import PppLink
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.testing.ppp import seeded

CONFIG = {"auth": "chap", "users": {"gw": "secret"}, "address": "203.0.113.1", "dns": ["192.0.2.1"]}


def packet(size, ident=1):
    """An IP packet of so many octets."""
    udp = dpkt.udp.UDP(sport=9, dport=9, data=bytes(size - 28), ulen=size - 20)
    whole = dpkt.ip.IP(src=bytes([192, 0, 2, 80]), dst=bytes([203, 0, 113, 5]), p=17, id=ident, data=udp)
    whole.len = len(whole)
    return bytes(whole)


class Caller:
    """A subscriber at the other end."""

    def __init__(self, password="secret"):
        self.line, theirs = socket.socketpair()
        self.device, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        device.setblocking(False)
        self._keep = device
        self.log = []
        self.call = PppCall(
            PppLink(settings(CONFIG, "203.0.113.5"), seeded(2)), theirs, device.fileno(), self.log.append
        )
        self.link = PppLink(LinkSettings(credentials=Credentials("gw", password)), seeded(1))
        self.said, self.packets = [], []
        self.call.open(time.monotonic())
        self.do(self.link.open(time.monotonic()))

    def do(self, actions):
        """Carry it out."""
        for action in actions:
            if isinstance(action, Transmit):
                self.line.sendall(action.data)
            elif isinstance(action, Deliver):
                self.packets += action.packets
            else:
                self.said.append(action)

    def until(self, what):
        """Both ends work until something is true."""
        end = time.monotonic() + 5.0
        while not what():
            assert time.monotonic() < end, (self.said, self.log)
            now = time.monotonic()
            readable, writable, _ = select.select(
                [self.line, self.call.line, self.call.tun],
                [self.call.line] if self.call.wants_to_write() else [],
                [],
                0.05,
            )
            if self.call.tun in readable:
                self.call.tun_readable()
            if self.call.line in readable:
                self.call.line_readable(now)
            if self.call.line in writable:
                self.call.line_writable()
            if self.line in readable:
                self.do(self.link.receive(self.line.recv(65536), now))
            self.call.timeout(now)
            self.do(self.link.timeout(now))

    def is_up(self):
        """IP passes at this end."""
        return any(isinstance(each, Up) for each in self.said) and self.call.link.ready


@pytest.fixture
def caller():
    """A function that makes one."""
    callers = []

    def make(*arguments):
        callers.append(Caller(*arguments))
        return callers[-1]

    yield make
    for each in callers:
        for one in (each.line, each.call.line, each.device, each._keep):
            one.close()


def test_a_subscriber_is_let_in(caller):
    """He gets the address and the DNS server; packets pass both ways, small ones first."""
    one = caller()
    one.until(one.is_up)
    up = next(each for each in one.said if isinstance(each, Up)).result
    assert (str(up.local), str(up.peer), list(map(str, up.dns))) == (
        "203.0.113.5",
        "203.0.113.1",
        ["192.0.2.1"],
    )
    one.line.sendall(one.link.send([packet(100)]))
    one.until(lambda: select.select([one.device], [], [], 0)[0])
    assert one.device.recv(2000) == packet(100)
    for each in (packet(1500, 1), packet(1500, 2), packet(60, 3)):
        one.device.send(each)
    one.until(lambda: len(one.packets) == 3)
    assert [len(each) for each in one.packets] == [60, 1500, 1500]
    assert not one.call.over


def test_a_wrong_password(caller):
    """Both ends know why it is over."""
    one = caller("wrong")
    one.until(lambda: one.call.over and any(isinstance(each, Down) for each in one.said))
    assert "gw" in one.call.over


def test_hanging_up(caller):
    """The end of the line is the end of the call."""
    one = caller()
    one.until(one.is_up)
    one.line.shutdown(socket.SHUT_RDWR)
    one.call.line_readable(time.monotonic())
    assert one.call.over == "the caller hung up"


def test_the_queue():
    """Small packets overtake; each kind has its bound, and what is dropped is counted."""
    queue = Queue()
    for number in range(MOST_LARGE + 2):
        queue.put(bytes([number]) * 1000)
    queue.put(b"small")
    assert (queue.next(), queue.next()[:1], len(queue), queue.dropped) == (b"small", b"\0", MOST_LARGE - 1, 2)
    for _ in range(MOST_SMALL + 3):
        queue.put(b"x")
    assert queue.dropped == 5


def test_a_device_that_takes_nothing(caller):
    """Packets that the device refuses are said and forgotten."""
    one = caller()
    one.until(one.is_up)
    one.device.close()
    one.line.sendall(one.link.send([packet(100)]))
    one.until(lambda: any("a packet of 100 octets was not taken" in line for line in one.log))
    assert os.fstat(one.call.tun)
