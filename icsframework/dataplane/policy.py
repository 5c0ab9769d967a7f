"""The rules of the gateway: a pure function from the DataPlane to a Table.

The way of a packet::

    prerouting   mangle        which uplink did it come by (connection mark); spoofed sources end here
    nat_pre      dstnat        first packet of a flow only: the doors (doorrules.py), redirects to helpers
    forward      filter        not ours: return; known flows; invalid; translated; then one chain per direction
    input        filter        closed towards the uplinks
    output       mangle        own flows stay on their uplink too
    nat_post     srcnat        first packet of a flow only: by which port it leaves (translation.py)
    guard        srcnat + 10   what still has a LAN address is not let out

Every base chain accepts by policy; what we drop, we drop by a rule that first
asked for an interface of ours, so that other programs' traffic goes on.  Known
flows meet as few expressions as possible: lookups that cost something stand
behind ``ct state``.  The chains of single directions are in directions.py.
"""

from collections.abc import Iterable

from icsframework.dataplane.aids import helper_objects
from icsframework.dataplane.directions import (
    ENTERING,
    enter_lan,
    enter_uplink,
    entering,
    from_lan,
    from_uplinks,
    input_from_uplinks,
    ipv6,
    leaving,
    stay_on_uplink,
    to_uplink,
)
from icsframework.dataplane.doorrules import door_chains, nat_pre
from icsframework.dataplane.dynamic import DYNAMIC
from icsframework.dataplane.hold import (
    enter_hold,
    from_hold,
    hold_chains,
    hold_counters,
    to_hold,
)
from icsframework.dataplane.keep import keep_chains, keep_counters, keeping
from icsframework.dataplane.mss import clamp
from icsframework.dataplane.named import name_sets
from icsframework.dataplane.pairs import stay_with_peer
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.published import published_sets
from icsframework.dataplane.redirects import TO_PROXY, has_inbound, mark_inside_legs, to_proxy
from icsframework.dataplane.ruleset import (
    FILTER,
    MANGLE,
    SRCNAT,
    TABLE,
    Atom,
    BaseChain,
    Chain,
    Counter,
    Element,
    Rule,
    Set,
    Table,
)
from icsframework.dataplane.rulewords import chain_of, dispatch, drop, refuse, several, verdicts
from icsframework.dataplane.translation import nat_post, translation_chains
from icsframework.dataplane.triggers import prolong, trigger_chains, trigger_sets
from icsframework.dataplane.wake import REFUSED

COUNTERS = (
    Counter("spoofed_lan", "from a LAN with a source that is not of its subnet"),
    Counter("spoofed_uplink", "from the Internet with a source that can only be inside"),
    Counter("invalid", "belongs to no connection and opens none"),
    Counter("untracked", "would have left without address translation"),
    Counter("closed_forward", "from the Internet to a host behind us, not asked for"),
    Counter("closed_input", "from the Internet to the gateway itself, not asked for"),
    Counter("closed_ipv6", "IPv6 through our interfaces"),
    Counter("refused_lan", "from a LAN to what it may not reach"),
    Counter("leaked", "still had a LAN address on its way out"),
)
"""Everything we drop is counted by one of these; they survive reloads."""


def build(plane: DataPlane) -> Table:
    """The whole table for this data plane."""
    chains: list[Chain] = [
        prerouting(plane),
        nat_pre(plane),
        forward(plane),
        gateway_input(),
        output(plane),
        nat_post(plane),
        guard(plane),
        *(enter_uplink(uplink, plane) for uplink in plane.uplinks),
        *(stay_on_uplink(uplink, plane.marks) for uplink in plane.uplinks if several(plane)),
        *to_proxy(plane),
        *stay_with_peer(plane),
        *(enter_lan(lan, plane) for lan in plane.lans if lan.network.version == 4),
        *(from_lan(lan, plane) for lan in plane.lans),
        *(to_uplink(uplink, plane.marks) for uplink in plane.uplinks),
        *leaving(plane),
        *trigger_chains(plane),
        from_uplinks(),
        entering(plane),
        input_from_uplinks(plane),
        ipv6(),
        *door_chains(plane),
        *translation_chains(plane),
        *hold_chains(plane),
        *keep_chains(plane),
    ]
    return Table(
        TABLE,
        tuple(chains),
        sets(plane),
        (*COUNTERS, *hold_counters(plane), *keep_counters(plane)),
        comment="the Internet gateway ics",
        helpers=helper_objects(plane),
    )


