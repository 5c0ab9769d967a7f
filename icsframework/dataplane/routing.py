"""Which way packets take: a pure function from the DataPlane to routes and routing rules.

Unmarked packets (new flows of the LANs, the gateway's own) look into the main
table, where every uplink that is up has a default route; the metric makes the
active one win, and the next one the moment the kernel takes its route away.
Behind them all, where a link is dialled on demand, stands what becomes of packets
while no link is up: they go to the hold device, or are answered by the kernel.

Each uplink also has a table of its own, chosen by its mark: marked sockets and
known flows (policy.py restores the mark from the connection) leave by their
uplink and by no other.  While it is down that table says "unreachable", because
a packet with this uplink's address or a probe of this uplink must not wander out
by another one.  Local subnets are not in these tables: only packets that are on
their way out carry the mark.

Where a helper speaks to an inside server with the outside client's address
(redirects.py), what comes back to that address is marked and finds a table that
takes every address for the gateway's own.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from icsframework.dataplane.marks import MAX_UPLINKS, Marks
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.dataplane.redirects import has_inbound
from icsframework.host.state import Route, RoutingRule
from icsframework.values import Family, Network

FIRST_METRIC = 10
"""Metric of the active uplink's default route: before what DHCP clients and network managers choose (100 and more)."""

LAST_METRIC = 0x7FFFFFFF
"""Metric of the "unreachable" in an uplink's own table: after everything."""

HOLD_METRIC = LAST_METRIC
"""Metric of the way of packets that have no other one, in the main table: after everything as well."""

FIRST_TABLE = 0x6900
"""An uplink's own routing table is this number plus its index."""

FIRST_PRIORITY = 10500
"""A mark's routing rule has this priority plus the index: after the local table (0), before main (32766)."""


HERE_TABLE = FIRST_TABLE + MAX_UPLINKS + 1
"""The table that takes every address for our own."""

HERE_PRIORITY = FIRST_PRIORITY
"""The priority of its routing rule: before those of the uplinks."""


def table_number(uplink: UplinkSide) -> int:
    """The uplink's own routing table."""
    return FIRST_TABLE + uplink.index


def routes(plane: DataPlane) -> frozenset[Route]:
    """All routes that the uplinks need."""
    metrics = {uplink.name: FIRST_METRIC + place for place, uplink in enumerate(plane.preference)}
    here = [Route(_everywhere(4), "lo", table=HERE_TABLE, kind="local")] if has_inbound(plane) else []
    ways = (route for uplink in plane.uplinks for route in _routes(uplink, metrics.get(uplink.name, 0)))
    return frozenset((*here, *ways, *_without_link(plane)))


def _without_link(plane: DataPlane) -> Iterator[Route]:
    """The way of packets that have no other one.

    For "unreachable" there is none: then the kernel itself says "network unreachable" (ICMP 3/0), where a route of that
    kind would say "host unreachable" (RFC 1812 section 5.2.7.1).  A route of kind prohibit says "administratively
    prohibited" (3/13).
    """
    hold = plane.hold
    if hold is None:
        return
    if hold.waits:
        yield Route(_everywhere(4), hold.interface, metric=HOLD_METRIC)
    elif hold.without == "prohibit":
        yield Route(_everywhere(4), metric=HOLD_METRIC, kind="prohibit")


def rules(plane: DataPlane) -> frozenset[RoutingRule]:
    """The routing rule of each uplink's mark, whether it is up or not."""
    inside = plane.marks.inside
    here = [RoutingRule(HERE_PRIORITY, HERE_TABLE, inside, inside)] if has_inbound(plane) else []
    return frozenset((*here, *(rule for uplink in plane.uplinks for rule in _rules(uplink, plane.marks))))


def _rules(uplink: UplinkSide, marks: Marks) -> Iterator[RoutingRule]:
    mark, mask = marks.uplink_mark(uplink.index), marks.uplink_mask
    for version, _ in _families(uplink):
        yield RoutingRule(FIRST_PRIORITY + uplink.index, table_number(uplink), mark, mask, version)


def _routes(uplink: UplinkSide, metric: int) -> Iterator[Route]:
    table = table_number(uplink)
    for version, family in _families(uplink):
        everywhere = _everywhere(version)
        yield Route(everywhere, table=table, metric=LAST_METRIC, kind="unreachable")
        if family is None:
            continue
        yield Route(everywhere, uplink.interface, family.gateway, metric=metric)
        yield Route(everywhere, uplink.interface, family.gateway, table, FIRST_METRIC)
        for network in dict.fromkeys(address.network for address in family.addresses):
            if network.prefixlen < network.max_prefixlen:
                yield Route(network, uplink.interface, table=table, metric=FIRST_METRIC)


def _families(uplink: UplinkSide) -> Iterator[tuple[Literal[4, 6], Family | None]]:
    """IPv4 always (None: not now); IPv6 only where the link has it, since this kernel may know nothing of it."""
    yield 4, uplink.link.v4 if uplink.link else None
    if uplink.link and uplink.link.v6:
        yield 6, uplink.link.v6


def _everywhere(version: int) -> Network:
    return IPv4Network("0.0.0.0/0") if version == 4 else IPv6Network("::/0")
