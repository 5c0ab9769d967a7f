"""The rules of the gateway: a pure function from the DataPlane to a Table.

The way of a packet::

    prerouting   mangle        which uplink did it come by (connection mark); spoofed sources end here
    nat_pre      dstnat        first packet of a flow only: published ports and expectations come here
    forward      filter        not ours: return; known flows; invalid; translated; then one chain per direction
    input        filter        closed towards the uplinks
    output       mangle        own flows stay on their uplink too
    nat_post     srcnat        first packet of a flow only: masquerade
    guard        srcnat + 10   what still has a LAN address is not let out

Every base chain accepts by policy; what we drop, we drop by a rule that first
asked for an interface of ours, so that other programs' traffic goes on.  Known
flows meet as few expressions as possible: lookups that cost something stand
behind ``ct state``.  The chain of a LAN or uplink carries its name.
"""

from collections.abc import Iterable, Iterator, Sequence

from icsframework.dataplane.dynamic import DYNAMIC
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.ruleset import (
    DSTNAT,
    FILTER,
    MANGLE,
    SRCNAT,
    TABLE,
    BaseChain,
    Chain,
    Counter,
    Element,
    Rule,
    Set,
    Table,
)
from icsframework.dataplane.text import quote

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
        BaseChain(
            "nat_pre",
            (),
            "ports of the uplinks that lead inside",
            type="nat",
            hook="prerouting",
            priority=DSTNAT,
        ),
        forward(plane),
        gateway_input(),
        output(plane),
        nat_post(plane),
        guard(plane),
        *(enter_uplink(uplink, plane) for uplink in plane.uplinks),
        *(stay_on_uplink(uplink, plane.marks) for uplink in plane.uplinks if _several(plane)),
        *(enter_lan(lan) for lan in plane.lans if lan.network.version == 4),
        *(from_lan(lan, plane) for lan in plane.lans),
        *(to_uplink(uplink, plane.marks) for uplink in plane.uplinks),
        from_uplinks(),
        input_from_uplinks(),
        ipv6(),
    ]
    return Table(TABLE, tuple(chains), sets(plane), COUNTERS, comment="the Internet gateway ics")


# --- sets ---------------------------------------------------------------------------------


def sets(plane: DataPlane) -> tuple[Set, ...]:
    """The configured sets (which interfaces and addresses are ours), and the dynamic ones.

    Subnets are no sets of intervals but stand in the rules: the kernel fills some
    kinds of such sets a moment after it has switched to new rules, and a packet
    in between would be taken for spoofed, or would miss its translation.
    """
    doors = [(lan.interface, door.address.ip) for lan in plane.lans for door in plane.reachable(lan)]
    lans, uplinks = (lan.interface for lan in plane.lans), (uplink.interface for uplink in plane.uplinks)
    return (
        Set(
            "ours", ("ifname",), _elements((name,) for name in plane.interfaces), comment="all our interfaces"
        ),
        Set("lans", ("ifname",), _elements((name,) for name in lans), comment="interfaces of the LANs"),
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
        *DYNAMIC,
    )


def _elements(keys: Iterable[tuple[object, ...]]) -> tuple[Element, ...]:
    return tuple(Element(key) for key in dict.fromkeys(keys))  # type: ignore[arg-type]


# --- the hooks ------------------------------------------------------------------------------


def prerouting(plane: DataPlane) -> BaseChain:
    """First look: note the uplink a flow comes by, keep known flows on theirs, and stop spoofed sources."""
    rules = []
    if plane.uplinks:
        rules.append(_dispatch("iifname", plane.uplinks, "enter_uplink", "by which uplink it comes"))
    if _several(plane):
        rules.append(
            _stay(
                plane,
                "a flow stays on the uplink where it began, an answer leaves where the question came in",
            )
        )
    lans = [lan for lan in plane.lans if lan.network.version == 4]
    if lans:
        ways = [(lan.interface, f"goto enter_lan_{lan.name}") for lan in lans]
        rules.append(
            Rule(f"ct state new,untracked iifname vmap {{ {_verdicts(ways)} }}", "from which LAN it comes")
        )
    return BaseChain(
        "prerouting", tuple(rules), "where a packet comes from", hook="prerouting", priority=MANGLE
    )


