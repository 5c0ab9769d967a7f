"""The values that cross contracts: immutable, comparable, and shown as people write them."""

import dataclasses
import inspect
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework import values
from icsframework.values import Cause, Endpoint, Failed, Family, Lan, Link, Readiness, Side, Up, UplinkView

VALUES = [
    cls
    for _, cls in inspect.getmembers(values, dataclasses.is_dataclass)
    if cls.__module__ == values.__name__
]
V4 = Family((ip_interface("203.0.113.5/24"),), ip_address("203.0.113.1"))
V6 = Family((ip_interface("2001:db8::5/64"),), ip_address("fe80::1"))


def link(v4=V4, v6=None):
    """An Ethernet link."""
    return Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 10.0, v4, v6)


@pytest.mark.parametrize("cls", VALUES)
def test_values_are_frozen_and_slotted(cls):
    """A value that was handed over cannot change under anybody's hands, nor grow an attribute."""
    assert cls.__dataclass_params__.frozen
    assert "__slots__" in vars(cls)


@pytest.mark.parametrize(
    ("address", "text"), [("192.0.2.1", "192.0.2.1:53"), ("2001:db8::1", "[2001:db8::1]:53")]
)
def test_an_endpoint_is_shown_with_its_port(address, text):
    """IPv6 addresses get the brackets of RFC 3986, so that the port can be told apart."""
    assert str(Endpoint(ip_address(address), 53)) == text


def test_endpoints_sort_by_address_then_port():
    """Endpoints of one family are in the order that people expect."""
    ports = [Endpoint(ip_address(a), p) for a, p in (("10.0.0.10", 1), ("10.0.0.9", 80), ("10.0.0.9", 8))]
    assert [str(e) for e in sorted(ports)] == ["10.0.0.9:8", "10.0.0.9:80", "10.0.0.10:1"]


def test_readiness_in_kinds():
    """Only a plugin that is ready may be created; the others say why, and what to do if it can be got."""
    kinds = [
        Readiness.ready(),
        Readiness.misconfigured("no number"),
        Readiness.missing("pppd", "apt install ppp"),
        Readiness.unsupported("no conntrack"),
    ]
    assert [(r.kind, r.is_ready, r.reason, r.remedy) for r in kinds] == [
        ("ready", True, "", ""),
        ("misconfigured", False, "no number", ""),
        ("missing", False, "pppd", "apt install ppp"),
        ("unsupported", False, "no conntrack", ""),
    ]


def test_a_lan_knows_its_network():
    """The subnet follows from the gateway's own address."""
    lan = Lan("home", "eth1", 3, "02:00:5e:00:53:01", ip_interface("192.168.7.1/24"))
    assert lan.network == ip_network("192.168.7.0/24")


def test_a_link_lists_its_families():
    """IPv4 comes first; a family that the link does not carry is left out."""
    assert [link().families, link(v6=V6).families, link(None, V6).families] == [(V4,), (V4, V6), (V6,)]


def test_only_an_uplink_that_is_up_has_a_link():
    """The link of an uplink's view is that of its state."""
    assert UplinkView("cable", Up(link())).link == link()
    assert UplinkView("cable", Failed("no carrier")).link is None


def test_sides_are_opposite():
    """The other side of the client is the server, and back."""
    assert [side.other for side in Side] == [Side.SERVER, Side.CLIENT]


def test_a_cause_reads_as_a_sentence():
    """Rule, who, and what for, without gaps where something is not known; a name says more than an address."""
    full = Cause("demand.wake", ip_address("10.0.0.7"), "", "laptop", "udp", "192.0.2.1", "example.org")
    assert str(full) == "demand.wake, laptop, udp example.org"
    assert str(Cause("demand.wake", ip_address("10.0.0.7"), destination="192.0.2.1")) == (
        "demand.wake, 10.0.0.7, 192.0.2.1"
    )
    assert str(Cause("always")) == "always"
