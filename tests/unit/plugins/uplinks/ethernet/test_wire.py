"""The packet socket: whole frames in and out."""

import itertools
import socket
import struct

import dpkt
import pytest
from twisted.logger import Logger, capturedLogs
from twisted.python.failure import Failure

from ics_plugins.uplinks.ethernet.wire import BATCH, DhcpWire
from icsframework.protocols.dhcp.frame import FrameBuilder
from icsframework.protocols.dhcp.message import Message
from icsframework.testing.gateway import Readers

MAC, SERVER_MAC = bytes.fromhex("02005e005301"), bytes.fromhex("02005e0053fe")
ADDRESS, SERVER = 0xCB007164, 0xCB007101


class Wire:
    """A DhcpWire and the other end of its socket."""

    def __init__(self):
        self.ours, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for sock in (self.ours, self.peer):
            sock.setblocking(False)
        self.reactor, self.heard, self.then = Readers(), [], lambda: None
        self.wire = DhcpWire(self.reactor, self.ours, MAC, self._hears, Logger())

    def _hears(self, message):
        self.heard.append(message)
        self.then()

    def arrives(self, payload, port=68):
        """A datagram of the server."""
        self.peer.send(FrameBuilder(SERVER_MAC, SERVER, 67, port).build(MAC, ADDRESS, payload))


class Scripted:
    """A socket that gives what it is told to, then nothing."""

    def __init__(self, given):
        self.given = iter(given)

    def recvmsg(self, *_):
        for one in self.given:
            return one
        raise BlockingIOError

    def setsockopt(self, *_):
        """Nothing to do."""

    def fileno(self):
        return 5


@pytest.fixture
def wire():
    """A wire, closed at the end."""
    made = Wire()
    yield made
    made.wire.close()
    made.peer.close()


def test_without_an_address_it_sends_from_nowhere_to_everybody(wire):
    """RFC 2131 section 4.1: 0.0.0.0 port 68 to 255.255.255.255 port 67, as another decoder sees it."""
    message = Message(1, 7, MAC, {53: b"\x01"})
    wire.wire.broadcast(message)
    frame = dpkt.ethernet.Ethernet(wire.peer.recv(2048))
    assert (frame.src, frame.dst) == (MAC, b"\xff" * 6)
    assert (frame.data.src, frame.data.dst, frame.data.ttl) == (b"\0" * 4, b"\xff" * 4, 64)
    assert (frame.data.data.sport, frame.data.data.dport) == (68, 67)
    assert frame.data.data.data == message.to_wire()


def test_with_an_address_it_sends_from_there(wire):
    """Section 4.4.5, REBINDING: broadcast from the address in ciaddr."""
    wire.wire.broadcast(Message(1, 7, MAC, {53: b"\x03"}, ciaddr=ADDRESS))
    frame = dpkt.ethernet.Ethernet(wire.peer.recv(2048))
    assert (frame.data.src, frame.data.dst) == (ADDRESS.to_bytes(4, "big"), b"\xff" * 4)


def test_messages_are_read_and_what_is_none_is_counted(wire):
    """Other ports are not ours; no DHCP, no frame and wrong checksums are counted."""
    message = Message(2, 7, MAC, {53: b"\x02"})
    wire.arrives(message.to_wire())
    wire.arrives(message.to_wire(), port=67)
    wire.arrives(b"garbage")
    wire.peer.send(b"no frame")
    broken = bytearray(FrameBuilder(SERVER_MAC, SERVER, 67, 68).build(MAC, ADDRESS, message.to_wire()))
    broken[-1] ^= 1
    wire.peer.send(broken)
    wire.reactor.turn()
    assert (wire.heard, wire.wire.malformed) == ([message], 3)


def test_a_flood_leaves_time_for_others():
    """One turn reads a bounded number, however much there is."""
    message = Message(2, 7, MAC, {53: b"\x02"})
    frame = FrameBuilder(SERVER_MAC, SERVER, 67, 68).build(MAC, ADDRESS, message.to_wire())
    heard = []
    wire = DhcpWire(Readers(), Scripted(itertools.repeat((frame, [], 0, None))), MAC, heard.append, Logger())
    wire.doRead()
    assert len(heard) == BATCH


def test_reading_stops_when_the_reader_closes_it(wire):
    """What was heard may end the session: nothing more is read, and nothing raises."""
    for _ in range(3):
        wire.arrives(Message(2, 7, MAC, {53: b"\x02"}).to_wire())
    wire.then = lambda: wire.wire.close()
    wire.wire.doRead()
    assert (len(wire.heard), wire.reactor.readers) == (1, [])
    wire.wire.doRead()


def test_a_broken_socket_raises_nothing(wire):
    """Gone is gone: the client repeats, the interface's own events tell the rest."""
    wire.peer.close()
    wire.wire.broadcast(Message(1, 7, MAC, {53: b"\x01"}))
    wire.wire.doRead()
    wire.wire.connectionLost(Failure(OSError()))
    wire.wire.broadcast(Message(1, 7, MAC, {53: b"\x01"}))
    wire.wire.doRead()
    assert (wire.heard, wire.reactor.readers) == ([], [])


def test_checksums_put_off_by_the_kernel_are_not_asked_for():
    """A server on this machine: TP_STATUS_CSUMNOTREADY says that the checksum is not there yet."""
    message = Message(2, 7, MAC, {53: b"\x02"})
    frame = bytearray(FrameBuilder(SERVER_MAC, SERVER, 67, 68).build(MAC, ADDRESS, message.to_wire()))
    frame[40:42] = b"\x12\x34"
    heard = []

    def with_flags(flags):
        return Scripted([(bytes(frame), [(263, 8, struct.pack("=5I", flags, 0, 0, 0, 0))], 0, None)])

    DhcpWire(Readers(), with_flags(1 << 3), MAC, heard.append, Logger()).doRead()
    DhcpWire(Readers(), with_flags(0), MAC, heard.append, Logger()).doRead()
    assert heard == [message]


def test_a_defect_costs_one_message(wire):
    """An exception never reaches the reactor, which would end the client; the log is bounded."""

    def defective():
        raise IndexError("a defect")

    message = Message(2, 7, MAC, {53: b"\x02"})
    wire.then = defective
    with capturedLogs() as logged:
        for _ in range(5):
            wire.arrives(message.to_wire())
        wire.reactor.turn()
    assert ([event["count"] for event in logged], wire.wire.defects) == ([1, 2, 4], 5)
    wire.then = lambda: None
    wire.arrives(message.to_wire())
    wire.reactor.turn()
    assert wire.heard == [message] * 6