def forward(plane: DataPlane) -> BaseChain:
    """Between interfaces.  The order is that of cost: known flows first."""
    rules = [
        Rule("iifname != @ours oifname != @ours return", "not ours: other programs' traffic goes on"),
        Rule(f"meta nfproto ipv6 goto {ipv6().name}", "IPv6 through our interfaces is closed"),
        *_clamp(plane),
        Rule("ct state established,related accept", "known flows, both directions"),
        Rule(f"ct state invalid {_drop('invalid')}", "belongs to no connection and opens none"),
        Rule(
            f"ct state untracked oifname @uplinks {_drop('untracked')}",
            "would leave without address translation",
        ),
        Rule(
            "ct status dnat oifname != @uplinks accept",
            "was let in by a translation rule, ours or another program's",
        ),
    ]
    if plane.lans or plane.uplinks:
        ways = [(lan.interface, f"goto from_lan_{lan.name}") for lan in plane.lans]
        ways += [(uplink.interface, f"goto {from_uplinks().name}") for uplink in plane.uplinks]
        rules.append(Rule(f"iifname vmap {{ {_verdicts(ways)} }}", "one chain per direction"))
    if plane.uplinks:
        rules.append(
            _dispatch(
                "oifname", plane.uplinks, "to_uplink", "other programs' flows stay on their uplink as well"
            )
        )
    return BaseChain("forward", tuple(rules), "through the gateway", hook="forward", priority=FILTER)


def gateway_input() -> BaseChain:
    """To the gateway itself."""
    rules = (
        Rule("iifname != @ours return", "not ours"),
        Rule("ct state established,related accept", "answers to what the gateway asked"),
        Rule(f"ct state invalid {_drop('invalid')}", "belongs to no connection and opens none"),
        Rule(f"iifname @uplinks goto {input_from_uplinks().name}", "the Internet finds everything closed"),
        Rule(
            f"ip daddr @lan_addresses iifname . ip daddr != @lan_doors {_refuse()}",
            "the gateway's address on a LAN that this one may not reach",
        ),
    )
    return BaseChain("input", rules, "to the gateway itself", hook="input", priority=FILTER)


def output(plane: DataPlane) -> BaseChain:
    """The gateway's own packets; type route, so that a restored mark finds the way anew."""
    rules = []
    if _several(plane):
        rules.append(_stay(plane, "own flows stay on the uplink where they began"))
    if plane.uplinks:
        ways = [(uplink.interface, f"goto {_chain('to_uplink', uplink)}") for uplink in plane.uplinks]
        rules.append(
            Rule(f"ct state new oifname vmap {{ {_verdicts(ways)} }}", "remember by which uplink it leaves")
        )
    return BaseChain(
        "output", tuple(rules), "from the gateway itself", type="route", hook="output", priority=MANGLE
    )


def nat_post(plane: DataPlane) -> BaseChain:
    """Source translation.  Always masquerade, never snat: its flows end by themselves when the address goes."""
    rules = tuple(
        Rule(f"oifname @uplinks ip saddr {network} masquerade", "LAN hosts appear under the uplink's address")
        for network in plane.lan_networks(4)
    )
    return BaseChain(
        "nat_post", rules, "addresses on the way out", type="nat", hook="postrouting", priority=SRCNAT
    )


def guard(plane: DataPlane) -> BaseChain:
    """After translation: flows that are older than our rules were never translated and would show LAN addresses."""
    rules = tuple(
        Rule(
            f"oifname @uplinks ip saddr {network} {_drop('leaked')}",
            "nothing with a LAN address leaves, whatever happened before",
        )
        for network in plane.lan_networks(4)
    )
    return BaseChain("guard", rules, "last look on the way out", hook="postrouting", priority=SRCNAT + 10)


# --- one chain per direction ----------------------------------------------------------------------


def enter_lan(lan: LanSide) -> Chain:
    """From a LAN, before routing: first packets of flows only."""
    rules = (
        Rule("meta nfproto ipv6 return", "IPv6 ends in forward"),
        Rule(f"ip saddr {lan.network} return", "a host of this LAN"),
        Rule("ip saddr 0.0.0.0 return", "a host that asks for its address"),
        Rule(
            "ip daddr 255.255.255.255 udp dport 67 return", "a host that asks to keep one of another subnet"
        ),
        Rule(_drop("spoofed_lan"), "no host here can have another source"),
    )
    return Chain(f"enter_lan_{lan.name}", rules, f"comes from LAN {lan.name}")


def enter_uplink(uplink: UplinkSide, plane: DataPlane) -> Chain:
    """From the Internet, before routing."""
    inside = (
        Rule(f"ip saddr {network} {_drop('spoofed_uplink')}", "a LAN's address cannot come from the Internet")
        for network in plane.lan_networks(4)
    )
    rules = (
        Rule("ct state established,related return", "known flow"),
        *inside,
        Rule(f"ip saddr 127.0.0.0/8 {_drop('spoofed_uplink')}", "nor can a loopback address"),
        # Only the connection mark: with the packet mark set, routing would send it straight out again.
        Rule(plane.marks.set_uplink(uplink.index, "ct"), f"answers leave by {uplink.name}"),
    )
    return Chain(_chain("enter_uplink", uplink), rules, f"comes by uplink {uplink.name}")


def stay_on_uplink(uplink: UplinkSide, marks: Marks) -> Chain:
    """Copy the uplink from the connection to the packet: the routing rule of this mark leads to its table."""
    rules = (Rule(marks.set_uplink(uplink.index, "meta"), f"route by {uplink.name}"),)
    return Chain(_chain("stay_on_uplink", uplink), rules, f"belongs to a flow of uplink {uplink.name}")


