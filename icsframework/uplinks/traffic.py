"""Which traffic counts: the rules that wake an uplink, and those that keep it up.  Pure.

A list of rules is gone through from the front; the first one that fits decides.  The operator's own rules
(``wake:``, ``keep:``) come first, then ``demand.ignore``, then what is built in: kinds of noise that never count, and
at the end what does.  Traffic that no rule fits does not count.

dataplane/wake.py says the same to the packet filter, so that noise never reaches Python; ``judge`` is asked for what
is not a packet (a lookup of the DNS proxy, a helper's connection), and once more for each packet held.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Literal

from icsframework.addresses import PortRange
from icsframework.frozen import dataclass
from icsframework.values import Address, Network

__all__ = [
    "AN_END",
    "ASIDES",
    "BUILT_IN",
    "DNS_PORT",
    "ERRORS",
    "GROUPS",
    "NEVER",
    "NOT_A_BEGINNING",
    "Form",
    "Traffic",
    "TrafficRule",
    "fits",
    "fits_name",
    "is_noise",
    "judge",
    "keep_rules",
    "wake_rules",
]

Action = Literal["allow", "ignore"]
Protocol = Literal["tcp", "udp", "icmp"]
Form = Literal["opening", "closing", "echo"]
"""What a packet is to its flow: a TCP SYN without ACK; a TCP FIN or RST; an ICMP echo request."""

BUILT_IN = "built in"
"""The label of what is allowed by no rule of the operator's."""

NOT_A_BEGINNING = "never: not the beginning of a connection"
AN_END = "never: the end of a connection"
ERRORS = "never: errors"
ASIDES = (NOT_A_BEGINNING, AN_END, ERRORS)
"""Labels of what is left out beside a rule that allows: it is about less than it fits, since the one before it decides first."""

DNS_PORT = 53
"""Where lookups go."""


@dataclass(frozen=True, slots=True)
class TrafficRule:
    """One rule; what it leaves out (None, empty) fits everything.

    ``label`` is how people find it: ``wake[0]``, ``demand.ignore: ntp``, ``never: smb``; ``is_noise`` goes by it.
    ``gateway`` true: traffic of the gateway itself, and no other; false: traffic of LAN hosts only.  ``ports`` are
    destination ports.  ``name`` is a domain pattern: lookups of such a name, and traffic to what it led this client to.
    """

    action: Action
    label: str
    client: Network | None = None
    gateway: bool = False
    protocol: Protocol | None = None
    ports: tuple[PortRange, ...] = ()
    destination: Network | None = None
    name: str = ""
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What somebody sends, as far as it is known: a packet, a connection, or a lookup.

    A lookup is UDP to port 53 with a name and no destination.  ``own``: the gateway itself sends it.
    """

    client: Address | None
    protocol: str
    destination: Address | None = None
    port: int | None = None
    name: str = ""
    form: Form | None = None
    own: bool = False


def judge(rules: Sequence[TrafficRule], traffic: Traffic) -> TrafficRule | None:
    """The rule that decides; None: none fits, so it does not count."""
    return next((rule for rule in rules if fits(rule, traffic)), None)


def fits(rule: TrafficRule, traffic: Traffic) -> bool:
    """Do all parts of the rule fit?"""
    return (
        rule.gateway == traffic.own
        and (rule.protocol is None or rule.protocol == traffic.protocol)
        and (rule.form is None or rule.form == traffic.form)
        and (not rule.ports or (traffic.port is not None and any(traffic.port in one for one in rule.ports)))
        and _inside(traffic.client, rule.client)
        and _inside(traffic.destination, rule.destination)
        and (not rule.name or fits_name(rule.name, traffic.name))
    )


def is_noise(rule: TrafficRule) -> bool:
    """Is it about what never counts, or what ``demand.ignore`` names?  Nobody misses an answer to that."""
    return rule.action == "ignore" and rule.label.startswith(("never: ", "demand.ignore: "))


def fits_name(pattern: str, name: str) -> bool:
    """Does a domain pattern (``*.example`` is everything below ``example``) fit this name?  Case and a last dot do not matter."""
    known = name.rstrip(".").lower()
    if pattern.startswith("*."):
        return known.endswith(pattern[1:].lower())
    return known == pattern.lower()


def _inside(address: Address | None, network: Network | None) -> bool:
    return network is None or (address is not None and address in network)


# --- what is built in ---------------------------------------------------------------------------


def _ports(*ports: int | tuple[int, int]) -> tuple[PortRange, ...]:
    return tuple(PortRange(*((port, port) if isinstance(port, int) else port)) for port in ports)


def _to(*networks: str) -> tuple[TrafficRule, ...]:
    return tuple(TrafficRule("ignore", "", destination=ip_network(network)) for network in networks)


def _at(protocols: str, *ports: int | tuple[int, int]) -> tuple[TrafficRule, ...]:
    spans = _ports(*ports)
    return tuple(
        TrafficRule("ignore", "", protocol="tcp" if word == "tcp" else "udp", ports=spans)
        for word in protocols.split()
    )


GROUPS: Mapping[str, tuple[TrafficRule, ...]] = {
    "broadcast": _to("255.255.255.255/32"),
    "multicast": _to("224.0.0.0/4"),
    "netbios": _at("tcp udp", (137, 139), 445),
    "smb": _at("tcp udp", 139, 445),
    "mdns": _at("udp", 5353),
    "ssdp": _at("udp", 1900),
    "llmnr": _at("tcp udp", 5355),
    "ntp": _at("udp", 123),
    "dns": _at("tcp udp", DNS_PORT),
    "icmp": (TrafficRule("ignore", "", protocol="icmp"),),
}
"""The kinds of noise that ``demand.ignore`` knows."""

NEVER = ("broadcast", "multicast", "netbios", "smb", "mdns", "ssdp", "llmnr", "ntp")
"""The groups that never count, whatever ``demand.ignore`` says; only a rule of the operator's comes before them."""

