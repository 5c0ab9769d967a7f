"""Messages that the proxy makes itself: local answers, errors, queries to a server, truncation.

Records are ready octets.  The owner of an answer is mostly the name asked for,
so it is written as a pointer to the question (offset 12); nothing else is
compressed.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from icsframework.protocols.dns.message import CLASS_IN, FIXED, HEADER, HEADER_SIZE, Flag, Query, Rcode, Type

__all__ = [
    "OUR_UDP_SIZE",
    "Ede",
    "address_record",
    "assemble",
    "extended_error",
    "formerr",
    "opt_record",
    "query_message",
    "record",
    "reply",
    "soa_record",
    "truncated",
]

ASKED = b"\xc0\x0c"
"""Pointer to the question's name."""
OUR_UDP_SIZE = 1232
"""Octets of UDP payload we say we take: fits every IPv6 path without fragments (DNS flag day 2020)."""
COPIED = Flag.OPCODE | Flag.RD | Flag.CD
"""Bits of a query that its response repeats (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2)."""

_OPTION = Struct("!HH")
_SOA_TIMERS = Struct("!5I")


MAX_EXTRA_TEXT = 200
"""Octets of an explanation: with the longest question the message still fits into the 512 that every client takes."""


class Ede:
    """Extended errors (RFC 8914 section 4)."""

    OTHER = 0
    STALE = 3
    BLOCKED = 15
    NOT_READY = 14
    PROHIBITED = 18
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23


def record(name: bytes, rtype: int, ttl: int, rdata: bytes, rclass: int = CLASS_IN) -> bytes:
    """One resource record; ``name`` is a wire name or a pointer."""
    return name + FIXED.pack(rtype, rclass, ttl, len(rdata)) + rdata


def address_record(address: IPv4Address | IPv6Address, ttl: int, name: bytes = ASKED) -> bytes:
    """An A or AAAA record."""
    return record(name, Type.A if address.version == 4 else Type.AAAA, ttl, address.packed)


def soa_record(zone: bytes, ttl: int, rname: bytes) -> bytes:
    """The SOA of a zone served here, as RFC 6303 section 3 wants it: MNAME is the zone, ``ttl`` also for negative answers."""
    return record(zone, Type.SOA, ttl, zone + rname + _SOA_TIMERS.pack(1, 3600, 1200, 604800, ttl))


def opt_record(size: int, do: bool, extended_rcode: int = 0, options: bytes = b"") -> bytes:
    """An OPT record, version 0 (RFC 6891 section 6.1.2)."""
    return (
        b"\0"
        + FIXED.pack(Type.OPT, size, extended_rcode << 24 | (0x8000 if do else 0), len(options))
        + options
    )


def extended_error(code: int, text: str = "") -> bytes:
    """The EDNS option that explains an error (RFC 8914 section 2)."""
    # No half character at the end: RFC 8914 wants UTF-8.
    extra = text.encode()[:MAX_EXTRA_TEXT].decode(errors="ignore").encode()
    payload = code.to_bytes(2) + extra
    return _OPTION.pack(15, len(payload)) + payload


def assemble(
    query: Query, flags: int, rcode: int, counts: tuple[int, int, int], records: bytes, options: bytes = b""
) -> bytes:
    """A response to ``query``: its id, its question as spelt by the client, ``records``, and OPT if it had one."""
    flags = Flag.QR | query.flags & COPIED | flags & ~(COPIED | Flag.RCODE) | rcode & Flag.RCODE
    opt = opt_record(OUR_UDP_SIZE, query.edns.do, rcode >> 4, options) if query.edns else b""
    head = HEADER.pack(query.id, flags, 1, counts[0], counts[1], counts[2] + bool(opt))
    return head + query.question + records + opt


def reply(
    query: Query,
    answers: Sequence[bytes] = (),
    authority: Sequence[bytes] = (),
    rcode: int = Rcode.NOERROR,
    ede: tuple[int, str] | None = None,
    authoritative: bool = False,
) -> bytes:
    """A response made here from ready records; ``ede`` is sent to clients with EDNS."""
    flags = Flag.RA | (Flag.AA if authoritative else 0)
    options = extended_error(*ede) if ede else b""
    records = b"".join((*answers, *authority))
    return assemble(query, flags, rcode, (len(answers), len(authority), 0), records, options)


def formerr(query: Query, rcode: int = Rcode.FORMERR) -> bytes:
    """A header that says what is wrong with a query that has no question, or several."""
    flags = Flag.QR | Flag.RA | query.flags & COPIED | rcode
    return HEADER.pack(query.id, flags, 0, 0, 0, 0)


def truncated(message: bytes, query: Query, limit: int) -> bytes:
    """``message`` if it fits into ``limit`` octets, else its header with TC, the question and OPT (RFC 2181 section 9)."""
    if len(message) <= limit:
        return message
    ident, flags, *_ = HEADER.unpack_from(message)
    opt = opt_record(OUR_UDP_SIZE, query.edns.do) if query.edns else b""
    return HEADER.pack(ident, flags | Flag.TC, 1, 0, 0, bool(opt)) + query.question + opt


def query_message(ident: int, query: Query) -> bytes:
    """A plain query for a server: flags, question and DO as the client's, options between neighbours left out."""
    opt = opt_record(query.edns.size, query.edns.do) if query.edns else b""
    return HEADER.pack(ident, query.flags, 1, 0, 0, bool(opt)) + query.question + opt


assert HEADER.size == HEADER_SIZE
