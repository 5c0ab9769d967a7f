"""The fake host fails as it is told; that it is a host is shown by tests/contract/test_host.py."""

from ipaddress import ip_address

import pytest
from twisted.internet.task import Clock

from icsframework.errors import NoPrivilege
from icsframework.testing.host import FakeHost
from icsframework.values import Endpoint, PacketFilter

HERE = Endpoint(ip_address("192.168.0.1"), 67)


@pytest.fixture
def host():
    host = FakeHost(Clock())
    yield host
    host.close_all()


def result(deferred):
    found = []
    deferred.addBoth(found.append)
    return found[0]


CALLS = {
    "interface": ("lan0",),
    "open_packet": ("lan0", PacketFilter(0x0806)),
    "open_tun": ("icsh0", 1400),
    "open_icmp": (),
    "open_serial": ("/dev/ttyS0", 9600),
    "bind_udp": (HERE,),
    "listen": (HERE,),
    "connect": (HERE,),
    "neighbour_in_use": ("lan0", HERE.address, 1.0),
}


@pytest.mark.parametrize("method", CALLS)
def test_every_method_fails_on_request(host, method):
    """With the error that the test chose, until it is removed; and nothing is opened."""
    host.fail[method] = NoPrivilege("not here")
    assert result(getattr(host, method)(*CALLS[method])).check(NoPrivilege)
    assert host.open_sockets == []


def test_udp_goes_nowhere_unless_it_is_told(host):
    """What is sent to the world is on record only; ``reach`` makes it arrive."""
    sender, receiver = result(host.bind_udp(HERE)), result(host.bind_udp(HERE))
    sender.sendto(b"lost", ("203.0.113.1", 53))
    host.reach[Endpoint(ip_address("203.0.113.1"), 53)] = receiver.getsockname()
    sender.sendto(b"found", ("203.0.113.1", 53))
    assert receiver.recv(100) == b"found"
    assert sender.sent == [(b"lost", ("203.0.113.1", 53)), (b"found", ("203.0.113.1", 53))]


def test_close_all_closes_all(host):
    """Both ends of everything."""
    result(host.open_packet("lan0", PacketFilter(0x0806)))
    result(host.bind_udp(HERE))
    assert len(host.open_sockets) == 2
    host.close_all()
    assert host.open_sockets == []
    assert host.packet[0].peer.fileno() == -1


def test_icmp_goes_nowhere(host):
    """What is sent is on record with its address, and sending fails as a test says."""
    sock = result(host.open_icmp())
    assert host.open_sockets == [sock]
    assert sock.sendto(b"message", ("192.168.0.7", 0)) == 7
    sock.fail = OSError("no room")
    with pytest.raises(OSError, match="no room"):
        sock.sendto(b"another", ("192.168.0.7", 0))
    assert host.icmp[0].sent == [(b"message", "192.168.0.7")]
