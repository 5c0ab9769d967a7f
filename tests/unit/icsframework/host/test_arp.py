"""Questions that cannot be asked by ARP; the others are in tests/netns/test_host_arp.py."""

from ipaddress import ip_address

import pytest

from icsframework.errors import HostError, InterfaceMissing
from icsframework.host.arp import neighbour_in_use
from icsframework.testing.gateway import Readers

HERE = ip_address("127.0.0.1")


def test_there_is_no_arp_on_loopback():
    """Nor on ppp and tun: nobody else can have the address there."""
    found = []
    neighbour_in_use(Readers(), "lo", HERE, 5.0).addCallback(found.append)
    assert found == [None]


def test_ipv6_has_no_arp():
    """The address is named."""
    with pytest.raises(HostError, match="2001:db8::1"):
        neighbour_in_use(Readers(), "lo", ip_address("2001:db8::1"), 5.0)


def test_an_interface_that_is_not_here():
    """It is named."""
    with pytest.raises(InterfaceMissing, match="gone0"):
        neighbour_in_use(Readers(), "gone0", HERE, 5.0)