_NOWHERE = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4")
"""Destinations that no uplink leads to (RFC 6890): loopback, link-local, reserved."""


def _labelled(rules: Sequence[TrafficRule], label: str) -> list[TrafficRule]:
    return [
        TrafficRule(one.action, label, protocol=one.protocol, ports=one.ports, destination=one.destination)
        for one in rules
    ]


def _noise(ignore: Sequence[str]) -> list[TrafficRule]:
    wanted = [rule for group in ignore for rule in _labelled(GROUPS[group], f"demand.ignore: {group}")]
    never = [rule for group in NEVER for rule in _labelled(GROUPS[group], f"never: {group}")]
    return [*wanted, *never, *_labelled(_to(*_NOWHERE), "never: no uplink leads there")]


def wake_rules(own: Sequence[TrafficRule], ignore: Sequence[str] = ()) -> tuple[TrafficRule, ...]:
    """All rules for waking: the operator's ``own``, his groups to ignore, and what is built in."""
    return (
        *own,
        *_noise(ignore),
        TrafficRule("allow", BUILT_IN, protocol="tcp", form="opening"),
        TrafficRule("allow", BUILT_IN, protocol="udp"),
        TrafficRule("allow", BUILT_IN, protocol="icmp", form="echo"),
    )


def keep_rules(own: Sequence[TrafficRule], ignore: Sequence[str] = ()) -> tuple[TrafficRule, ...]:
    """All rules for staying up.  They are asked only of what leaves by the uplink in flows that began inside.

    What ends a flow and what reports an error keeps no line busy (RFC 7857 section 7.1 says so of mappings).
    """
    return (
        *own,
        *_noise(ignore),
        TrafficRule("ignore", AN_END, protocol="tcp", form="closing"),
        TrafficRule("allow", BUILT_IN, protocol="icmp", form="echo"),
        TrafficRule("ignore", ERRORS, protocol="icmp"),
        TrafficRule("allow", BUILT_IN),
    )
