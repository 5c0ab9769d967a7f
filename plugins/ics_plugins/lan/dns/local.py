"""Names that are answered here and never leave the LAN.  Pure.

In this order: the names of the LAN's hosts (configured, published by DHCP and
others, the gateway's own) and the names of their addresses; the rest of the LAN's
domain and of the LAN's own reverse zone; ``localhost``; the special domains of
RFC 6761 and its followers; the private reverse zones of RFC 6303; and names of
a single label, which no server on the Internet can know.

Only class IN is local.  A host's name comes from the host itself, so what is
published stays inside the domain, and cannot be a name that hosts trust
(``REFUSED_HOSTS``), nor one that the operator has given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ics_plugins.lan.dns.config import DnsConfig
from ics_plugins.lan.dns.special import NO_DATA, NO_SUCH_NAME, PRIVATE_REVERSE, zones
from icsframework.protocols.dns.build import ASKED, address_record, record, reply, soa_record
from icsframework.protocols.dns.message import CLASS_IN, Query, Rcode, Type
from icsframework.protocols.dns.name import (
    MAX_NAME,
    ROOT,
    address_of,
    is_below,
    labels,
    name_from_text,
    reverse_name,
    suffixes,
)
from icsframework.values import Address, Lan, NameRecord

__all__ = ["Host", "LanNames", "LocalNames", "LocalReply"]

HOST_TTL = 60
"""Seconds for configured names and the gateway's own: a change is seen within a minute."""
NEGATIVE_TTL = 10
"""Seconds for names of the LAN's domain that do not exist: they may, as soon as the host has an address."""
SPECIAL_TTL = 10800
"""Seconds for what will never exist (RFC 6303 section 3)."""
MAX_PUBLISHED = 50_000
"""Names kept; more hosts than any LAN here can have (a /16 has 65534 addresses)."""
REFUSED_HOSTS = frozenset({b"wpad", b"isatap", b"localhost"})
"""Labels no host may claim: others would take it for their proxy, router or themselves (CERT VU#598349)."""

TOP_LEVEL_TYPES = frozenset({Type.NS, Type.SOA, Type.DS, 46, 47, 48, 50, 51, 59, 60, 63})
"""What validators and resolvers ask about a top-level domain (the rest is DNSSEC's): such a single label leaves."""

LOCALHOST = name_from_text("localhost")
ARPA = name_from_text("arpa")
HOME_ARPA = name_from_text("home.arpa")
RNAME = name_from_text("nobody.invalid")
LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True, slots=True)
class LocalReply:
    """A finished message; ``addresses`` are those it tells."""

    message: bytes
    addresses: tuple[Address, ...] = ()
    ttl: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """A name that exists."""

    addresses: tuple[Address, ...]
    ttl: int


class LocalNames:
    """What hosts are called, for all LANs: published names by owner.  Every change costs the same, however many there are."""

    def __init__(self) -> None:
        self._by_host: dict[bytes, dict[str, Host]] = {}
        self._by_address: dict[Address, dict[tuple[str, bytes], int]] = {}
        self._count = 0
        self.refused = 0

    def __len__(self) -> int:
        return self._count

    def update(self, published: NameRecord) -> None:
        """Take a change, as INames tells it."""
        try:
            host = name_from_text(published.host.rstrip(".")).lower()
        except ValueError:
            self.refused += 1
            return
        self._withdraw(published.owner, host)
        if not published.addresses:
            return
        if self._count >= MAX_PUBLISHED or host == ROOT or labels(host)[0] in REFUSED_HOSTS:
            self.refused += 1
            return
        self._count += 1
        self._by_host.setdefault(host, {})[published.owner] = Host(published.addresses, published.ttl)
        for address in published.addresses:
            self._by_address.setdefault(address, {})[published.owner, host] = published.ttl

    def _withdraw(self, owner: str, host: bytes) -> None:
        owners = self._by_host.get(host, {})
        old = owners.pop(owner, None)
        if old is None:
            return
        self._count -= 1
        if not owners:
            del self._by_host[host]
        for address in set(old.addresses):
            names = self._by_address[address]
            del names[owner, host]
            if not names:
                del self._by_address[address]

    def host(self, name: bytes) -> Host | None:
        """What all owners together say of a folded name."""
        owners = self._by_host.get(name)
        if owners is None:
            return None
        addresses = tuple(dict.fromkeys(a for host in owners.values() for a in host.addresses))
        return Host(addresses, min(host.ttl for host in owners.values()))

    def names_of(self, address: Address) -> Iterable[tuple[bytes, int]]:
        """Folded names with this address and their TTLs, oldest first."""
        return [(host, ttl) for (_, host), ttl in self._by_address.get(address, {}).items()]


