"""Routes and rules to rtnetlink messages and back."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from sys import byteorder
from typing import Literal

from icsframework.host.state import Route, RoutingRule
from icsframework.protocols.rtnetlink import (
    AF_INET,
    AF_INET6,
    FIB_RULE_INVERT,
    FR_ACT_TO_TBL,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RTA_DST,
    RTA_ENCAP,
    RTA_GATEWAY,
    RTA_IIF,
    RTA_MULTIPATH,
    RTA_NH_ID,
    RTA_OIF,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_VIA,
    RTM_F_CLONED,
    RTNH_F_ONLINK,
    RTPROT_KERNEL,
    RouteMessage,
    RuleMessage,
    number,
)
from icsframework.values import Network

__all__ = ["route_from", "route_to", "rule_from", "rule_to"]

LOCAL_TABLE = 255
LARGEST_BYTE_TABLE = 255
"""Tables above it do not fit the field of the header and stand in an attribute; RT_TABLE_UNSPEC (0) is in the field then."""
NO_SUPPRESSION = 0xFFFFFFFF

KINDS: dict[int, Literal["unicast", "local", "blackhole", "unreachable", "prohibit"]] = {
    1: "unicast",
    2: "local",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
}
"""rtm_type of rtnetlink(7)."""
TYPES = {kind: value for value, kind in KINDS.items()}

INEXPRESSIBLE = {RTA_MULTIPATH, RTA_NH_ID, RTA_SRC, RTA_VIA, RTA_ENCAP, RTA_IIF}
"""Attributes of routes that a Route has no field for."""

RULE_ATTRIBUTES = {FRA_TABLE, FRA_PRIORITY, FRA_FWMARK, FRA_FWMASK, FRA_SUPPRESS_PREFIXLEN, FRA_PROTOCOL, 0}
"""What a RoutingRule can express (0 is padding); a rule with more is somebody else's and left out."""


def route_from(message: RouteMessage, names: Mapping[int, str]) -> Route | None:
    """The route in a message, or None if it is the kernel's own or more than a Route can say.

    ``names`` has the names of the interfaces by index.
    """
    found = message.attributes
    table = _number(found, RTA_TABLE, message.table)
    if message.protocol == RTPROT_KERNEL or table == LOCAL_TABLE or message.flags & RTM_F_CLONED:
        return None
    if message.kind not in KINDS or message.tos or INEXPRESSIBLE & found.keys():
        return None
    gateway = found.get(RTA_GATEWAY)
    kind = KINDS[message.kind]
    return Route(
        destination=_network(message, found.get(RTA_DST)),
        interface=names.get(_number(found, RTA_OIF), "") if kind in ("unicast", "local") else "",
        gateway=None if gateway is None else _address(gateway),
        table=table,
        metric=_number(found, RTA_PRIORITY),
        kind=kind,
        protocol=message.protocol,
    )


def route_to(route: Route, ifindex: int) -> RouteMessage:
    """The message that describes a route; ``ifindex`` is that of its interface (0 if it has none)."""
    version, scope, flags = route.destination.version, RT_SCOPE_UNIVERSE, 0
    wanted = {
        RTA_DST: route.destination.network_address.packed,
        RTA_TABLE: number(route.table),
        RTA_PRIORITY: number(route.metric),
    }
    if ifindex:
        wanted[RTA_OIF] = number(ifindex)
    if route.gateway is not None:
        wanted[RTA_GATEWAY], flags = route.gateway.packed, RTNH_F_ONLINK
    elif route.kind == "unicast" and version == 4:
        scope = RT_SCOPE_LINK
    elif route.kind == "local":
        scope = RT_SCOPE_HOST
    return RouteMessage(
        AF_INET if version == 4 else AF_INET6,
        route.destination.prefixlen,
        _byte_table(route.table),
        route.protocol,
        TYPES[route.kind],
        wanted,
        scope,
        flags,
    )


def rule_from(message: RuleMessage) -> RoutingRule | None:
    """The rule in a message, or None if it is more than a RoutingRule can say."""
    found = message.attributes
    plain = message.action == FR_ACT_TO_TBL and not message.tos and not message.flags & FIB_RULE_INVERT
    if not plain or not found.keys() <= RULE_ATTRIBUTES:
        return None
    suppress = _number(found, FRA_SUPPRESS_PREFIXLEN, NO_SUPPRESSION)
    return RoutingRule(
        priority=_number(found, FRA_PRIORITY),
        table=_number(found, FRA_TABLE, message.table),
        mark=_number(found, FRA_FWMARK),
        mask=_number(found, FRA_FWMASK),
        family=4 if message.family == AF_INET else 6,
        suppress_prefixlength=None if suppress == NO_SUPPRESSION else suppress,
        protocol=int.from_bytes(found.get(FRA_PROTOCOL, b"")),
    )


def rule_to(rule: RoutingRule) -> RuleMessage:
    """The message that describes a rule."""
    wanted = {
        FRA_PRIORITY: number(rule.priority),
        FRA_TABLE: number(rule.table),
        FRA_PROTOCOL: bytes([rule.protocol]),
    }
    if rule.mask:
        wanted |= {FRA_FWMARK: number(rule.mark), FRA_FWMASK: number(rule.mask)}
    if rule.suppress_prefixlength is not None:
        wanted[FRA_SUPPRESS_PREFIXLEN] = number(rule.suppress_prefixlength)
    return RuleMessage(AF_INET if rule.family == 4 else AF_INET6, _byte_table(rule.table), wanted)


def _byte_table(table: int) -> int:
    return table if table <= LARGEST_BYTE_TABLE else 0


def _number(found: Mapping[int, bytes], kind: int, default: int = 0) -> int:
    raw = found.get(kind)
    return default if raw is None else int.from_bytes(raw, byteorder)


def _address(raw: bytes) -> IPv4Address | IPv6Address:
    return IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)


def _network(message: RouteMessage, raw: bytes | None) -> Network:
    """No destination is the default route of its family."""
    if message.family == AF_INET:
        return IPv4Network((raw or bytes(4), message.destination_length))
    return IPv6Network((raw or bytes(16), message.destination_length))
