"""The kernel's conntrack helpers as objects, and the rules that give them to new flows.  Pure."""

from collections.abc import Iterator

from icsframework.dataplane.doors import KernelAid
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Helper, Rule
from icsframework.dataplane.rulewords import one_of
from icsframework.dataplane.scoping import by_lan, by_uplink, pairs

__all__ = ["aided_in", "aided_out", "helper_objects", "object_name"]


def object_name(helper: str, protocol: str) -> str:
    """The object's name in our table."""
    return f"{helper}_{protocol}"


def helper_objects(plane: DataPlane) -> tuple[Helper, ...]:
    """Each helper that a door names, once."""
    kinds = dict.fromkeys((aid.helper, aid.protocol) for aid in plane.doors.kernel)
    return tuple(
        Helper(object_name(helper, protocol), helper, protocol, comment="the kernel's own helper")
        for helper, protocol in kinds
    )


def aided_out(plane: DataPlane) -> Iterator[Rule]:
    """For new flows of the LANs that leave by an uplink (by their connection mark)."""
    for aid in plane.doors.kernel:
        for lan in by_lan(plane, aid.scope, "iifname"):
            for hosts in pairs(aid.scope.clients, aid.scope.servers):
                yield from _given(plane, aid, lan + hosts)


def aided_in(plane: DataPlane) -> Iterator[Rule]:
    """For new flows from the Internet that a door led inside."""
    for aid in plane.doors.kernel:
        for lan in by_lan(plane, aid.scope, "oifname"):
            for hosts in pairs(aid.scope.clients, aid.scope.servers, "ip daddr", "ip saddr"):
                yield from _given(plane, aid, f"iifname @uplinks {lan}{hosts}")


def _given(plane: DataPlane, aid: KernelAid, match: str) -> Iterator[Rule]:
    for uplinks in by_uplink(plane, aid.scope.uplinks):
        yield Rule(
            f"{match}{uplinks}{aid.protocol} dport {one_of(aid.ports)} ct helper set "
            f'"{object_name(aid.helper, aid.protocol)}"',
            f"helper {aid.owner}",
        )