class LanNames:
    """The names of one LAN, as its clients see them."""

    def __init__(self, shared: LocalNames, lan: Lan, config: DnsConfig) -> None:
        self._shared = shared
        self._network = lan.network
        self._domain = name_from_text(config.domain).lower()
        self._forwarded = zones(*config.forward)
        served = (NO_SUCH_NAME | NO_DATA | PRIVATE_REVERSE) - self._forwarded
        self._zones = {**dict.fromkeys(served, SPECIAL_TTL), self._domain: NEGATIVE_TTL}
        self._apexes = PRIVATE_REVERSE | NO_DATA | {self._domain, HOME_ARPA}
        own = self._full(name_from_text(config.gateway_name).lower())
        self._fixed = {
            self._full(name_from_text(n).lower()): Host(a, HOST_TTL) for n, a in config.hosts.items()
        }
        self._fixed.setdefault(own, Host((lan.address.ip,), HOST_TTL))
        self._pointers: dict[Address, bytes] = {lan.address.ip: own}
        for name, host in self._fixed.items():
            for address in host.addresses:
                self._pointers.setdefault(address, name)
        known = (*self._fixed, *map(reverse_name, self._pointers))
        self._parents = {parent for name in known for parent in suffixes(name)}

    def _full(self, name: bytes) -> bytes:
        """One label alone is a name of the domain."""
        return name[:-1] + self._domain if len(labels(name)) == 1 else name

    def is_local(self, query: Query) -> bool:
        """True if the question must not leave, whatever kind of query it is."""
        return query.qclass == CLASS_IN and (self._host(query) is not None or self._zone(query) is not None)

    def answer(self, query: Query) -> LocalReply | None:
        """The answer to a standard query, or None if somebody else must be asked."""
        if query.qclass != CLASS_IN:
            return None
        host = self._host(query)
        if host is not None:
            return self._addresses(query, host)
        if query.qname.endswith(ARPA) and (address := address_of(query.qname)):
            pointed = self._pointer(query, address)
            if pointed is not None:
                return pointed
        zone = self._zone(query)
        return None if zone is None else self._absent(query, *zone)

    def _host(self, query: Query) -> Host | None:
        name = query.qname
        if is_below(name, LOCALHOST):
            return Host(LOOPBACK, SPECIAL_TTL)
        if len(labels(name)) == 1 and query.qtype in TOP_LEVEL_TYPES:
            return None
        full = self._full(name)
        if full in self._fixed:
            return self._fixed[full]
        if full == self._domain or not is_below(full, self._domain):
            return None
        label = full[: -len(self._domain)] + ROOT
        return (self._shared.host(label) if len(labels(label)) == 1 else None) or self._shared.host(full)

    def _addresses(self, query: Query, host: Host) -> LocalReply:
        wanted = {Type.A: (4,), Type.AAAA: (6,), Type.ANY: (4, 6)}.get(query.qtype, ())
        found = tuple(address for address in host.addresses if address.version in wanted)
        if not found:
            zone = self._domain if is_below(query.qname, self._domain) else query.qname
            return LocalReply(reply(query, (), (soa_record(zone, NEGATIVE_TTL, RNAME),), authoritative=True))
        records = [address_record(address, host.ttl) for address in found]
        return LocalReply(reply(query, records, authoritative=True), found, host.ttl)

    def _pointer(self, query: Query, address: Address) -> LocalReply | None:
        """The name of an address, or that it has none: for addresses known here and all of the LAN."""
        named = (LOCALHOST, SPECIAL_TTL) if address in LOOPBACK else self._name_of(address)
        if named is None:
            return self._absent(query, query.qname, NEGATIVE_TTL) if address in self._network else None
        name, ttl = named
        if query.qtype not in (Type.PTR, Type.ANY):
            soa = soa_record(query.qname, NEGATIVE_TTL, RNAME)
            return LocalReply(reply(query, (), (soa,), authoritative=True))
        return LocalReply(reply(query, (record(ASKED, Type.PTR, ttl, name),), authoritative=True))

    def _name_of(self, address: Address) -> tuple[bytes, int] | None:
        if address in self._pointers:
            return self._pointers[address], HOST_TTL
        for host, ttl in self._shared.names_of(address):
            full = self._full(host)
            if is_below(full, self._domain) and len(full) <= MAX_NAME and full not in self._fixed:
                return full, ttl
        return None

    def _zone(self, query: Query) -> tuple[bytes, int] | None:
        """The zone served here that the name lies in, and the TTL of its negative answers."""
        name = query.qname
        for suffix in suffixes(name):
            if suffix in self._forwarded:
                return None
            ttl = self._zones.get(suffix)
            if ttl is not None:
                # RFC 8375 section 4: the proof that home.arpa is not signed comes from its parent.
                signed = query.edns is not None and query.edns.do
                return None if signed and name == HOME_ARPA and query.qtype == Type.DS else (suffix, ttl)
        if len(labels(name)) == 1 and query.qtype not in TOP_LEVEL_TYPES:
            return name, NEGATIVE_TTL
        return None

    def _absent(self, query: Query, zone: bytes, ttl: int) -> LocalReply:
        """No such name, or no such record at the top of a zone, in an empty one and above names that exist."""
        soa, name, qtype = soa_record(zone, ttl, RNAME), query.qname, query.qtype
        if name == zone and zone in self._apexes:
            answers = [soa] if qtype in (Type.SOA, Type.ANY) else []
            answers += [record(ASKED, Type.NS, ttl, zone)] if qtype in (Type.NS, Type.ANY) else []
            return LocalReply(reply(query, answers, () if answers else (soa,), authoritative=True))
        exists = zone in NO_DATA or name in self._parents
        rcode = Rcode.NOERROR if exists else Rcode.NXDOMAIN
        return LocalReply(reply(query, (), (soa,), rcode, authoritative=True))
