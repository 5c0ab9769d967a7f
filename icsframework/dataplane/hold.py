"""The rules about the hold device: packets that wait for a link, and those that come back from it.  Pure.

While no link is up, the default route leads into the hold device.  What a LAN's host sends there is kept from
connection tracking (it would get a connection without translation, which also its retransmissions would follow), and
passes only if a rule wakes a link (wake.py); ports of helpers are exempt, their listener accepts and waits by itself.

When the link is up, Python writes the packets back to the device.  They come in by it as new packets of the LAN that
their source is in, and are translated, helped and counted as if they had come only now.  The gateway's own packets
wait under the device's address, which is translated as well.

The chains at the raw hooks cost every packet a look at the routing table, so they are there only while they are
needed.  A packet that falls into the device before they are is not let through: nothing may wait there under a
connection of its own.
"""

from collections.abc import Iterator

from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.dataplane.redirects import left_to_helpers
from icsframework.dataplane.ruleset import FILTER, RAW, BaseChain, Chain, Counter, Rule
from icsframework.dataplane.rulewords import chain_of, drop, several, verdicts
from icsframework.dataplane.text import quote
from icsframework.dataplane.wake import REFUSED, WOKEN, forbidden, forbids, wake_chains, wake_jumps

__all__ = [
    "enter_hold",
    "hold_chains",
    "hold_counters",
    "not_ours_to_help",
    "to_hold",
]

TO_HOLD, OWN_TO_HOLD, FROM_HOLD, OWN_FROM_HOLD = "to_hold", "own_to_hold", "from_hold", "own_from_hold"
ENTER_HOLD = "enter_hold"
KEPT = "untracked"
REFUSED_AGAIN, FORBIDDEN, PROHIBITED = "refused_again", "forbidden", "prohibited"

NOT_WOKEN = Counter("not_woken", "no link is up, and no rule lets such traffic dial")
REFUSED_FLOW = Counter("refused_flow", "of a flow that was refused a link a moment ago")
RULED_OUT = Counter("forbidden", "no link is up, and a rule of the operator's forbids to dial for it")
NO_LINK = Counter("no_link", "no link is up, and none can or may be dialled now")
UNREADY = Counter("unready", "came when a link was lost, before it could wait for the next")
UNSENT = Counter("unsent", "was to leave by a link that was lost in the same moment")

ANSWERS = "limit rate 50/second burst 100 packets"
"""How often the kernel tells senders that it may not be (RFC 1812 section 4.3.2.8 wants such a limit)."""
TOLD = {"unreachable": "no-route", "prohibit": "admin-prohibited"}
"""What senders are told where nothing waits."""


def hold_counters(plane: DataPlane) -> tuple[Counter, ...]:
    """What is counted about waiting."""
    return () if plane.hold is None else (WOKEN, NOT_WOKEN, RULED_OUT, REFUSED_FLOW, NO_LINK, UNREADY, UNSENT)


# --- the hooks -----------------------------------------------------------------------------------


def to_hold(plane: DataPlane, own: bool = False) -> Iterator[Rule]:
    """For forward and output, before known flows: what has no other way."""
    if plane.hold is not None:
        target = OWN_TO_HOLD if own else TO_HOLD
        yield Rule(
            f"oifname {quote(plane.hold.interface)} goto {target}", "no link is up: may it wait for one?"
        )


def enter_hold(plane: DataPlane) -> Iterator[tuple[str, str]]:
    """For prerouting: what comes back is looked at like what comes from a LAN."""
    if plane.hold is not None:
        yield plane.hold.interface, f"goto {ENTER_HOLD}"


def from_hold(plane: DataPlane) -> Iterator[tuple[str, str]]:
    """For forward: where new flows go on that have waited."""
    if plane.hold is not None:
        yield plane.hold.interface, f"goto {FROM_HOLD}"


