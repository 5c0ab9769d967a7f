"""The provider's DNS server: Twisted's, answering from a table of names."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.names import common, dns, server

from icsframework.lab.zone import Record, Zone

__all__ = ["ZoneFactory", "protocol"]

UDP_LIMIT = 512
"""Bytes of a DNS answer over UDP to a client that says nothing else (RFC 1035 section 4.2.1)."""

MAX_PENDING = 1000
"""Questions whose offered size is remembered; an answer follows at once, so more than a few are never open."""


def query_type(number: int) -> str:
    """The name of a query type as the zone knows it."""
    return "ANY" if number == dns.ALL_RECORDS else str(dns.QUERY_TYPES.get(number, number))


class ZoneResolver(common.ResolverBase):
    """Answers from the table, negative answers with a SOA (RFC 2308)."""

    def __init__(self, zone: Zone, ttl: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._zone = zone
        self._ttl = ttl

    def _lookup(self, name: bytes, cls: int, type: int, timeout: Sequence[int] | None) -> Deferred[Any]:
        answer = self._zone.lookup(name.decode("ascii", "replace"), query_type(type))
        names = "ns." + answer.apex, "hostmaster." + answer.apex
        soa = dns.Record_SOA(*names, 1, 3600, 600, 86400, self._ttl)
        positive = answer.exists and answer.records
        authority = [] if positive else [dns.RRHeader(answer.apex, dns.SOA, dns.IN, self._ttl, soa)]
        return succeed(([resource_record(record, self._ttl) for record in answer.records], authority, []))


class ZoneFactory(server.DNSServerFactory):
    """What Twisted's server leaves out: NXDOMAIN with its SOA, the RD bit copied, and answers too long for UDP.

    Those go out empty and marked truncated (RFC 1035 section 4.2.1), where Twisted
    would send any size.
    """

    def __init__(self, zone: Zone, ttl: int) -> None:
        super().__init__(clients=[ZoneResolver(zone, ttl)])  # type: ignore[no-untyped-call]
        self._zone = zone
        self._room: dict[tuple[Any, int], int] = {}

    def messageReceived(self, message: Any, protocol: Any, address: Any = None) -> None:
        """Note the size the client offers (RFC 6891 section 6.2.3) before the question is answered."""
        if len(self._room) > MAX_PENDING:
            self._room.clear()
        for record in message.additional:
            if record.type == dns.OPT:
                self._room[address, message.id] = max(record.cls, UDP_LIMIT)
        super().messageReceived(message, protocol, address)  # type: ignore[no-untyped-call]

    def _responseFromMessage(self, message: Any, *rest: Any, **named: Any) -> Any:
        response = super()._responseFromMessage(message, *rest, **named)  # type: ignore[no-untyped-call]
        response.recDes = message.recDes
        if response.rCode == dns.OK and not all(map(self._exists, message.queries)):
            response.rCode = dns.ENAME
        return response

    def _exists(self, query: Any) -> bool:
        return self._zone.lookup(query.name.name.decode("ascii", "replace"), query_type(query.type)).exists

    def sendReply(self, protocol: Any, message: Any, address: Any) -> None:
        """Cut what is too long for UDP."""
        room = self._room.pop((address, message.id), UDP_LIMIT)
        if address is not None and len(message.toStr()) > room:
            message.answers, message.authority, message.additional, message.trunc = [], [], [], 1
        super().sendReply(protocol, message, address)  # type: ignore[no-untyped-call]


def protocol(factory: ZoneFactory) -> dns.DNSDatagramProtocol:
    """What listens on UDP."""
    return dns.DNSDatagramProtocol(factory)


def _strings(text: str) -> list[bytes]:
    """A TXT record's text in strings of at most 255 octets (RFC 1035 section 3.3)."""
    octets = text.encode()
    return [octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""]


PAYLOADS: dict[str, Callable[..., Any]] = {
    "A": dns.Record_A,
    "AAAA": dns.Record_AAAA,
    "CNAME": dns.Record_CNAME,
    "NS": dns.Record_NS,
    "PTR": dns.Record_PTR,
    "MX": lambda preference, name: dns.Record_MX(int(preference), name),
    "SRV": lambda priority, weight, port, name: dns.Record_SRV(int(priority), int(weight), int(port), name),
    "TXT": lambda text: dns.Record_TXT(*_strings(text)),
}


def resource_record(record: Record, ttl: int) -> dns.RRHeader:
    """A record of the table as Twisted sends it."""
    payload = PAYLOADS[record.type](*record.data)
    return dns.RRHeader(record.owner, payload.TYPE, dns.IN, ttl, payload)
