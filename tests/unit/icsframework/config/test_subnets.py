"""Subnets for LANs."""

from ipaddress import IPv4Interface, IPv4Network, IPv6Network, ip_interface

import pytest

from icsframework.config.subnets import pick_subnet, unfit_address
from icsframework.errors import ConfigurationError


def networks(*texts):
    """Networks from text."""
    return [IPv4Network(text) for text in texts]


@pytest.mark.parametrize(
    ("taken", "picked"),
    [
        ((), "192.168.0.1/24"),
        (("192.168.0.0/24",), "192.168.1.1/24"),
        (("192.168.0.0/23", "192.168.2.128/25"), "192.168.3.1/24"),
        (("192.168.0.0/16",), "172.16.0.1/24"),
        (("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/24"), "10.0.1.1/24"),
        (("8.8.8.8/32",), "192.168.0.1/24"),
    ],
)
def test_auto_takes_the_first_private_subnet_that_is_free(taken, picked):
    """The usual one if it can be had, then the others in order."""
    assert pick_subnet(networks(*taken)) == IPv4Interface(picked)


def test_auto_ignores_the_other_family():
    """An IPv6 network collides with nothing here."""
    assert pick_subnet([IPv6Network("::/0")]) == IPv4Interface("192.168.0.1/24")


def test_auto_says_when_nothing_is_left():
    """With the way out."""
    with pytest.raises(ConfigurationError, match="no private subnet that is free; give the LAN an address"):
        pick_subnet(networks("0.0.0.0/0"))


@pytest.mark.parametrize(
    "address", ["192.168.0.1/24", "10.255.255.254/8", "172.16.5.5/12", "192.168.0.1/30", "203.0.113.1/24"]
)
def test_good_addresses(address):
    """Any host address of a network with room for a host."""
    assert unfit_address(ip_interface(address)) is None


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("192.168.0.0/24", "192.168.0.0 is the network's own address"),
        ("192.168.0.255/24", "192.168.0.255 is the broadcast address"),
        ("192.168.0.1/31", "the prefix length 31 is not between 8 and 30"),
        ("10.0.0.1/7", "the prefix length 7 is not between 8 and 30"),
        ("127.0.0.1/8", "127.0.0.0/8 overlaps 127.0.0.0/8, the loopback network"),
        ("169.254.1.1/24", "169.254.1.0/24 overlaps 169.254.0.0/16, the link-local network (RFC 3927)"),
        ("224.0.0.1/24", "224.0.0.0/24 overlaps 224.0.0.0/4, the multicast network"),
        ("255.255.255.1/24", "255.255.255.0/24 overlaps 240.0.0.0/4, the reserved network"),
        ("0.0.0.1/8", "0.0.0.0/8 overlaps 0.0.0.0/8, this network itself (RFC 1122)"),
        ("fd00::1/64", "only IPv4 addresses have a function yet"),
    ],
)
def test_addresses_that_cannot_be_a_gateway(address, problem):
    """Each with its reason and what to write."""
    found = unfit_address(ip_interface(address))
    assert found is not None
    assert found[0] == problem
    assert found[1]