# --- sets ---------------------------------------------------------------------------------


def sets(plane: DataPlane) -> tuple[Set, ...]:
    """The configured sets (which interfaces and addresses are ours), and the dynamic ones.

    Subnets are no sets of intervals but stand in the rules: the kernel fills some
    kinds of such sets a moment after it has switched to new rules, and a packet
    in between would be taken for spoofed, or would miss its translation.
    """
    doors = [(lan.interface, door.address.ip) for lan in plane.lans for door in plane.reachable(lan)]
    held = [plane.hold.interface] if plane.hold is not None else []
    lans = [lan.interface for lan in plane.lans]
    uplinks = [uplink.interface for uplink in plane.uplinks]
    return (
        Set(
            "ours",
            ("ifname",),
            _elements((name,) for name in (*plane.interfaces, *held)),
            comment="all our interfaces",
        ),
        Set(
            "lans",
            ("ifname",),
            _elements((name,) for name in ([*lans, *held] if lans else [])),
            comment="interfaces of the LANs" + (", and of their packets that have waited" if held else ""),
        ),
        Set(
            "uplinks",
            ("ifname",),
            _elements((name,) for name in uplinks),
            comment="interfaces to the Internet",
        ),
        Set(
            "lan_addresses",
            ("ipv4_addr",),
            _elements((address,) for address in plane.lan_addresses(4)),
            comment="the gateway's own addresses on the LANs",
        ),
        Set(
            "lan_doors",
            ("ifname", "ipv4_addr"),
            _elements(pair for pair in doors if pair[1].version == 4),
            comment="which of them each LAN may talk to",
        ),
        *published_sets(plane),
        *DYNAMIC,
        *trigger_sets(plane),
        *((REFUSED,) if plane.hold is not None else ()),
        *name_sets(plane),
    )


def _elements(keys: Iterable[tuple[Atom, ...]]) -> tuple[Element, ...]:
    return tuple(Element(key) for key in dict.fromkeys(keys))


# --- the hooks ------------------------------------------------------------------------------


def prerouting(plane: DataPlane) -> BaseChain:
    """First look: note the uplink a flow comes by, keep known flows on theirs, and stop spoofed sources."""
    rules = []
    if plane.uplinks:
        rules.append(dispatch("iifname", plane.uplinks, "enter_uplink", "by which uplink it comes"))
    if several(plane):
        rules.append(
            _stay(
                plane,
                "a flow stays on the uplink where it began, an answer leaves where the question came in",
                has_inbound(plane),
            )
        )
    elif has_inbound(plane):
        rules.append(
            Rule(
                f"{plane.marks.way()} {plane.marks.inside:#010x} goto {TO_PROXY}",
                "an answer to an address that a helper speaks with",
            )
        )
    lans = [lan for lan in plane.lans if lan.network.version == 4]
    ways = [(lan.interface, f"goto enter_lan_{lan.name}") for lan in lans]
    ways += enter_hold(plane)
    if ways:
        rules.append(
            Rule(f"ct state new,untracked iifname vmap {{ {verdicts(ways)} }}", "from which LAN it comes")
        )
    return BaseChain(
        "prerouting", tuple(rules), "where a packet comes from", hook="prerouting", priority=MANGLE
    )


