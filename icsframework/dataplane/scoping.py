"""The scope of a door (``lans``, ``clients``, ``servers``, ``uplinks``) as matches of rules.  Pure.

Networks stand in rules, one rule for each, and not in sets of intervals: the
kernel fills some kinds of such sets a moment after it has switched to new rules.
An empty text matches everything; a scope that fits nothing gives no text at all.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from icsframework.dataplane.doors import Scope
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.rulewords import one_of
from icsframework.dataplane.text import quote
from icsframework.values import Network

__all__ = ["by_interface", "by_lan", "by_uplink", "common", "lans_of", "pairs", "uplinks_of"]


def lans_of(plane: DataPlane, scope: Scope) -> tuple[LanSide, ...]:
    """The LANs in scope that are there."""
    return tuple(lan for lan in plane.lans if not scope.lans or lan.name in scope.lans)


def uplinks_of(plane: DataPlane, names: Sequence[str]) -> tuple[UplinkSide, ...]:
    """The uplinks with these names (none given: all) that are there."""
    return tuple(uplink for uplink in plane.uplinks if not names or uplink.name in names)


def by_lan(plane: DataPlane, scope: Scope, key: Literal["iifname", "oifname"]) -> Iterator[str]:
    """The interfaces of the LANs in scope: one match, or none if there is no such LAN.

    What has waited for a link comes in by the hold device: then its source tells the LAN, by a match for each.
    """
    lans = lans_of(plane, scope)
    if not lans:
        return
    yield f"{key} {_interfaces(lans, scope)} "
    if scope.lans and plane.hold is not None and key == "iifname":
        for lan in lans:
            if lan.network.version == 4:
                yield f"{key} {quote(plane.hold.interface)} ip saddr {lan.network} "


def by_interface(plane: DataPlane, scope: Scope) -> Iterator[str]:
    """Like ``by_lan`` for what comes from a LAN directly; empty where the rule stands behind such a question and every LAN fits."""
    lans = lans_of(plane, scope)
    if lans:
        yield f"iifname {_interfaces(lans, scope)} " if scope.lans else ""


def _interfaces(lans: Sequence[LanSide], scope: Scope) -> str:
    return one_of([quote(lan.interface) for lan in lans]) if scope.lans else "@lans"


def by_uplink(plane: DataPlane, names: Sequence[str]) -> Iterator[str]:
    """The connection marks of these uplinks: one match, empty where every uplink fits."""
    uplinks = uplinks_of(plane, names)
    if not uplinks:
        return
    marks = [f"{plane.marks.uplink_mark(uplink.index):#010x}" for uplink in uplinks]
    yield f"{plane.marks.key()} {one_of(marks)} " if names else ""


def pairs(
    clients: Sequence[Network], servers: Sequence[Network], client: str = "ip saddr", server: str = "ip daddr"
) -> Iterator[str]:
    """A match for each pair of a client's and a server's network; ``client`` and ``server`` are where those addresses stand."""
    for one in _matches(client, clients):
        for other in _matches(server, servers):
            yield one + other


def _matches(key: str, networks: Sequence[Network]) -> list[str]:
    return [f"{key} {network} " for network in networks if network.version == 4] if networks else [""]


def common(some: Sequence[Network], others: Sequence[Network]) -> tuple[Network, ...] | None:
    """The networks in both, where empty means everything; None if they have nothing in common."""
    if not some or not others:
        return tuple(some or others)
    smaller = [a if a.prefixlen >= b.prefixlen else b for a in some for b in others if _overlap(a, b)]
    return tuple(dict.fromkeys(smaller)) or None


def _overlap(some: Network, other: Network) -> bool:
    return some.version == other.version and some.overlaps(other)
