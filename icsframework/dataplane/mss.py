"""Segments that fit the uplink: the MSS of SYN and SYN-ACK (RFC 9293 section 3.7.1).  Pure."""

from collections.abc import Iterator

from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Rule
from icsframework.dataplane.rulewords import several
from icsframework.dataplane.text import quote

__all__ = ["IPV4_AND_TCP", "clamp"]

IPV4_AND_TCP = 40
"""Bytes of an IPv4 and a TCP header without options: what MSS leaves out of the MTU (RFC 6691)."""


def clamp(plane: DataPlane) -> Iterator[Rule]:
    """SYN and SYN-ACK of flows over an uplink; before the known flows, because a SYN-ACK is one.

    nft only ever lowers the value.  ``rt mtu`` is the smaller one of the routes to both ends; with several uplinks
    the way back may be looked up on another uplink than the packet came by, so that its own size is said as well.
    """
    syn = "tcp flags & (syn | rst) == syn"
    yield Rule(
        f"{syn} oifname @uplinks tcp option maxseg size set rt mtu", "segments that fit the uplink (outward)"
    )
    yield Rule(
        f"{syn} iifname @uplinks tcp option maxseg size set rt mtu", "segments that fit the uplink (inward)"
    )
    if several(plane):
        for uplink in plane.uplinks:
            if uplink.link is not None:
                size = uplink.link.mtu - IPV4_AND_TCP
                yield Rule(
                    f"{syn} iifname {quote(uplink.interface)} tcp option maxseg size set {size}",
                    f"segments that fit {uplink.name}, MTU {uplink.link.mtu}",
                )
