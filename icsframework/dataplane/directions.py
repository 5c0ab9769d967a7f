"""The chains of single directions, to which the hooks of policy.py lead by interface.  Pure.

The chain of a LAN or uplink carries its name.
"""

from icsframework.dataplane.aids import aided_in, aided_out
from icsframework.dataplane.doorrules import used_up
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.pairs import STAY_WITH_PEER
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.redirects import admitted
from icsframework.dataplane.ruleset import Chain, Rule
from icsframework.dataplane.rulewords import chain_of, drop, refuse, several, verdicts
from icsframework.dataplane.triggers import TRIGGERS

__all__ = [
    "ENTERING",
    "enter_lan",
    "enter_uplink",
    "entering",
    "from_lan",
    "from_uplinks",
    "input_from_uplinks",
    "ipv6",
    "leaving",
    "stay_on_uplink",
    "to_uplink",
]

ENTERING = "entering"
"""The chain of flows that a translation rule let in."""


def enter_lan(lan: LanSide, plane: DataPlane) -> Chain:
    """From a LAN, before routing: first packets of flows only."""
    on = f"goto {STAY_WITH_PEER}" if several(plane) else "return"
    rules = (
        Rule("meta nfproto ipv6 return", "IPv6 ends in forward"),
        Rule(f"ip saddr {lan.network} {on}", "a host of this LAN"),
        Rule("ip saddr 0.0.0.0 return", "a host that asks for its address"),
        Rule(
            "ip daddr 255.255.255.255 udp dport 67 return", "a host that asks to keep one of another subnet"
        ),
        Rule(drop("spoofed_lan"), "no host here can have another source"),
    )
    return Chain(f"enter_lan_{lan.name}", rules, f"comes from LAN {lan.name}")


def enter_uplink(uplink: UplinkSide, plane: DataPlane) -> Chain:
    """From the Internet, before routing."""
    inside = (
        Rule(f"ip saddr {network} {drop('spoofed_uplink')}", "a LAN's address cannot come from the Internet")
        for network in plane.inside()
    )
    rules = (
        Rule("ct state established,related return", "known flow"),
        *inside,
        Rule(f"ip saddr 127.0.0.0/8 {drop('spoofed_uplink')}", "nor can a loopback address"),
        # Only the connection mark: with the packet mark set, routing would send it straight out again.
        Rule(plane.marks.set_uplink(uplink.index, "ct"), f"answers leave by {uplink.name}"),
    )
    return Chain(chain_of("enter_uplink", uplink), rules, f"comes by uplink {uplink.name}")


def stay_on_uplink(uplink: UplinkSide, marks: Marks) -> Chain:
    """Copy the uplink from the connection to the packet: the routing rule of this mark leads to its table."""
    rules = (Rule(marks.set_uplink(uplink.index, "meta"), f"route by {uplink.name}"),)
    return Chain(chain_of("stay_on_uplink", uplink), rules, f"belongs to a flow of uplink {uplink.name}")


def to_uplink(uplink: UplinkSide, marks: Marks) -> Chain:
    """First packet of a flow that leaves by this uplink."""
    rules = (
        Rule(
            f"{marks.set_uplink(uplink.index, 'ct')} accept", f"the flow belongs to {uplink.name} from now on"
        ),
    )
    return Chain(chain_of("to_uplink", uplink), rules, f"leaves by uplink {uplink.name}")


def from_lan(lan: LanSide, plane: DataPlane) -> Chain:
    """New flows of a LAN's hosts: to the Internet, inside their own LAN, and to the LANs in ``reach``."""
    out = "leave" if leaving(plane) else "to_uplink"
    ways = [(uplink.interface, f"goto {chain_of(out, uplink)}") for uplink in plane.uplinks]
    ways += [(other.interface, "accept") for other in plane.reachable(lan)]
    reach = "".join(f", and to LAN {other.name}" for other in plane.reachable(lan)[1:])
    rules = (
        Rule(f"oifname vmap {{ {verdicts(ways)} }}", f"to the Internet{reach}"),
        # RFC 5508 REQ-8: what is forbidden is answered with "administratively prohibited".
        Rule(refuse(), "nowhere else; the sender is told"),
    )
    return Chain(f"from_lan_{lan.name}", rules, f"from LAN {lan.name}")


def leaving(plane: DataPlane) -> tuple[Chain, ...]:
    """New flows of the LANs to the Internet, where a helper wants to see them; else they need no chain."""
    watched = [Rule(f"jump {TRIGGERS}", "does it open ports?")] if plane.doors.triggers else []
    rules = [*aided_out(plane), *watched]
    if not rules or not plane.uplinks:
        return ()
    return (
        *(
            Chain(
                chain_of("leave", uplink),
                (
                    Rule(
                        plane.marks.set_uplink(uplink.index, "ct"),
                        f"the flow belongs to {uplink.name} from now on",
                    ),
                    Rule("goto leaving", "what a helper wants"),
                ),
                f"from a LAN by uplink {uplink.name}",
            )
            for uplink in plane.uplinks
        ),
        Chain(
            "leaving", (*rules, Rule("accept", "to the Internet")), "new flows of the LANs to the Internet"
        ),
    )


def from_uplinks() -> Chain:
    """New flows from the Internet to somebody behind us: silence (RFC 5382 REQ-4)."""
    rules = (Rule(drop("closed_forward"), "nobody asked for it"),)
    return Chain("from_uplinks", rules, "from the Internet to behind the gateway")


def entering(plane: DataPlane) -> Chain:
    """New flows that a door led to somebody behind us."""
    rules = (*aided_in(plane), *used_up(plane), Rule("accept", "let in"))
    return Chain(ENTERING, rules, "let in by a translation rule")


def input_from_uplinks(plane: DataPlane) -> Chain:
    """New flows from the Internet to the gateway: nothing, not even ping, but what we ourselves lead to a helper.

    What the host needs to have IPv6 of its own is let in from the link only
    (RFC 4890 section 4.4.1); DHCPv4 is read below the packet filter.
    """
    rules = (
        *admitted(plane),
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
        Rule(drop("closed_input"), "no port is open, and no answer tells that somebody is here"),
    )
    return Chain("input_from_uplinks", rules, "from the Internet to the gateway itself")


def ipv6() -> Chain:
    """IPv6 between interfaces: closed until the gateway can do it properly; LAN hosts are told and turn to IPv4 at once."""
    rules = (
        Rule(
            'iifname @lans counter name "closed_ipv6" reject with icmpv6 admin-prohibited',
            "the sender turns to IPv4 without waiting",
        ),
        Rule(drop("closed_ipv6"), "closed"),
    )
    return Chain("closed_ipv6", rules, "IPv6 through our interfaces")
