"""Which packets wake a link, said to the packet filter: what ``judge`` (uplinks/traffic.py) says, as chains.  Pure.

One chain for each uplink that traffic may wake, with its rules in their order: the first that fits decides.  "Allow"
lets the packet through to the hold device, "ignore" returns, so that the next uplink's chain is asked; what none lets
through is dropped in the kernel, and Python never hears of it.  A packet that is let through is judged once more
there; so the chains may let through too much, but never too little.  What would wake a link if the operator's own rules
did not forbid it is answered at once: whoever sent it should not wait for an answer in vain.

A rule about a name is asked of the set of what that name led to (named.py), which holds what the directory of names
holds.  For the gateway's own packets nobody knows the name: they are let through to be judged.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from icsframework.addresses import PortRange
from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.named import name_set
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Chain, Counter, Element, Rule, Set
from icsframework.dataplane.rulewords import one_of
from icsframework.uplinks.traffic import ASIDES, BUILT_IN, TrafficRule, is_noise, wake_rules
from icsframework.values import Address, Network

__all__ = [
    "FORMS",
    "REFUSED",
    "REFUSED_SECONDS",
    "WOKEN",
    "forbidden",
    "forbids",
    "judged",
    "matches",
    "refused_element",
    "wake_chains",
    "wake_jumps",
]

WOKEN = Counter("woken", "waits at the hold device for a link")
"""What a rule lets through to the hold device."""

REFUSED_SECONDS = 60
"""How long a flow stays refused whose first packet was: TCP's retransmissions of a SYN come within that time."""

REFUSED = Set(
    "refused",
    ("ipv4_addr", "ipv4_addr", "inet_proto", "inet_service", "inet_service"),
    (),
    frozenset({"dynamic", "timeout"}),
    "flows that were refused a link: both ends, protocol, ports",
    dynamic=True,
    size=4096,
    timeout=REFUSED_SECONDS,
)
"""Flows whose first packet was refused; what comes of them later wakes nothing."""

FORMS = {
    "opening": ("tcp", "tcp flags & (fin | syn | rst | ack) == syn"),
    "closing": ("tcp", "tcp flags & (fin | rst) != 0"),
    "echo": ("icmp", "icmp type echo-request"),
}
"""What a packet is to its flow: the protocol, and how nft asks for it."""


def refused_element(
    source: Address, destination: Address, protocol: str, source_port: int = 0, port: int = 0
) -> NamedElement:
    """What goes into ``refused`` for a flow; ``protocol`` is "tcp", "udp" or "icmp", which has no ports."""
    ports = (0, 0) if protocol == "icmp" else (source_port, port)
    return REFUSED.name, Element((ip_address(source), ip_address(destination), protocol, *ports))


# --- chains ---------------------------------------------------------------------------------


def wake_jumps(plane: DataPlane, own: bool = False) -> Iterator[Rule]:
    """To the chain of each uplink, for packets of LAN hosts, or the gateway's own."""
    for name, rules in plane.hold.wake.items() if plane.hold is not None else ():
        if next(_judged(rules, own), None) is not None:
            yield Rule(f"jump {_chain(name, own)}", f"may it wake {name}?")


def wake_chains(plane: DataPlane) -> Iterator[Chain]:
    """The chains of all uplinks that traffic may wake."""
    for name, rules in plane.hold.wake.items() if plane.hold is not None else ():
        for own, whose in ((False, "LAN hosts"), (True, "the gateway itself")):
            found = tuple(_judged(rules, own))
            if found:
                yield Chain(_chain(name, own), found, f"which packets of {whose} wake {name}")


def _chain(uplink: str, own: bool) -> str:
    return f"wake_own_{uplink}" if own else f"wake_{uplink}"


def _judged(rules: Sequence[TrafficRule], own: bool) -> Iterator[Rule]:
    return judged(rules, own, f'counter name "{WOKEN.name}" accept')


def judged(rules: Sequence[TrafficRule], own: bool, allowed: str) -> Iterator[Rule]:
    """The rules one after the other, with the statement ``allowed`` for those that allow; none if nothing can be allowed."""
    found = [(rule, match) for rule in rules for match in matches(rule, own)]
    while found and found[-1][0].action == "ignore":
        found.pop()  # at the end of the chain nothing else would happen
    for rule, match in found:
        yield Rule(f"{match}{allowed if rule.action == 'allow' else 'return'}", rule.label or rule.action)


# --- what the operator forbids -----------------------------------------------------------------


def forbids(plane: DataPlane) -> bool:
    """Does a rule of the operator's forbid something to any uplink?"""
    return any(
        rule.action == "ignore" and not rule.gateway and not is_noise(rule) for rule in _every_rule(plane)
    )


def forbidden(plane: DataPlane, verdict: str) -> Iterator[Rule]:
    """For packets of LAN hosts that no chain lets through: kinds of noise return, what wakes by itself meets ``verdict``."""
    noise = (rule for rule in _every_rule(plane) if is_noise(rule) and rule.label not in ASIDES)
    for rule in dict.fromkeys(noise):
        for match in matches(rule):
            yield Rule(f"{match}return", rule.label)
    for rule in wake_rules(()):
        if rule.label == BUILT_IN:
            for match in matches(rule):
                yield Rule(f"{match}{verdict}", "would wake a link if a rule did not forbid it")


def _every_rule(plane: DataPlane) -> Iterator[TrafficRule]:
    for rules in plane.hold.wake.values() if plane.hold is not None else ():
        yield from rules


# --- matches --------------------------------------------------------------------------------


def matches(rule: TrafficRule, own: bool = False) -> Iterator[str]:
    """The packets that a rule fits: a match for each alternative, none if it fits no IPv4 packet of this side."""
    if rule.gateway != own or (own and rule.name and rule.action == "ignore"):
        return
    if own and rule.client is not None:
        return  # it has no client
    form = FORMS.get(rule.form or "")
    protocol = rule.protocol or (form[0] if form else None)
    if form is not None and form[0] != protocol:
        return
    if rule.ports and protocol == "icmp":
        return
    hosts = [_inside("ip saddr", rule.client), _inside("ip daddr", rule.destination)]
    if None in hosts:
        return
    words = [word for word in hosts if word]
    if rule.name and not own:
        words.append(f"ip saddr . ip daddr @{name_set(rule.name)}")
    if form is not None:
        words.append(form[1])
    for ports in _ports(protocol, rule.ports):
        # A form names the protocol, ports do too.
        before = [ports] if ports else [] if form or protocol is None else [f"meta l4proto {protocol}"]
        yield "".join(f"{word} " for word in (*before, *words))


def _inside(key: str, network: Network | None) -> str | None:
    """Empty if everything is inside, None if no IPv4 address is."""
    if network is None:
        return ""
    if network.version != 4:
        return None
    return f"{key} {network}" if network.prefixlen else ""


def _ports(protocol: str | None, ports: Sequence[PortRange]) -> Iterator[str]:
    """Ranges stand in rules of their own: the kernel fills some kinds of sets of ranges a moment too late."""
    if not ports:
        yield ""
        return
    key = f"{protocol} dport" if protocol else "meta l4proto { tcp, udp } th dport"
    singles = [span.first for span in ports if span.first == span.last]
    if singles:
        yield f"{key} {one_of(sorted(set(singles)))}"
    for span in ports:
        if span.first != span.last:
            yield f"{key} {span.first}-{span.last}"
