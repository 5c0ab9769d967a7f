"""The sockets of a LAN: read in batches, written as frames, and nothing raised into the reactor."""

import errno
import socket

import pytest
from twisted.internet.interfaces import IReadDescriptor
from zope.interface.verify import verifyObject

from ics_plugins.lan.dhcp.ports import BATCH, BatchReader, FrameSender
from icsframework.protocols.dhcp.frame import BROADCAST_MAC, parse_frame

MAC, PC = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"


@pytest.fixture
def pair():
    """Two ends of a datagram line."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def test_a_burst_is_one_list(pair):
    """Everything that waits is read in one turn."""
    got, failures = [], []
    reader = BatchReader(pair[0], got.append, lambda: failures.append(1))
    assert verifyObject(IReadDescriptor, reader)
    for n in range(5):
        pair[1].send(b"%d" % n)
    reader.doRead()
    reader.doRead()
    assert (got, failures) == ([[b"0", b"1", b"2", b"3", b"4"]], [])
    assert reader.fileno() == pair[0].fileno()


class Endless:
    """A socket with more datagrams than anybody can read, then an error."""

    def __init__(self, left, error):
        self.left, self.error = left, error

    def recv(self, size):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return b"x"


def test_a_batch_is_bounded():
    """Others get their turn: at most BATCH at once."""
    got = []
    BatchReader(Endless(BATCH + 9, BlockingIOError()), got.append, lambda: None).doRead()
    assert [len(batch) for batch in got] == [BATCH]


def test_an_error_of_the_socket_is_counted():
    """The interface went down: what was read before is used, nothing is raised."""
    got, failures = [], []
    error = OSError(errno.ENETDOWN, "down")
    BatchReader(Endless(2, error), got.append, lambda: failures.append(1)).doRead()
    assert (got, failures) == ([[b"x", b"x"]], [1])


def test_frames_to_clients_and_as_a_client(pair):
    """Replies go from the server's address and port 67 to 68; looks for others as from a client without an address."""
    send = FrameSender(pair[0], MAC, 0xC0A80001)
    assert send.to_client(PC, 0xC0A80064, b"reply")
    assert send.as_client(BROADCAST_MAC, 0xFFFFFFFF, b"discover")
    reply, look = parse_frame(pair[1].recv(2000)), parse_frame(pair[1].recv(2000))
    assert reply == (MAC, PC, 0xC0A80001, 67, 0xC0A80064, 68, b"reply")
    assert look == (MAC, BROADCAST_MAC, 0, 68, 0xFFFFFFFF, 67, b"discover")


def test_a_full_queue_is_not_an_error(pair):
    """What the kernel does not take is lost, as frames may be."""
    send = FrameSender(pair[0], MAC, 0xC0A80001)
    taken = [send.to_client(PC, 1, b"x" * 500) for _ in range(5000)]
    assert taken[0]
    assert not taken[-1]