def forward(plane: DataPlane) -> BaseChain:
    """Between interfaces.  The order is that of cost: known flows first."""
    rules = [
        Rule("iifname != @ours oifname != @ours return", "not ours: other programs' traffic goes on"),
        Rule(f"meta nfproto ipv6 goto {ipv6().name}", "IPv6 through our interfaces is closed"),
        *to_hold(plane),
        *clamp(plane),
        *prolong(plane),
        *keeping(plane),
        Rule("ct state established,related accept", "known flows, both directions"),
        Rule(f"ct state invalid {drop('invalid')}", "belongs to no connection and opens none"),
        Rule(
            f"ct state untracked oifname @uplinks {drop('untracked')}",
            "would leave without address translation",
        ),
        Rule(
            f"ct status dnat oifname != @uplinks goto {ENTERING}",
            "was let in by a translation rule, ours or another program's",
        ),
    ]
    if plane.lans or plane.uplinks:
        ways = [(lan.interface, f"goto from_lan_{lan.name}") for lan in plane.lans]
        ways += [(uplink.interface, f"goto {from_uplinks().name}") for uplink in plane.uplinks]
        ways += from_hold(plane)
        rules.append(Rule(f"iifname vmap {{ {verdicts(ways)} }}", "one chain per direction"))
    if plane.uplinks:
        rules.append(
            dispatch(
                "oifname", plane.uplinks, "to_uplink", "other programs' flows stay on their uplink as well"
            )
        )
    return BaseChain("forward", tuple(rules), "through the gateway", hook="forward", priority=FILTER)


def gateway_input() -> BaseChain:
    """To the gateway itself."""
    rules = (
        Rule("iifname != @ours return", "not ours"),
        Rule("ct state established,related accept", "answers to what the gateway asked"),
        Rule(f"ct state invalid {drop('invalid')}", "belongs to no connection and opens none"),
        Rule("iifname @uplinks goto input_from_uplinks", "the Internet finds everything closed"),
        Rule(
            f"ip daddr @lan_addresses iifname . ip daddr != @lan_doors {refuse()}",
            "the gateway's address on a LAN that this one may not reach",
        ),
    )
    return BaseChain("input", rules, "to the gateway itself", hook="input", priority=FILTER)


def output(plane: DataPlane) -> BaseChain:
    """The gateway's own packets; type route, so that a restored mark finds the way anew."""
    # What leaves is asked before the mark of its connection is restored: only a helper's socket has one by itself.
    rules = [*to_hold(plane, own=True), *keeping(plane, own=True)]
    if several(plane):
        rules.append(_stay(plane, "own flows stay on the uplink where they began"))
    if plane.uplinks:
        ways = [(uplink.interface, f"goto {chain_of('to_uplink', uplink)}") for uplink in plane.uplinks]
        rules.append(
            Rule(f"ct state new oifname vmap {{ {verdicts(ways)} }}", "remember by which uplink it leaves")
        )
    rules += mark_inside_legs(plane)
    return BaseChain(
        "output", tuple(rules), "from the gateway itself", type="route", hook="output", priority=MANGLE
    )


def guard(plane: DataPlane) -> BaseChain:
    """After translation: flows that are older than our rules were never translated and would show LAN addresses."""
    rules = tuple(
        Rule(
            f"oifname @uplinks ip saddr {network} {drop('leaked')}",
            "nothing with a LAN address leaves, whatever happened before",
        )
        for network in plane.inside()
    )
    return BaseChain("guard", rules, "last look on the way out", hook="postrouting", priority=SRCNAT + 10)


def _stay(plane: DataPlane, why: str, proxied: bool = False) -> Rule:
    marks = plane.marks
    ways = [
        f"{marks.uplink_mark(uplink.index):#010x} : goto {chain_of('stay_on_uplink', uplink)}"
        for uplink in plane.uplinks
    ]
    ways += [f"{marks.inside:#010x} : goto {TO_PROXY}"] if proxied else []
    return Rule(f"{marks.way()} vmap {{ {', '.join(ways)} }}", why)
