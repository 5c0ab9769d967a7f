"""The doors in the closed wall: where new flows from the Internet lead inside.  Pure.

The order is that of precision: what is expected from a known host, what is
expected, what is open (the book of mappings, dynamic.py); then published ports
that pass through a helper, other published ports, ports opened by a trigger.
Every lookup is by the uplink, which the connection mark says.

A host of a LAN that talks to an uplink's address finds the same doors (hairpin,
RFC 4787 REQ-9): its flow is marked as one of that uplink that stays inside, and
on the way out it gets the uplink's address.  Where no door is open it goes to the
gateway itself, as ever.
"""

from collections.abc import Iterator

from icsframework.dataplane import dynamic
from icsframework.dataplane.hold import not_ours_to_help
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.dataplane.published import offers
from icsframework.dataplane.redirects import inbound, outbound
from icsframework.dataplane.ruleset import DSTNAT, BaseChain, Chain, Rule
from icsframework.dataplane.rulewords import FLOWS, chain_of
from icsframework.dataplane.triggers import opened_by_triggers
from icsframework.values import Address

__all__ = ["door_chains", "hairpins", "nat_pre", "used_up"]

OPENED, OFFERED = "opened", "offered"


def nat_pre(plane: DataPlane) -> BaseChain:
    """First packets of flows, before routing."""
    rules: list[Rule] = [*not_ours_to_help(plane)]
    if plane.uplinks:
        rules.append(
            Rule(
                f"iifname @uplinks meta nfproto ipv4 {FLOWS} goto doors",
                "from the Internet: is there a door?",
            )
        )
    ways = [
        f"{address} : goto {chain_of('hairpin', uplink)}"
        for uplink, addresses in hairpins(plane)
        for address in addresses
    ]
    if ways:
        rules.append(
            Rule(
                f"iifname @lans {FLOWS} ip daddr vmap {{ {', '.join(ways)} }}",
                "from inside to an address of ours outside: the same doors",
            )
        )
    rules += outbound(plane)
    return BaseChain(
        "nat_pre",
        tuple(rules),
        "ports of the uplinks that lead inside",
        type="nat",
        hook="prerouting",
        priority=DSTNAT,
    )


def hairpins(plane: DataPlane) -> Iterator[tuple[UplinkSide, tuple[Address, ...]]]:
    """The uplinks that have an IPv4 address, with their addresses; each address once."""
    taken: set[Address] = set()
    for uplink in plane.uplinks if plane.lans else ():
        own = tuple(
            dict.fromkeys(one.ip for one in uplink.addresses if one.version == 4 and one.ip not in taken)
        )
        taken.update(own)
        if own:
            yield uplink, own


def door_chains(plane: DataPlane) -> tuple[Chain, ...]:
    """The chains that nat_pre leads to."""
    if not plane.uplinks:
        return ()
    offered = (*offers(plane), *opened_by_triggers(plane))
    on = [Rule(f"goto {OFFERED}", "what the configuration opens")] if offered else []
    opened = Rule(f"jump {OPENED}", "the book of mappings")
    return (
        Chain("doors", (opened, *inbound(plane), *on), "from the Internet to the gateway's addresses"),
        *(_hairpin(plane, uplink, bool(offered)) for uplink, _ in hairpins(plane)),
        Chain(OPENED, tuple(_opened(plane)), "ports that were opened while we run"),
        *([Chain(OFFERED, offered, "ports that the configuration opens")] if offered else []),
    )


def _opened(plane: DataPlane) -> Iterator[Rule]:
    key = plane.marks.key()
    for item in (dynamic.EXPECT_FROM, dynamic.EXPECT_ANY, dynamic.OPEN_FROM, dynamic.OPEN_ANY):
        remote = "ip saddr . " if "ipv4_addr" in item.type else ""
        yield Rule(
            f"dnat ip to {key} . {remote}meta l4proto . th dport map @{item.name}", item.comment.split(":")[0]
        )


def _hairpin(plane: DataPlane, uplink: UplinkSide, offered: bool) -> Chain:
    marks = plane.marks
    rules = [
        Rule(
            marks.set_way(uplink.index, inside=True), f"as if it came by {uplink.name}, but it stays inside"
        ),
        Rule(f"jump {OPENED}", "the book of mappings"),
        *([Rule(f"jump {OFFERED}", "what the configuration opens")] if offered else []),
        Rule(marks.set_way(), "no door: it is for the gateway"),
    ]
    return Chain(chain_of("hairpin", uplink), tuple(rules), f"from inside to an address of {uplink.name}")


def used_up(plane: DataPlane) -> Iterator[Rule]:
    """For forward, new translated flows: an expectation goes with the first packet that it let in."""
    key = plane.marks.key()
    for protocol in ("tcp", "udp"):
        for item in (dynamic.EXPECT_FROM, dynamic.EXPECT_ANY):
            remote = "ct original ip saddr . " if item is dynamic.EXPECT_FROM else ""
            # The protocol is named in front, or nft does not know what a port is; no iifname, or nft aborts.  No verdict
            # behind it: the rule goes on whether there was something to delete or not.
            yield Rule(
                f"meta l4proto {protocol} delete @{item.name} {{ {key} . {remote}meta l4proto . "
                f"ct original proto-dst : ip daddr . th dport }}",
                "if it was expected, that is used up now",
            )
