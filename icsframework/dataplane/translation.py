"""Source translation: which port a flow leaves by.  Pure.

An inside endpoint that has an external port leaves by it, to whomever (RFC 4787
REQ-1); what only happens to have a source port that is somebody else's leaves
from a range kept for that; all others keep their port where it is free.

Always masquerade towards the Internet, never snat: its flows end by themselves
when the address goes.  Hairpin flows get the uplink's address (RFC 4787 REQ-9a)
while they leave by the LAN, which only snat can do.
"""

from collections.abc import Iterator

from icsframework.dataplane import dynamic, published
from icsframework.dataplane.doorrules import hairpins
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import SRCNAT, BaseChain, Chain, Rule
from icsframework.dataplane.rulewords import FLOWS, chain_of

__all__ = ["RESERVED", "nat_post", "translation_chains"]

RESERVED = "50000-59999"
"""External ports of plain flows whose own source port belongs to somebody else."""

TRANSLATE = "translate"


def nat_post(plane: DataPlane) -> BaseChain:
    """First packets of flows, on the way out."""
    rules = [
        Rule(
            f"oifname @uplinks ip saddr {network} goto {TRANSLATE}",
            "LAN hosts appear under the uplink's address",
        )
        for network in plane.inside()
        if plane.uplinks
    ]
    marks = plane.marks
    ways = [
        f"{marks.uplink_mark(uplink.index) | marks.inside:#010x} : goto {chain_of('hairpin_out', uplink)}"
        for uplink, _ in hairpins(plane)
    ]
    if ways:
        rules.append(
            Rule(
                f"oifname @lans {marks.way()} vmap {{ {', '.join(ways)} }}",
                "from inside to inside by an address outside: the other end sees that address",
            )
        )
    return BaseChain(
        "nat_post", tuple(rules), "addresses on the way out", type="nat", hook="postrouting", priority=SRCNAT
    )


def translation_chains(plane: DataPlane) -> tuple[Chain, ...]:
    """The chains that nat_post leads to."""
    if not plane.uplinks or not plane.inside():
        return ()
    return (
        Chain(TRANSLATE, tuple(_rules(plane, "masquerade", "masquerade to ")), "by which port it leaves"),
        *(
            Chain(
                chain_of("hairpin_out", uplink),
                tuple(_rules(plane, f"snat ip to {addresses[0]}", f"snat ip to {addresses[0]}")),
                f"from inside to inside by the address of {uplink.name}",
            )
            for uplink, addresses in hairpins(plane)
        ),
    )


def _rules(plane: DataPlane, plain: str, port: str) -> Iterator[Rule]:
    """``plain`` is the statement that keeps the port where it is free, ``port`` the one before ``:PORT``."""
    key = plane.marks.key()
    maps, sets = [dynamic.OWN_PORT.name], [dynamic.BOOKED.name]
    if published.has_maps(plane):
        maps, sets = [*maps, published.OWN_PORT], [*sets, published.BOOKED]
    for name in maps:
        yield Rule(
            f"{FLOWS} {port}: {key} . meta l4proto . ip saddr . th sport map @{name}",
            "what has a port outside leaves by it",
        )
    for match, name in published.own_spans(plane):
        yield Rule(f"{match} {plain}", f"published: {name}")
    for name in sets:
        yield Rule(
            f"{FLOWS} {key} . meta l4proto . th sport @{name} {port}:{RESERVED} random",
            "the port is somebody else's",
        )
    for match, name in published.booked_spans(plane):
        yield Rule(f"{match} {port}:{RESERVED} random", f"the port is published: {name}")
    yield Rule(plain, "the port stays the same where it is free")
