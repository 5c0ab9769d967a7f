"""Netlink messages to values, and errors to sentences; the work itself is in tests/contract/test_machine.py."""

import errno
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.errors import HostError, InterfaceMissing, NoPrivilege
from icsframework.host.changes import AddAddress, SetLink, SetTable
from icsframework.host.links import Machine, explained, route_of, rule_of
from icsframework.host.machine import Overtaken
from icsframework.host.state import AddressOn, LinkSettings, Route, RoutingRule

CHANGE = AddAddress(AddressOn("lan0", ip_interface("192.168.0.1/24")))


class Message(dict):
    """A message as pyroute2 gives it: fields, and attributes in a list."""

    def __init__(self, attributes=(), **fields):
        super().__init__(fields, attrs=list(attributes))

    def get_attr(self, name):
        return dict(self["attrs"]).get(name)


def route(attributes=(), **fields):
    usual = {"family": 2, "table": 254, "proto": 4, "flags": 0, "type": 1, "tos": 0, "dst_len": 0}
    return Message(attributes, **(usual | fields))


def rule(attributes=(), **fields):
    return Message(attributes, **({"family": 2, "table": 100, "action": 1, "tos": 0, "flags": 0} | fields))


def test_a_default_route():
    """No destination is the default route of its family."""
    message = route([("RTA_GATEWAY", "192.0.2.1"), ("RTA_OIF", 3), ("RTA_PRIORITY", 100)])
    assert route_of(message, {3: "wan0"}) == Route(
        ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1"), metric=100, protocol=4
    )


def test_an_unreachable_route_has_no_interface():
    """The kernel names lo for those of IPv6."""
    message = route([("RTA_OIF", 1), ("RTA_PRIORITY", 4000), ("RTA_TABLE", 1000)], family=10, type=7)
    assert route_of(message, {1: "lo"}) == Route(
        ip_network("::/0"), table=1000, metric=4000, kind="unreachable", protocol=4
    )


@pytest.mark.parametrize(
    "message",
    [
        route(proto=2),
        route([("RTA_TABLE", 255)]),
        route(flags=0x200),
        route(tos=4),
        route(type=2),
        route([("RTA_MULTIPATH", [1, 2])]),
        route([("RTA_VIA", {"addr": "fe80::1"})]),
    ],
)
def test_routes_that_are_none_of_our_business(message):
    """The kernel's own, cached ones, and those that a Route cannot express are left out."""
    assert route_of(message, {}) is None


def test_a_rule():
    """The kernel's number for "suppress nothing" is None."""
    message = rule(
        [
            ("FRA_TABLE", 1000),
            ("FRA_PRIORITY", 7),
            ("FRA_FWMARK", 0x10000),
            ("FRA_FWMASK", 0xFF0000),
            ("FRA_SUPPRESS_PREFIXLEN", 0xFFFFFFFF),
            ("FRA_PROTOCOL", 0x69),
        ]
    )
    assert rule_of(message) == RoutingRule(7, 1000, 0x10000, 0xFF0000)
    assert rule_of(rule([("FRA_SUPPRESS_PREFIXLEN", 0)], family=10)) == RoutingRule(
        0, 100, family=6, suppress_prefixlength=0, protocol=0
    )


@pytest.mark.parametrize(
    "message",
    [
        rule([("FRA_IIFNAME", "eth0")]),
        rule([("FRA_SRC", "10.0.0.0")]),
        rule(action=7),
        rule(flags=2),
        rule(tos=8),
    ],
)
def test_rules_that_say_more_are_left_out(message):
    """A rule with a source, an interface or another action is somebody else's."""
    assert rule_of(message) is None


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EPERM, NoPrivilege, "CAP_NET_ADMIN"),
        (errno.ENODEV, InterfaceMissing, "interface is gone"),
        (errno.EEXIST, Overtaken, "another program"),
        (errno.ENETDOWN, HostError, "is down"),
        (errno.ENOBUFS, HostError, "out of memory"),
        (errno.ENETUNREACH, HostError, "unreachable"),
    ],
)
def test_errors_name_the_change(code, kind, words):
    """Every number is a sentence with what was tried."""
    with pytest.raises(kind, match=rf"add address 192\.168\.0\.1/24 on lan0.*{words}"):
        raise explained(CHANGE, code)


def test_the_filter_is_somebody_elses():
    """A packet filter that ends up here is a defect."""
    with pytest.raises(HostError, match="data plane"):
        Machine().apply(SetTable(None))


def test_nothing_is_opened_before_it_is_used():
    """Making and closing one costs nothing."""
    machine = Machine()
    machine.close()
    machine.close()


class Stubborn:
    """A netlink socket to one interface whose driver takes a new MAC address only while it is down."""

    def __init__(self):
        self.up = True
        self.routes = [
            route([("RTA_GATEWAY", "192.0.2.1"), ("RTA_OIF", 3)]),
            route([("RTA_DST", "192.0.2.0"), ("RTA_OIF", 3)], dst_len=24),
        ]
        self.said = []

    def link_lookup(self, ifname):
        return [3]

    def link(self, command, index, **wanted):
        from pyroute2 import NetlinkError

        if "address" in wanted and self.up:
            raise NetlinkError(errno.EBUSY)
        self.said.append(wanted)
        self.up = wanted.get("state", "up" if self.up else "down") == "up"
        self.routes = self.routes if self.up else []

    def get_routes(self, family):
        return self.routes

    def route(self, command, **wanted):
        self.said.append((command, wanted["dst"], wanted.get("gateway"), wanted["proto"]))


def test_a_driver_that_is_busy_while_up():
    """The interface goes down for a moment, and the routes that it loses are put back, on-link ones first."""
    machine = Machine()
    machine._netlink = netlink = Stubborn()
    machine.apply(SetLink(LinkSettings("wan0", mac="02:00:5e:00:53:77")))
    assert netlink.said == [
        {"state": "down"},
        {"address": "02:00:5e:00:53:77"},
        {"state": "up"},
        ("add", "192.0.2.0/24", None, 4),
        ("add", "0.0.0.0/0", "192.0.2.1", 4),
    ]
