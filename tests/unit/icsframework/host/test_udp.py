"""UDP sockets on loopback; what needs rights is in tests/netns/test_host_sockets.py."""

import socket
from ipaddress import ip_address

import pytest

from icsframework.errors import HostError, InterfaceMissing, PortTaken
from icsframework.host.udp import bind_udp
from icsframework.values import Endpoint


def endpoint(address, port=0):
    return Endpoint(ip_address(address), port)


def test_bound_as_asked():
    """Address, broadcast and buffer are set, and it does not block."""
    with bind_udp(endpoint("127.0.0.1"), broadcast=True, receive_buffer=50_000) as made:
        assert made.getsockname()[0] == "127.0.0.1"
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST) == 1
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 50_000
        assert not made.getblocking()
        assert not made.get_inheritable()


def test_ipv6_is_ipv6_only():
    """So that IPv4 on the same port can have a socket of its own."""
    with bind_udp(endpoint("::1")) as made:
        assert made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_a_taken_port(open_descriptors):
    """PortTaken names port, address and process, and no descriptor is left."""
    with bind_udp(endpoint("127.0.0.1")) as held:
        before = open_descriptors()
        port = held.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"udp port {port} on 127\.0\.0\.1 is taken by .*\(pid \d+\)"):
            bind_udp(endpoint("127.0.0.1", port))
        assert open_descriptors() == before


def test_an_address_that_is_not_here(open_descriptors):
    """It is named."""
    before = open_descriptors()
    with pytest.raises(HostError, match=r"does not have the address 192\.0\.2\.77"):
        bind_udp(endpoint("192.0.2.77"))
    assert open_descriptors() == before


def test_an_interface_that_is_not_here():
    """It is named."""
    with pytest.raises(InterfaceMissing, match="gone0"):
        bind_udp(endpoint("127.0.0.1"), "gone0")
