"""Do the packet filters of other programs let our traffic pass?  Pure.

Every base chain at a hook must let a packet pass, whoever's it is: an accept of
ours does not help against a drop of another's.  For each kind of packet that a
gateway lives from, each foreign chain is followed as the kernel would follow it.
Where a rule holds something that we cannot read, both ways are followed; we
complain only if no way leads to accept.

What is asked: does a new flow of a LAN's host reach the uplink (and the LANs in
``reach``), do its answers come back, does it reach the hold device and the uplink
from there, do questions to our DHCP and DNS arrive.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from icsframework.dataplane.filters import Filters, FoundChain, FoundRule, Match, Opaque, Span, Test, Value
from icsframework.dataplane.plane import DataPlane, LanSide
from icsframework.dataplane.ruleset import TABLE
from icsframework.frozen import dataclass
from icsframework.values import Address

__all__ = ["SERVICE_PORTS", "Obstacle", "Packet", "Way", "obstacles", "outcomes"]

SOMEWHERE = IPv4Address("1.2.3.4")
"""A host of the Internet that no rule is likely to name; nothing is ever sent there."""

SERVICE_PORTS = {"dhcp": 67, "dns": 53}
"""The UDP port that hosts of a LAN ask, by the LAN service's plugin."""

DEEPEST = 64
"""Chains followed into each other; the kernel refuses more than 16."""

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet that we ask about.  ``state`` and ``status`` are conntrack's ("new", "established", "untracked"; "dnat")."""

    iif: str
    oif: str
    saddr: Address
    daddr: Address
    proto: str
    sport: int
    dport: int
    state: str
    status: str = ""
    nfproto: str = "ipv4"


@dataclass(frozen=True, slots=True)
class Way:
    """What is asked for: from LAN ``lan`` (interface ``incoming``) to ``outgoing``, or to ``port`` of the gateway itself."""

    lan: str
    incoming: str
    outgoing: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A chain of another program that stops something of a way: its first packets, or only the answers.

    ``siblings`` are the names of all chains of the same table, from which its owner may be told.
    """

    way: Way
    chain: FoundChain
    forth: bool
    back: bool
    siblings: frozenset[str]

    @property
    def by_policy(self) -> bool:
        """True if the chain drops whatever no rule lets through."""
        return self.chain.policy == "drop"


def obstacles(
    filters: Filters, plane: DataPlane, services: Mapping[str, Iterable[str]]
) -> tuple[Obstacle, ...]:
    """Everything in the way; ``services`` are the plugins that serve each LAN, by its name."""
    found = []
    for chain, chains in _base_chains(filters):
        siblings = frozenset(chains)
        if chain.hook == "forward":
            for way, forth, back in (*_ways(plane), *_waiting(plane)):
                stopped = (
                    _stopped(chain, chains, forth),
                    back is not None and _stopped(chain, chains, back),
                )
                if any(stopped):
                    found.append(Obstacle(way, chain, *stopped, siblings))
        else:
            for way, question in _questions(plane, services):
                if _stopped(chain, chains, question):
                    found.append(Obstacle(way, chain, True, False, siblings))
    return tuple(found)


def _base_chains(filters: Filters) -> Iterator[tuple[FoundChain, Mapping[str, FoundChain]]]:
    for (family, table), chains in filters.tables.items():
        if family not in ("ip", "inet") or (family, table) == ("inet", TABLE):
            continue
        for chain in chains.values():
            if chain.type == "filter" and chain.hook in ("forward", "input"):
                yield chain, chains


def _ways(plane: DataPlane) -> Iterator[tuple[Way, Packet, Packet]]:
    for lan in plane.lans:
        host = _host(lan)
        if host is None:
            continue
        targets = [(uplink.interface, SOMEWHERE) for uplink in plane.uplinks]
        targets += [(o.interface, h) for o in plane.reachable(lan)[1:] if (h := _host(o)) is not None]
        for outgoing, target in targets:
            yield (
                Way(lan.name, lan.interface, outgoing),
                Packet(lan.interface, outgoing, host, target, "tcp", 40000, 443, "new"),
                Packet(outgoing, lan.interface, target, host, "tcp", 443, 40000, "established"),
            )


def _waiting(plane: DataPlane) -> Iterator[tuple[Way, Packet, None]]:
    """What waits for a link: into the hold device, and by the link when it comes back; the answers come as ever."""
    if plane.hold is None:
        return
    hold = plane.hold.interface
    for lan in plane.lans:
        host = _host(lan)
        if host is None:
            continue
        ways = [
            (lan.interface, hold, "untracked"),
            *((hold, uplink.interface, "new") for uplink in plane.uplinks),
        ]
        for incoming, outgoing, state in ways:
            packet = Packet(incoming, outgoing, host, SOMEWHERE, "tcp", 40000, 443, state)
            yield Way(lan.name, incoming, outgoing), packet, None


def _questions(plane: DataPlane, services: Mapping[str, Iterable[str]]) -> Iterator[tuple[Way, Packet]]:
    for lan in plane.lans:
        host, gateway = _host(lan), lan.address.ip
        if host is None:
            continue
        asks = {
            "dhcp": (IPv4Address("0.0.0.0"), 68, IPv4Address("255.255.255.255")),  # noqa: S104 - a source address
            "dns": (host, 40000, gateway),
        }
        for service in services.get(lan.name, ()):
            if service in asks:
                source, sport, target = asks[service]
                port = SERVICE_PORTS[service]
                packet = Packet(lan.interface, "", source, target, "udp", sport, port, "new")
                yield Way(lan.name, lan.interface, port=port), packet


def _host(lan: LanSide) -> IPv4Address | None:
    """An address of the LAN that is not the gateway's."""
    if not isinstance(lan.network, IPv4Network):
        return None
    last = lan.network.broadcast_address - 1
    return last if last != lan.address.ip else last - 1