def not_ours_to_help(plane: DataPlane) -> Iterator[Rule]:
    """For nat_pre, first: helpers and doors are for the LANs, also when packets have waited."""
    for match, what in _own(plane):
        yield Rule(
            f"iifname {quote(_side(plane).interface)} {match} accept", f"{what}: nothing leads it elsewhere"
        )


def _own(plane: DataPlane) -> Iterator[tuple[str, str]]:
    if plane.hold is not None:
        yield f"ip saddr {plane.hold.address.ip}", "of the gateway itself"
        if plane.lan_addresses(4):
            yield "ip saddr @lan_addresses", "of the gateway itself, by its address on a LAN"


def _side(plane: DataPlane) -> HoldSide:
    assert plane.hold is not None
    return plane.hold


# --- the chains --------------------------------------------------------------------------------


def hold_chains(plane: DataPlane) -> tuple[Chain, ...]:
    """All of them; none without a hold device."""
    hold = plane.hold
    if hold is None:
        return ()
    return (
        *(_without_link(plane, hold) if not hold.settled else ()),
        Chain(TO_HOLD, tuple(_to_hold(plane, hold)), "to the hold device"),
        Chain(OWN_TO_HOLD, tuple(_own_to_hold(plane)), "the gateway's own packets to the hold device"),
        Chain(REFUSED_AGAIN, tuple(_answered(REFUSED_FLOW)), "late packets of refused flows"),
        *wake_chains(plane),
        *(_forbidden(plane) if forbids(plane) else ()),
        Chain(ENTER_HOLD, tuple(_enter(plane)), "has waited, and comes back from the hold device"),
        Chain(FROM_HOLD, tuple(_from_hold(plane)), "has waited: on its way out"),
        Chain(OWN_FROM_HOLD, tuple(_own_from_hold(plane)), "packets of the gateway itself that have waited"),
    )


def _without_link(plane: DataPlane, hold: HoldSide) -> Iterator[Chain]:
    if hold.waits:
        yield from _raw(plane, hold)
    elif plane.lans:
        # A route without a way answers too, but five packets of a host and then one a second, or none in a crowd.
        told = TOLD[hold.without]
        yield BaseChain(
            "no_way",
            (
                Rule(
                    f"iifname @lans meta nfproto ipv4 fib daddr type unicast {_way(plane)} oif missing "
                    f'counter name "{NO_LINK.name}" {ANSWERS} reject with icmpx {told}',
                    "no link can be had now: the sender is told",
                ),
            ),
            "packets of LAN hosts that lead nowhere",
            hook="prerouting",
            priority=FILTER,
        )


def _way(plane: DataPlane) -> str:
    return "fib daddr . mark" if several(plane) else "fib daddr"


def _raw(plane: DataPlane, hold: HoldSide) -> Iterator[Chain]:
    device = quote(hold.interface)
    if plane.lans:
        yield BaseChain(
            "raw_pre",
            (
                # Broadcast and multicast are never forwarded, and may be for the gateway itself.
                Rule(
                    f"iifname @lans ip daddr < 224.0.0.0 {_way(plane)} oifname {device} goto {KEPT}",
                    "has no other way than the hold device",
                ),
            ),
            "packets of LAN hosts that wait are not tracked",
            hook="prerouting",
            priority=RAW,
        )
        rules = (*left_to_helpers(plane), Rule("notrack", "a connection begins when it has waited"))
        yield Chain(KEPT, rules, "what waits begins no connection")
    yield BaseChain(
        "raw_out",
        (Rule(f"oifname {device} notrack", "a connection begins when it has waited"),),
        "own packets that wait are not tracked",
        hook="output",
        priority=RAW,
    )


