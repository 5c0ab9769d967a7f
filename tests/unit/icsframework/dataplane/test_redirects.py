"""Redirects as rules; with real packets in tests/netns/dataplane."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.dataplane.doors import Doors, Published, Redirect, Scope
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.redirects import (
    admitted,
    has_inbound,
    inbound,
    mark_inside_legs,
    outbound,
    to_proxy,
)
from icsframework.values import Endpoint

IN = Redirect("ftp", (21, 22), 4000, "inbound")
FTP = Published("ftp", "tcp", 2120, 2121, Endpoint(ip_address("192.168.0.10"), 20))
LANS = (LanSide("home", "eth1", ip_interface("192.168.0.1/24")),)
UPLINKS = (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "eth2"))


def plane(*redirects, published=(FTP,), uplinks=UPLINKS):
    """A plane with these doors."""
    return DataPlane(LANS, uplinks, doors=Doors(redirects, published=published))


def said(rules):
    """The expressions."""
    return [rule.expression for rule in rules]


def test_outbound():
    """From the LANs, IPv4, to the port, with an uplink as its way; with several the way is that of the packet's mark."""
    assert said(outbound(plane(Redirect("ftp", (21,), 4000)))) == [
        'iifname @lans meta nfproto ipv4 tcp dport 21 fib daddr . mark oifname { "eth0", "eth2" } redirect to :4000'
    ]
    assert said(outbound(plane(Redirect("ftp", (21,), 4000), uplinks=UPLINKS[:1]))) == [
        'iifname @lans meta nfproto ipv4 tcp dport 21 fib daddr oifname { "eth0" } redirect to :4000'
    ]
    assert said(outbound(plane(Redirect("ftp", (21,), 4000), uplinks=()))) == []
    assert said(outbound(plane(Redirect("ftp", (21,), 4000, scope=Scope(uplinks=("gone",)))))) == []


def test_the_external_port_of_the_inside_one():
    """Of a range only the ports that lead to one of the helper's pass through it."""
    assert said(inbound(plane(IN))) == ["tcp dport 2121 redirect to :4000"]


@pytest.mark.parametrize(
    ("service", "scope", "rules"),
    [
        ({"uplinks": ("cable",)}, {"uplinks": ("dsl",)}, []),
        ({"uplinks": ("cable", "dsl")}, {"uplinks": ("dsl",)}, ["ct mark & 0x001f0000 0x00020000 tcp"]),
        ({}, {"uplinks": ("dsl",)}, ["ct mark & 0x001f0000 0x00020000 tcp"]),
        ({"uplinks": ("dsl",)}, {}, ["ct mark & 0x001f0000 0x00020000 tcp"]),
        (
            {"clients": (ip_network("10.1.0.0/16"),)},
            {"servers": (ip_network("10.0.0.0/8"),)},
            ["ip saddr 10.1.0.0/16 tcp"],
        ),
        ({"clients": (ip_network("10.1.0.0/16"),)}, {"servers": (ip_network("192.0.2.0/24"),)}, []),
        ({}, {"clients": (ip_network("192.168.0.10/32"),)}, ["tcp"]),
        ({}, {"clients": (ip_network("192.168.0.11/32"),)}, []),
        ({}, {"lans": ("home",)}, ["tcp"]),
        ({}, {"lans": ("guest",)}, []),
        ({"protocol": "udp"}, {}, []),
        ({"to": Endpoint(ip_address("192.168.0.10"), 30)}, {}, []),
        ({"to": Endpoint(ip_address("2001:db8::1"), 20)}, {}, []),
        ({"to": Endpoint(ip_address("10.0.0.1"), 20)}, {}, []),
    ],
)
def test_what_service_and_scope_have_in_common(service, scope, rules):
    """Only the uplinks, the clients outside and the server inside that both of them are for."""
    made = plane(replace(IN, scope=Scope(**scope)), published=(replace(FTP, **service),))
    assert said(inbound(made)) == [f"{rule} dport 2121 redirect to :4000" for rule in rules]
    assert has_inbound(made) is bool(rules)


def test_without_an_inbound_helper_nothing_is_special():
    """Nothing is let in, marked or sent to a chain of its own."""
    for none in (plane(Redirect("ftp", (21,), 4000)), plane(IN, published=())):
        assert (list(admitted(none)), list(mark_inside_legs(none)), to_proxy(none)) == ([], [], ())


def test_one_that_fails_open():
    """It redirects only while the listener's own port is in the set."""
    assert said(inbound(plane(replace(IN, fail="open")))) == [
        "tcp dport 2121 tcp dport & 0 | 4000 @fail_open redirect to :4000"
    ]
    assert said(admitted(plane(IN, replace(IN, listener=4001)))) == [
        "tcp dport { 4000, 4001 } ct status dnat accept"
    ]