def to_uplink(uplink: UplinkSide, marks: Marks) -> Chain:
    """First packet of a flow that leaves by this uplink."""
    rules = (
        Rule(
            f"{marks.set_uplink(uplink.index, 'ct')} accept", f"the flow belongs to {uplink.name} from now on"
        ),
    )
    return Chain(_chain("to_uplink", uplink), rules, f"leaves by uplink {uplink.name}")


def from_lan(lan: LanSide, plane: DataPlane) -> Chain:
    """New flows of a LAN's hosts: to the Internet, inside their own LAN, and to the LANs in ``reach``."""
    ways = [(uplink.interface, f"goto {_chain('to_uplink', uplink)}") for uplink in plane.uplinks]
    ways += [(other.interface, "accept") for other in plane.reachable(lan)]
    reach = "".join(f", and to LAN {other.name}" for other in plane.reachable(lan)[1:])
    rules = (
        Rule(f"oifname vmap {{ {_verdicts(ways)} }}", f"to the Internet{reach}"),
        # RFC 5508 REQ-8: what is forbidden is answered with "administratively prohibited".
        Rule(_refuse(), "nowhere else; the sender is told"),
    )
    return Chain(f"from_lan_{lan.name}", rules, f"from LAN {lan.name}")


def from_uplinks() -> Chain:
    """New flows from the Internet to somebody behind us: silence (RFC 5382 REQ-4)."""
    rules = (Rule(_drop("closed_forward"), "nobody asked for it"),)
    return Chain("from_uplinks", rules, "from the Internet to behind the gateway")


def input_from_uplinks() -> Chain:
    """New flows from the Internet to the gateway: nothing, not even ping.

    What the host needs to have IPv6 of its own is let in from the link only
    (RFC 4890 section 4.4.1); DHCPv4 is read below the packet filter.
    """
    rules = (
        Rule(
            "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept",
            "neighbours and routers of the link (RFC 4861: hop limit 255)",
        ),
        Rule(
            "ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, "
            "mld2-listener-report } accept",
            "multicast membership (RFC 3810)",
        ),
        Rule(
            "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
            "answers of a DHCPv6 server on the link (RFC 8415)",
        ),
        Rule(_drop("closed_input"), "no port is open, and no answer tells that somebody is here"),
    )
    return Chain("input_from_uplinks", rules, "from the Internet to the gateway itself")


def ipv6() -> Chain:
    """IPv6 between interfaces: closed until the gateway can do it properly; LAN hosts are told and turn to IPv4 at once."""
    rules = (
        Rule(
            'iifname @lans counter name "closed_ipv6" reject with icmpv6 admin-prohibited',
            "the sender turns to IPv4 without waiting",
        ),
        Rule(_drop("closed_ipv6"), "closed"),
    )
    return Chain("closed_ipv6", rules, "IPv6 through our interfaces")


# --- small parts -------------------------------------------------------------------------------------


def _clamp(plane: DataPlane) -> Iterator[Rule]:
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
    if _several(plane):
        for uplink in plane.uplinks:
            if uplink.link is not None:
                size = uplink.link.mtu - IPV4_AND_TCP
                yield Rule(
                    f"{syn} iifname {quote(uplink.interface)} tcp option maxseg size set {size}",
                    f"segments that fit {uplink.name}, MTU {uplink.link.mtu}",
                )


IPV4_AND_TCP = 40
"""Bytes of an IPv4 and a TCP header without options: what MSS leaves out of the MTU (RFC 6691)."""


def _several(plane: DataPlane) -> bool:
    """With one uplink the main routing table is right for every packet, and known flows are spared the lookup."""
    return len(plane.uplinks) > 1


def _stay(plane: DataPlane, why: str) -> Rule:
    marks = plane.marks
    ways = [
        f"{marks.uplink_mark(uplink.index):#010x} : goto {_chain('stay_on_uplink', uplink)}"
        for uplink in plane.uplinks
    ]
    return Rule(f"{marks.key('ct')} vmap {{ {', '.join(ways)} }}", why)


def _dispatch(key: str, uplinks: Sequence[UplinkSide], chain: str, why: str) -> Rule:
    ways = [(uplink.interface, f"goto {_chain(chain, uplink)}") for uplink in uplinks]
    return Rule(f"{key} vmap {{ {_verdicts(ways)} }}", why)


def _verdicts(ways: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{quote(interface)} : {verdict}" for interface, verdict in ways)


def _chain(prefix: str, uplink: UplinkSide) -> str:
    return f"{prefix}_{uplink.name}"


def _drop(counter: str) -> str:
    return f'counter name "{counter}" drop'


def _refuse() -> str:
    return 'counter name "refused_lan" reject with icmpx admin-prohibited'