# --- following a chain ------------------------------------------------------------------------


def _stopped(chain: FoundChain, chains: Mapping[str, FoundChain], packet: Packet) -> bool:
    return "accept" not in outcomes(chain, chains, packet)


def outcomes(chain: FoundChain, chains: Mapping[str, FoundChain], packet: Packet) -> frozenset[str]:
    """What may become of the packet at a base chain: "accept", "drop", or either."""
    ends = _follow(chain, chains, packet, {}, 0)
    policy = "drop" if chain.policy == "drop" else "accept"
    return frozenset(policy if end == "return" else end for end in ends)


def _follow(
    chain: FoundChain,
    chains: Mapping[str, FoundChain],
    packet: Packet,
    known: dict[str, frozenset[str]],
    depth: int,
) -> frozenset[str]:
    """The same for any chain, where "return" means that the packet comes back out of it."""
    if chain.name in known:
        return known[chain.name]
    known[chain.name] = frozenset({"accept", "drop"})  # the kernel allows no loops; a listing might show one
    ends: set[str] = set()
    for rule in chain.rules:
        fits = _fits(rule, packet)
        if fits is False or rule.verdict is None:
            continue
        results = _results(rule, chains, packet, known, depth)
        goes_on = "continue" in results
        ends |= results - {"continue"}
        if fits and not goes_on:
            break
    else:
        ends.add("return")
    known[chain.name] = frozenset(ends)
    return known[chain.name]


def _results(
    rule: FoundRule,
    chains: Mapping[str, FoundChain],
    packet: Packet,
    known: dict[str, frozenset[str]],
    depth: int,
) -> set[str]:
    """What a rule that fits leads to; "continue" if the next rule gets its turn."""
    assert rule.verdict is not None
    kind, target = rule.verdict.kind, chains.get(rule.verdict.target)
    if kind in ("accept", "drop", "return"):
        return {kind}
    if kind == "unknown" or target is None or depth >= DEEPEST:
        return {"accept", "continue"}
    inside = _follow(target, chains, packet, known, depth + 1)
    if kind == "goto":
        return set(inside)
    return {"continue" if end == "return" else end for end in inside}


def _fits(rule: FoundRule, packet: Packet) -> bool | None:
    """None: it depends on something that we cannot read."""
    answers = [_answer(test, packet, rule) for test in rule.tests]
    if False in answers:
        return False
    return None if None in answers else True


def _answer(test: Test, packet: Packet, rule: FoundRule) -> bool | None:
    if isinstance(test, Opaque):
        return _guess(test, packet, rule)
    return test.negated != any(_equal(value, getattr(packet, test.field)) for value in test.values)


def _guess(test: Opaque, packet: Packet, rule: FoundRule) -> bool | None:
    """nft does not say which states a match of iptables' conntrack wants.

    Nearly always those are the known ones, so a known flow fits.  A rule that
    also names an interface may well be about new flows.
    """
    if test.name not in ("conntrack", "state"):
        return None
    if packet.state == "established":
        return True
    return None if any(isinstance(t, Match) and t.field in ("iif", "oif") for t in rule.tests) else False


def _equal(value: Value, actual: object) -> bool:
    if isinstance(value, Span):
        number = PROTOCOLS.get(actual, -1) if isinstance(actual, str) else actual
        return isinstance(number, int) and value.first <= number <= value.last
    if isinstance(value, str):
        if value.endswith("*"):
            return str(actual).startswith(value[:-1])
        return value == actual
    return isinstance(actual, Address) and actual.version == value.version and actual in value