def _to_hold(plane: DataPlane, hold: HoldSide) -> Iterator[Rule]:
    yield Rule(f"iifname {quote(hold.interface)} {drop(UNSENT.name)}", "has waited already: no loops")
    if plane.uplinks:
        yield Rule(f"iifname @uplinks {drop('closed_forward')}", "from the Internet to nowhere")
    no_link = f'counter name "{NOT_WOKEN.name}" reject with icmpx no-route'
    if not plane.lans:
        yield Rule(no_link, "only LANs have packets that may wait")
        return
    yield Rule(f"iifname != @lans {no_link}", "other programs' traffic does not dial; they are told at once")
    yield Rule(f"ct state != untracked {drop(UNREADY.name)}", "it will come again, and wait then")
    yield from _judged(plane)
    if forbids(plane):
        yield Rule(f"jump {FORBIDDEN}", "is it more than noise?")
    yield Rule(drop(NOT_WOKEN.name), "noise")


def _own_to_hold(plane: DataPlane) -> Iterator[Rule]:
    yield Rule(f"meta nfproto ipv6 {drop('closed_ipv6')}", "no IPv6 waits")
    yield Rule(f"ct state != untracked {drop(UNREADY.name)}", "it will come again, and wait then")
    yield from _judged(plane, own=True)
    yield Rule(
        f'counter name "{NOT_WOKEN.name}" reject with icmpx no-route',
        "own traffic dials only where a rule says so; whoever sent it is told at once",
    )


def _judged(plane: DataPlane, own: bool = False) -> Iterator[Rule]:
    yield Rule(
        f"ip frag-off & 0x1fff != 0 {drop(NOT_WOKEN.name)}", "what is not the first fragment tells nothing"
    )
    hosts = "ip saddr . ip daddr . meta l4proto"
    for match in (
        f"meta l4proto {{ tcp, udp }} {hosts} . th sport . th dport",
        # nft asks sets for expressions only: these are 0, whatever the packet.
        f"meta l4proto icmp {hosts} . th sport & 0 . th dport & 0",
    ):
        yield Rule(f"{match} @{REFUSED.name} goto {REFUSED_AGAIN}", "its flow was refused a moment ago")
    yield from wake_jumps(plane, own)


def _forbidden(plane: DataPlane) -> Iterator[Chain]:
    yield Chain(
        FORBIDDEN,
        tuple(forbidden(plane, f"goto {PROHIBITED}")),
        "what the operator's rules forbid to dial for",
    )
    yield Chain(PROHIBITED, tuple(_answered(RULED_OUT)), "the sender need not wait")


def _answered(counter: Counter) -> Iterator[Rule]:
    yield Rule(
        f'{ANSWERS} counter name "{counter.name}" reject with icmpx admin-prohibited', "the sender is told"
    )
    yield Rule(drop(counter.name), "nobody is told all the time")


def _enter(plane: DataPlane) -> Iterator[Rule]:
    on = "goto stay_with_peer" if several(plane) else "return"
    yield from (Rule(f"{match} return", what) for match, what in _own(plane))
    for lan in plane.lans:
        if lan.network.version == 4:
            yield Rule(f"ip saddr {lan.network} {on}", f"a host of LAN {lan.name}")
    yield Rule(drop("spoofed_lan"), "nobody else's packets have waited")


def _from_hold(plane: DataPlane) -> Iterator[Rule]:
    yield from (Rule(f"{match} goto {OWN_FROM_HOLD}", what) for match, what in _own(plane))
    for lan in plane.lans:
        if lan.network.version == 4:
            yield Rule(f"ip saddr {lan.network} goto from_lan_{lan.name}", f"a host of LAN {lan.name}")
    yield Rule(drop("spoofed_lan"), "nobody else's packets have waited")


def _own_from_hold(plane: DataPlane) -> Iterator[Rule]:
    if plane.uplinks:
        ways = [(uplink.interface, f"goto {chain_of('to_uplink', uplink)}") for uplink in plane.uplinks]
        yield Rule(f"oifname vmap {{ {verdicts(ways)} }}", "by the link it has waited for")
    yield Rule(drop(UNSENT.name), "to nowhere else")
