"""Routes and rules to messages and back."""

from ipaddress import ip_address, ip_network

import pytest

from icsframework.host.routewire import route_from, route_to, rule_from, rule_to
from icsframework.host.state import Route, RoutingRule
from icsframework.protocols.rtnetlink import RouteMessage, RuleMessage, number

DST, SRC, OIF, GATEWAY, PRIORITY, MULTIPATH, TABLE, VIA = 1, 2, 4, 5, 6, 9, 15, 18
PRIO, IIFNAME, MARK, SUPPRESS, RULE_TABLE, MASK, PROTOCOL = 6, 3, 10, 14, 15, 16, 21


def route(attributes=None, family=2, length=0, table=254, protocol=4, kind=1, **more):
    return RouteMessage(family, length, table, protocol, kind, attributes or {}, **more)


def rule(attributes=None, **more):
    return RuleMessage(2, 100, attributes or {}, **more)


def test_a_default_route():
    """No destination is the default route of its family."""
    message = route({GATEWAY: bytes([192, 0, 2, 1]), OIF: number(3), PRIORITY: number(100)})
    assert route_from(message, {3: "wan0"}) == Route(
        ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1"), metric=100, protocol=4
    )


def test_an_unreachable_route_has_no_interface():
    """The kernel names lo for those of IPv6."""
    message = route({OIF: number(1), PRIORITY: number(4000), TABLE: number(1000)}, family=10, kind=7)
    assert route_from(message, {1: "lo"}) == Route(
        ip_network("::/0"), table=1000, metric=4000, kind="unreachable", protocol=4
    )


@pytest.mark.parametrize(
    "message",
    [
        route(protocol=2),
        route({TABLE: number(255)}),
        route(flags=0x200),
        route(tos=4),
        route(kind=3),
        route({MULTIPATH: bytes(8)}),
        route({VIA: bytes(18)}),
        route({SRC: bytes(4)}),
    ],
)
def test_routes_that_are_none_of_our_business(message):
    """The kernel's own, cached ones, and those that a Route cannot express are left out."""
    assert route_from(message, {}) is None


@pytest.mark.parametrize(
    "one",
    [
        Route(ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1"), metric=100),
        Route(ip_network("198.51.100.0/24"), "wan0", table=1000),
        Route(ip_network("::/0"), "wan0", ip_address("2001:db8::1"), table=100),
        Route(ip_network("2001:db8::/32"), table=70000, kind="unreachable", protocol=4),
        Route(ip_network("10.0.0.0/8"), kind="blackhole"),
        Route(ip_network("10.0.0.0/8"), kind="prohibit"),
        Route(ip_network("0.0.0.0/0"), "wan0", table=1000, kind="local"),
    ],
)
def test_routes_there_and_back(one):
    """What is written is read again, tables above 255 as well."""
    message = route_to(one, 3 if one.interface else 0)
    assert route_from(RouteMessage.from_wire(message.to_wire()), {3: "wan0"}) == one
    assert message.table == (one.table if one.table < 256 else 0)


def test_scope_and_flags():
    """On-link routes of IPv4 have the scope of the link; a gateway need not be in a subnet of the interface."""
    assert route_to(Route(ip_network("198.51.100.0/24"), "wan0"), 3).scope == 253
    via = route_to(Route(ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1")), 3)
    assert (via.scope, via.flags) == (0, 4)
    assert route_to(Route(ip_network("10.0.0.0/8"), kind="blackhole"), 0).scope == 0


def test_a_rule():
    """The kernel's number for "suppress nothing" is None."""
    message = rule(
        {
            RULE_TABLE: number(1000),
            PRIO: number(7),
            MARK: number(0x10000),
            MASK: number(0xFF0000),
            SUPPRESS: number(0xFFFFFFFF),
            PROTOCOL: b"\x69",
        }
    )
    assert rule_from(message) == RoutingRule(7, 1000, 0x10000, 0xFF0000)
    assert rule_from(RuleMessage(10, 100, {SUPPRESS: number(0)})) == RoutingRule(
        0, 100, family=6, suppress_prefixlength=0, protocol=0
    )


@pytest.mark.parametrize(
    "message",
    [
        rule({IIFNAME: b"eth0\0"}),
        rule({2: bytes([10, 0, 0, 0])}),
        rule(action=7),
        rule(flags=2),
        rule(tos=8),
    ],
)
def test_rules_that_say_more_are_left_out(message):
    """A rule with a source, an interface or another action is somebody else's."""
    assert rule_from(message) is None


@pytest.mark.parametrize(
    "one",
    [
        RoutingRule(1000, 254, suppress_prefixlength=0),
        RoutingRule(1001, 1000, mark=0x10000, mask=0xFF0000, family=6),
        RoutingRule(1002, 70000, protocol=4),
    ],
)
def test_rules_there_and_back(one):
    """What is written is read again."""
    assert rule_from(RuleMessage.from_wire(rule_to(one).to_wire())) == one
