"""Which connections the kernel should forget, as values.  Pure; host/conntrack.py carries it out.

When an uplink dies, its flows keep the address they were translated to and
cannot go on elsewhere: forgetting them lets the next packet begin anew on the
link that works.  While there is no such link nothing is forgotten, so that a
cable plugged in again finds everything as it was.  A flow on a metered link is
moved in the same way once a better link that is not metered is back; one on any
other link stays until it ends.  When the gateway starts, flows that were
forwarded before it came are untranslated for good; the guard rule stops them,
forgetting revives them.
"""

from collections.abc import Collection

from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.frozen import dataclass
from icsframework.values import Address, Network


@dataclass(frozen=True, slots=True)
class MarkFilter:
    """Flows whose connection mark is ``mark`` under ``mask``; with mask 0 all flows."""

    mark: int = 0
    mask: int = 0


def of_uplink(uplink: UplinkSide, marks: Marks) -> MarkFilter:
    """The flows that belong to this uplink."""
    return MarkFilter(marks.uplink_mark(uplink.index), marks.uplink_mask)


def of_any_uplink(marks: Marks, indices: Collection[int]) -> tuple[MarkFilter, ...]:
    """The flows of the uplinks with these indices."""
    return tuple(MarkFilter(marks.uplink_mark(index), marks.uplink_mask) for index in sorted(indices))


def misplaced(plane: DataPlane) -> frozenset[tuple[str, int]]:
    """The uplinks, as name and index, whose flows had better begin anew: the dead ones and the metered ones for which
    a better link is up.  Empty while none is up: there is nowhere else to begin.
    """
    found, free_of_charge = set(), False
    for uplink in plane.preference:
        if uplink.link is not None and uplink.link.metered and free_of_charge:
            found.add((uplink.name, uplink.index))
        free_of_charge = free_of_charge or (uplink.link is not None and not uplink.link.metered)
    if plane.preference:
        found |= {(uplink.name, uplink.index) for uplink in plane.uplinks if not uplink.up}
    return frozenset(found)


def to_forget(before: DataPlane, after: DataPlane) -> tuple[int, ...]:
    """The indices of the uplinks whose flows must go now that ``after`` is in force.

    Those that have become misplaced; those of uplinks that are no longer configured, if another one is up; and
    in any case those whose index means another uplink now, which would carry them under a strange address.
    """
    owners = {uplink.index: uplink.name for uplink in after.uplinks}
    gone = {
        uplink.index
        for uplink in before.uplinks
        if owners.get(uplink.index) != uplink.name and (uplink.index in owners or after.preference)
    }
    return tuple(sorted(gone | {index for _, index in misplaced(after) - misplaced(before)}))


def still_to_forget(indices: Collection[int], plane: DataPlane) -> tuple[int, ...]:
    """Those of ``indices`` that are still right to forget a moment later: no uplink's, or a misplaced one's."""
    used = {uplink.index for uplink in plane.uplinks}
    wrong = {index for _, index in misplaced(plane)}
    return tuple(index for index in indices if index in wrong or (index not in used and plane.preference))


@dataclass(frozen=True, slots=True)
class Tracked:
    """A connection as the kernel tracks it: protocol number, both ends as the opener sees them, and where answers go to.

    ``reply_destination`` differs from ``source`` if and only if the source is translated.
    """

    protocol: int
    source: Address
    destination: Address
    reply_source: Address
    reply_destination: Address
    source_port: int = 0
    destination_port: int = 0
    reply_source_port: int = 0
    reply_destination_port: int = 0
    mark: int = 0
    zone: int = 0

    @property
    def translated(self) -> bool:
        """True if the source is translated."""
        return self.reply_destination != self.source


def is_stranded(flow: Tracked, inside: Collection[Network], reached: Collection[Network]) -> bool:
    """True for a flow that a LAN's host opened to the Internet before there was translation.

    ``inside`` are the LANs' subnets; ``reached`` what they reach without translation: the gateway's own
    addresses, and subnets behind other interfaces (a VPN).
    """
    return (
        not flow.translated
        and any(flow.source in net for net in inside)
        and not any(flow.reply_source in net for net in (*inside, *reached))
        and not flow.reply_source.is_multicast
    )
