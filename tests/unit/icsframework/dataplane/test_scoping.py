"""Scopes as matches."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from icsframework.dataplane.doors import Scope
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.scoping import by_interface, by_lan, by_uplink, common, pairs

PLANE = DataPlane(
    (
        LanSide("home", "eth1", ip_interface("192.168.0.1/24")),
        LanSide("guest", "eth2", ip_interface("192.168.7.1/24")),
    ),
    (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "eth3")),
)


def nets(*texts):
    """Networks."""
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    ("lans", "matches"),
    [
        ((), ["iifname @lans "]),
        (("guest",), ['iifname "eth2" ']),
        (("guest", "home"), ['iifname { "eth1", "eth2" } ']),
        (("gone",), []),
    ],
)
def test_lans(lans, matches):
    """All LANs are the set of them, some are named, and a LAN that is not there gives no rule."""
    assert list(by_lan(PLANE, Scope(lans), "iifname")) == matches


@pytest.mark.parametrize(
    ("lans", "matches"),
    [
        ((), ["iifname @lans "]),
        (
            ("guest", "home", "six"),
            [
                'iifname { "eth1", "eth2", "eth4" } ',
                'iifname "icsh0" ip saddr 192.168.0.0/24 ',
                'iifname "icsh0" ip saddr 192.168.7.0/24 ',
            ],
        ),
        (("gone",), []),
    ],
)
def test_lans_of_packets_that_have_waited(lans, matches):
    """They come in by the hold device, which is in the set of all; where some are named, their source tells. To a LAN nothing is different."""
    six = LanSide("six", "eth4", ip_interface("fd00::1/64"))
    plane = replace(PLANE, lans=(*PLANE.lans, six), hold=HoldSide())
    assert list(by_lan(plane, Scope(lans), "iifname")) == matches
    assert len(list(by_lan(plane, Scope(lans), "oifname"))) == len(matches[:1])


def test_lans_where_the_device_was_asked_for_before():
    """Only the interfaces of those that are named."""
    assert list(by_interface(PLANE, Scope())) == [""]
    assert list(by_interface(PLANE, Scope(("guest",)))) == ['iifname "eth2" ']
    assert list(by_interface(PLANE, Scope(("gone",)))) == []


@pytest.mark.parametrize(
    ("names", "matches"),
    [
        ((), [""]),
        (("dsl",), ["ct mark & 0x001f0000 0x00020000 "]),
        (("dsl", "cable"), ["ct mark & 0x001f0000 { 0x00010000, 0x00020000 } "]),
        (("gone",), []),
    ],
)
def test_uplinks(names, matches):
    """All uplinks need no match, some are known by their marks, and one that is not there gives no rule."""
    assert list(by_uplink(PLANE, names)) == matches


def test_no_interfaces_no_rules():
    """Without LANs or uplinks no door makes a rule."""
    assert list(by_lan(DataPlane(), Scope(), "oifname")) == []
    assert list(by_uplink(DataPlane(), ())) == []


def test_pairs():
    """Every client's network with every server's; IPv6 has no rule; none at all fits everything."""
    assert list(pairs((), ())) == [""]
    assert list(pairs(nets("10.0.0.0/8", "2001:db8::/32"), nets("192.0.2.0/24", "192.0.2.7/32"))) == [
        "ip saddr 10.0.0.0/8 ip daddr 192.0.2.0/24 ",
        "ip saddr 10.0.0.0/8 ip daddr 192.0.2.7/32 ",
    ]
    assert list(pairs(nets("2001:db8::/32"), ())) == []
    assert list(pairs((), nets("192.0.2.0/24"), server="ip saddr")) == ["ip saddr 192.0.2.0/24 "]


@pytest.mark.parametrize(
    ("some", "others", "both"),
    [
        ((), (), ()),
        (("10.0.0.0/8",), (), ("10.0.0.0/8",)),
        ((), ("10.0.0.0/8",), ("10.0.0.0/8",)),
        (("10.0.0.0/8",), ("10.1.0.0/16", "192.0.2.0/24"), ("10.1.0.0/16",)),
        (("10.1.0.0/16",), ("10.0.0.0/8",), ("10.1.0.0/16",)),
        (("10.0.0.0/8",), ("192.0.2.0/24",), None),
        (("2001:db8::/32",), ("10.0.0.0/8",), None),
    ],
)
def test_networks_in_common(some, others, both):
    """The narrower one of two that overlap; nothing in common is not the same as no limit."""
    assert common(nets(*some), nets(*others)) == (None if both is None else nets(*both))
