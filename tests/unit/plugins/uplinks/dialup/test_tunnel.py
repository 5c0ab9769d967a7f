"""The TUN device in the reactor."""

import socket

import pytest
from twisted.logger import Logger

from ics_plugins.uplinks.dialup.tunnel import Tunnel
from icsframework.testing.gateway import Readers


@pytest.fixture
def bench():
    """The tunnel, its kernel, its reactor, and what it hands on."""
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in (ours, kernel):
        end.setblocking(False)
    reactor, got = Readers(), []
    tunnel = Tunnel(reactor, ours, got.append, lambda: 10, Logger())
    yield tunnel, kernel, reactor, got
    tunnel.close()
    kernel.close()
    assert not reactor.readers


def test_packets_come_in_batches(bench):
    """Many in one turn of the reactor, but not without end."""
    tunnel, kernel, _, got = bench
    for number in range(11):
        kernel.send(bytes([number]))
    tunnel.doRead()
    assert got == [[bytes([number]) for number in range(10)]]
    tunnel.doRead()
    assert (tunnel.sent, tunnel.sent_octets, len(got)) == (11, 11, 2)
    tunnel.doRead()
    assert len(got) == 2


def test_packets_go(bench):
    """Each as one."""
    tunnel, kernel, _, _ = bench
    tunnel.write([b"one", b"three"])
    assert [kernel.recv(99), kernel.recv(99)] == [b"one", b"three"]
    assert (tunnel.received, tunnel.received_octets) == (2, 8)


def test_a_packet_that_the_kernel_refuses_is_counted(bench):
    """The next is tried all the same."""
    tunnel, kernel, _, _ = bench
    kernel.close()
    tunnel.write([b"one", b"two"])
    assert tunnel.refused == 2


def test_it_can_be_held_up(bench):
    """Nothing is read, and nothing is lost."""
    tunnel, kernel, reactor, got = bench
    tunnel.pause()
    kernel.send(b"x")
    reactor.turn(0)
    assert (got, tunnel.paused) == ([], True)
    tunnel.resume()
    reactor.turn(0)
    assert (got, tunnel.paused) == ([[b"x"]], False)


def test_closed_is_closed(bench):
    """No descriptor, no reading, no writing."""
    tunnel, _, reactor, _ = bench
    tunnel.close()
    tunnel.close()
    tunnel.write([b"x"])
    tunnel.resume()
    assert (tunnel.fileno(), reactor.readers) == (-1, [])
