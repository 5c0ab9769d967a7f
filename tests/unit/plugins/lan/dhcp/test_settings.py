"""LAN and configuration brought together."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest

from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.settings import Reserved, default_range, settings_for
from icsframework.errors import ConfigurationError
from icsframework.values import Lan

LAN = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv4Interface("192.168.0.1/24"))


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("192.168.0.1/24", "192.168.0.100", "192.168.0.199"),
        ("10.0.0.1/16", "10.0.100.0", "10.0.199.255"),
        ("10.0.0.1/8", "10.100.0.0", "10.100.255.255"),
        ("192.168.0.65/26", "192.168.0.89", "192.168.0.113"),
        ("192.168.0.1/28", "192.168.0.1", "192.168.0.14"),
        ("192.168.0.1/30", "192.168.0.1", "192.168.0.2"),
    ],
)
def test_the_default_range(address, first, last):
    """The middle of the network as in DESIGN's /24, never more than 65536 addresses, all of a tiny one."""
    assert default_range(IPv4Interface(address)) == (IPv4Address(first), IPv4Address(last))


def test_defaults():
    """An empty mapping serves a home network: twelve hours, the gateway as router and DNS server."""
    settings = settings_for(LAN, DhcpConfig())
    us = IPv4Address("192.168.0.1")
    assert (settings.server, settings.lease, settings.probe) == (int(us), 43200, 0.4)
    assert list(settings.options.items()) == [
        (1, b"\xff\xff\xff\0"), (3, us.packed), (6, us.packed), (15, b"home.arpa"), (28, b"\xc0\xa8\0\xff")
    ]  # fmt: skip
    assert settings.excluded == {int(us), int(us) - 1, int(us) + 254}


def test_reservations_by_mac_and_identifier():
    """Both kinds are found; the identifier goes first; their addresses leave the pool."""
    config = DhcpConfig.model_validate(
        {
            "reservations": [
                {"mac": "02:00:5E:00:53:01", "address": "192.168.0.10", "hostname": "printer"},
                {"client_id": "FF:00:01", "address": "192.168.0.11"},
            ]
        }
    )
    settings = settings_for(LAN, config)
    printer = Reserved(int(IPv4Address("192.168.0.10")), "printer")
    assert settings.reserved_for(b"x", bytes.fromhex("02005e005301")) == printer
    assert settings.reserved_for(b"\xff\0\1", bytes.fromhex("02005e005301")).address == printer.address + 1
    assert settings.reserved_for(b"x", b"y") is None
    assert {printer.address, printer.address + 1} <= settings.excluded


def test_a_small_mtu_is_told():
    """RFC 2132 section 5.1: only where it is not Ethernet's own."""
    small = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv4Interface("192.168.0.1/24"), 1400)
    assert settings_for(small, DhcpConfig()).options[26] == b"\x05\x78"
    assert 26 not in settings_for(LAN, DhcpConfig()).options


def test_a_lan_without_ipv4_is_refused_in_a_sentence():
    """DHCP is for IPv4; the error names the LAN and says what to do."""
    lan = Lan("home", "eth1", 2, "02:00:5e:00:53:fe", IPv6Interface("fd00::1/64"))
    with pytest.raises(ConfigurationError, match=r"LAN home has the IPv6 address fd00::1/64.*set address to"):
        settings_for(lan, DhcpConfig())


def test_where_the_subnet_may_change_leases_are_short():
    """Unless the file says how long; and a range of the file counts only where it belongs."""
    auto = replace(LAN, auto=True)
    assert settings_for(LAN, DhcpConfig()).lease == 43200
    assert settings_for(auto, DhcpConfig()).lease == 600
    assert settings_for(auto, DhcpConfig.model_validate({"lease": "1h"})).lease == 3600
    config = DhcpConfig.model_validate({"range": ["192.168.0.20", "192.168.0.30"]})
    here = settings_for(auto, config)
    assert (here.first & 0xFF, here.last & 0xFF) == (20, 30)
    moved = settings_for(replace(auto, address=IPv4Interface("192.168.1.1/24")), config)
    assert (moved.first & 0xFFFF, moved.last & 0xFFFF) == (0x0164, 0x01C7)
