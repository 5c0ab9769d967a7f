"""Which packets keep a link up: named counters of what leaves by it and counts.  Pure.

For each uplink that is hung up when it is quiet, ``keep_UPLINK`` counts what a rule of ``keep`` allows: packets that
leave by it in flows that began inside.  What comes in never counts, so that noise of the Internet cannot hold the line,
and neither do answers to it.  The policy compares the counter from time to time.

What a helper says to a server stands for what the LAN host said to the helper.  Its sockets carry the uplink's mark,
like those that look names up, which do not count.  And what it has that server open to the LAN host began outside, but
belongs to a connection that began inside: the file of an active FTP transfer, while nothing is said beside it.
"""

from collections.abc import Iterator, Sequence

from icsframework.dataplane.dynamic import BOOKED, PAIRS
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.dataplane.ruleset import Chain, Counter, Rule
from icsframework.dataplane.rulewords import chain_of, verdicts
from icsframework.dataplane.wake import judged

__all__ = ["keep_chains", "keep_counter", "keep_counters", "keeping"]

KEEP, KEEP_OWN, KEEP_BESIDE = "keep", "keep_own", "keep_beside"


def keep_counter(uplink: str) -> str:
    """The name of an uplink's counter."""
    return f"keep_{uplink}"


def _uplinks(plane: DataPlane) -> list[UplinkSide]:
    return [uplink for uplink in plane.uplinks if plane.keep.get(uplink.name)]


def keep_counters(plane: DataPlane) -> tuple[Counter, ...]:
    """The counter of each uplink that has rules."""
    return tuple(
        Counter(keep_counter(one.name), f"what left by {one.name} and keeps it up") for one in _uplinks(plane)
    )


def keeping(plane: DataPlane, own: bool = False) -> Iterator[Rule]:
    """For forward and output, before known flows."""
    uplinks = _uplinks(plane) if own or plane.lans else []
    if uplinks:
        whose = "" if own else "iifname @lans "
        yield Rule(
            f"{whose}ct direction original {_ways(uplinks, KEEP_OWN if own else KEEP)}",
            "does it keep the link up?",
        )
        if not own:
            yield Rule(
                f"{whose}ct direction reply ct status dnat {_ways(uplinks, KEEP_BESIDE)}",
                "does it belong to what keeps the link up?",
            )


def _ways(uplinks: Sequence[UplinkSide], kind: str) -> str:
    ways = [(one.interface, f"jump {chain_of(kind, one)}") for one in uplinks]
    return f"oifname vmap {{ {verdicts(ways)} }}"


def keep_chains(plane: DataPlane) -> Iterator[Chain]:
    """The chains of all uplinks that have rules."""
    for uplink in _uplinks(plane):
        rules, counts = plane.keep[uplink.name], f'counter name "{keep_counter(uplink.name)}" return'
        if plane.lans:
            yield Chain(
                chain_of(KEEP, uplink),
                tuple(judged(rules, False, counts)),
                f"what of LAN hosts keeps {uplink.name} up",
            )
            yield Chain(
                chain_of(KEEP_BESIDE, uplink),
                tuple(_beside(f"meta mark & 0 | {plane.marks.uplink_mark(uplink.index):#010x}", counts)),
                f"what helpers let in by {uplink.name} and keeps it up",
            )
        leg = Rule(
            f"{plane.marks.key('meta')} {plane.marks.uplink_mark(uplink.index):#010x} tcp dport != 53 "
            f"tcp flags & (fin | rst) == 0 {counts}",
            "a helper speaks for a LAN host",
        )
        yield Chain(
            chain_of(KEEP_OWN, uplink),
            (leg, *judged(rules, True, counts)),
            f"what of the gateway itself keeps {uplink.name} up",
        )


def _beside(mark: str, counts: str) -> Iterator[Rule]:
    """``mark`` is an expression with the uplink's mark as its value: nft asks sets for expressions only."""
    yield Rule("tcp flags & (fin | rst) != 0 return", "never: the end of a connection")
    for protocol in ("tcp", "udp"):
        # Not the pair alone: who has a helped connection to a published server may have others to that host as well.
        yield Rule(
            f"meta l4proto {protocol} {mark} . ip saddr . ip daddr @{PAIRS.name} "
            f"{mark} . meta l4proto . ct original proto-dst @{BOOKED.name} {counts}",
            "a helper has opened that port for this peer",
        )
