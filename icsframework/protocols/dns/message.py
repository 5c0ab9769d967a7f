"""A walk over DNS messages (RFC 1035 section 4, RFC 6891), as far as a proxy must understand them.

Record data stay opaque (RFC 3597): a proxy that knows no types breaks none.
What is looked at is the header, the one question, the place of every TTL, the
OPT record, the SOA of a negative answer (RFC 2308) and addresses.

``parse_query`` and ``parse_response`` raise WireError for everything that does
not add up to its last counted record.
"""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from icsframework.errors import WireError
from icsframework.frozen import dataclass
from icsframework.protocols.dns.name import skip_name, skip_plain_name

__all__ = [
    "CLASS_IN",
    "Edns",
    "Flag",
    "Opcode",
    "Query",
    "Rcode",
    "Response",
    "Type",
    "parse_query",
    "parse_response",
]

HEADER = Struct("!6H")
FIXED = Struct("!HHIH")
"""Type, class, TTL and length of a record, behind its owner name."""
HEADER_SIZE = 12
MAX_UDP_PLAIN = 512
"""Octets of a UDP answer to a client without EDNS (RFC 1035 section 4.2.1)."""
MAX_TTL = 0x7FFFFFFF
"""Seconds; a larger one has the top bit set and counts as 0 (RFC 2181 section 8)."""
CLASS_IN = 1


class Flag:
    """Bits of the header's second word (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6)."""

    QR = 0x8000
    OPCODE = 0x7800
    AA = 0x0400
    TC = 0x0200
    RD = 0x0100
    RA = 0x0080
    Z = 0x0040
    AD = 0x0020
    CD = 0x0010
    RCODE = 0x000F


class Opcode:
    """Kinds of query that are told apart here."""

    QUERY = 0


class Rcode:
    """Response codes (RFC 1035 section 4.1.1)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


class Type:
    """Record types that are told apart here."""

    A = 1
    NS = 2
    SOA = 6
    PTR = 12
    AAAA = 28
    OPT = 41
    DS = 43
    ANY = 255


class EdnsOption:
    """EDNS option codes (RFC 8914, 7873, 7828, 7830)."""

    COOKIE = 10
    KEEPALIVE = 11
    PADDING = 12
    EXTENDED_ERROR = 15


HOP_BY_HOP = frozenset((EdnsOption.COOKIE, EdnsOption.KEEPALIVE, EdnsOption.PADDING))
"""Options between neighbours only: a proxy that does not offer them leaves them out (RFC 6891 section 6.2.6)."""


@dataclass(frozen=True, slots=True)
class Edns:
    """What an OPT record says (RFC 6891 section 6.1)."""

    size: int
    """Octets of UDP payload the sender can take; at least 512."""
    extended_rcode: int
    version: int
    do: bool
    options: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A client's question.

    ``question`` are the octets of the question section as asked, upper and
    lower case included; ``folded`` is the same in lower case.  ``extra`` is
    True if there is more than one question and an OPT record, such as TSIG:
    only passing it on unchanged is safe (RFC 5625 section 4.5).
    """

    id: int
    flags: int
    question: bytes
    folded: bytes
    qname: bytes
    qtype: int
    qclass: int
    edns: Edns | None
    extra: bool
    questions: int = 1

    @property
    def opcode(self) -> int:
        """The kind of query; 0 is a standard one."""
        return (self.flags & Flag.OPCODE) >> 11

    @property
    def udp_limit(self) -> int:
        """Octets of a UDP answer that the client takes."""
        return self.edns.size if self.edns else MAX_UDP_PLAIN

    @property
    def is_plain(self) -> bool:
        """True if the answer depends on question and flags alone, so that it can be shared and cached."""
        if self.opcode != Opcode.QUERY or self.extra or self.questions != 1:
            return False
        edns = self.edns
        return edns is None or (edns.version == 0 and all(code in HOP_BY_HOP for code, _ in edns.options))

    @property
    def has_options(self) -> bool:
        """True if the raw query is likely to be unique, because of a cookie or padding."""
        return self.edns is not None and bool(self.edns.options)


@dataclass(frozen=True, slots=True)
class Response:
    """A server's answer; ``end`` is where its records end without the OPT record and what follows that.

    ``counts`` are the answer, authority and additional records before ``end``;
    ``ttls`` pairs of offset and TTL; ``ttl`` the seconds it may be kept, 0 for
    not at all: the least TTL, for a negative answer that of the SOA (RFC 2308
    section 5).  ``rcode`` includes the OPT record's part.
    """

    id: int
    flags: int
    rcode: int
    question: bytes
    counts: tuple[int, int, int]
    end: int
    ttls: tuple[tuple[int, int], ...]
    ttl: int
    addresses: tuple[IPv4Address | IPv6Address, ...]
    edns: Edns | None

    @property
    def truncated(self) -> bool:
        """TC: ask again by TCP."""
        return bool(self.flags & Flag.TC)

    @property
    def is_negative(self) -> bool:
        """No such name, or no record of that type."""
        return self.counts[0] == 0 or self.rcode != Rcode.NOERROR


def parse_query(data: bytes) -> Query:
    """The query in ``data``; WireError if it is none (a response is none either)."""
    if len(data) < HEADER_SIZE:
        raise WireError("shorter than a DNS header")
    ident, flags, questions, answers, authorities, additionals = HEADER.unpack_from(data)
    if flags & Flag.QR:
        raise WireError("a response where a query belongs")
    if questions != 1:
        end = _skip_questions(data, questions)
        _walk_query(data, end, answers + authorities, additionals)
        return Query(ident, flags, b"", b"", b"", 0, 0, None, True, questions)
    question, qtype, qclass = _question(data)
    edns, extra = _walk_query(data, HEADER_SIZE + len(question), answers + authorities, additionals)
    folded = question[:-4].lower() + question[-4:]
    return Query(ident, flags, question, folded, folded[:-4], qtype, qclass, edns, extra)


def _question(data: bytes) -> tuple[bytes, int, int]:
    """The one question; its name must be spelt out, since there is nothing before it to point to."""
    end = skip_plain_name(data, HEADER_SIZE)
    if end + 4 > len(data):
        raise WireError("the question is cut off")
    return data[HEADER_SIZE : end + 4], data[end] << 8 | data[end + 1], data[end + 2] << 8 | data[end + 3]


def _skip_questions(data: bytes, count: int) -> int:
    offset = HEADER_SIZE
    for _ in range(count):
        offset = skip_name(data, offset) + 4
    if offset > len(data):
        raise WireError("the question is cut off")
    return offset


def _walk_query(data: bytes, offset: int, before: int, additionals: int) -> tuple[Edns | None, bool]:
    """EDNS, and whether there are records of any other kind."""
    edns, extra = None, before > 0
    for index in range(before + additionals):
        rdata, rtype, rclass, ttl, length = _record(data, offset)
        if rtype == Type.OPT and index >= before and edns is None:
            edns = _edns(data, rdata, rclass, ttl, length)
        else:
            extra = True
        offset = rdata + length
    return edns, extra or offset != len(data)


def _record(data: bytes, offset: int) -> tuple[int, int, int, int, int]:
    """Where the record's data begin, type, class, TTL and length of the data."""
    fixed = skip_name(data, offset)
    rdata = fixed + FIXED.size
    if rdata > len(data):
        raise WireError("a record is cut off")
    rtype, rclass, ttl, length = FIXED.unpack_from(data, fixed)
    if rdata + length > len(data):
        raise WireError("a record's data go beyond the end of the message")
    return rdata, rtype, rclass, ttl, length


def _edns(data: bytes, rdata: int, rclass: int, ttl: int, length: int) -> Edns:
    options, offset, end = [], rdata, rdata + length
    while offset < end:
        if offset + 4 > end:
            raise WireError("an EDNS option is cut off")
        code, size = data[offset] << 8 | data[offset + 1], data[offset + 2] << 8 | data[offset + 3]
        offset += 4 + size
        if offset > end:
            raise WireError("an EDNS option is cut off")
        options.append((code, data[offset - size : offset]))
    return Edns(max(rclass, MAX_UDP_PLAIN), ttl >> 24, ttl >> 16 & 0xFF, bool(ttl & 0x8000), tuple(options))


def parse_response(data: bytes) -> Response:
    """The response in ``data``; WireError if it is none.  Its question is checked by whoever asked."""
    if len(data) < HEADER_SIZE:
        raise WireError("shorter than a DNS header")
    ident, flags, questions, *counts = HEADER.unpack_from(data)
    if not flags & Flag.QR or questions > 1:
        raise WireError("not a response to one question")
    question = _question(data)[0] if questions else b""
    walk = _ResponseWalk(data, HEADER_SIZE + len(question))
    walk.section(0, counts[0])
    walk.section(1, counts[1])
    walk.section(2, counts[2])
    rcode = flags & Flag.RCODE | (walk.edns.extended_rcode << 4 if walk.edns else 0)
    seen = tuple(walk.counts)
    return Response(
        ident, flags, rcode, question, (seen[0], seen[1], seen[2]), walk.end, tuple(walk.ttls),
        walk.lifetime(rcode), tuple(walk.addresses), walk.edns,
    )  # fmt: skip


class _ResponseWalk:
    """The records of one response, section by section."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset
        self.end = offset
        self.counts = [0, 0, 0]
        self.ttls: list[tuple[int, int]] = []
        self.addresses: list[IPv4Address | IPv6Address] = []
        self.edns: Edns | None = None
        self._negative_ttl: int | None = None

    def section(self, section: int, count: int) -> None:
        """Walk ``count`` records of section 0 (answer), 1 (authority) or 2 (additional)."""
        data, offset, ttls = self._data, self._offset, self.ttls
        for _ in range(count):
            rdata, rtype, rclass, ttl, length = _record(data, offset)
            offset = rdata + length
            if rtype == Type.OPT:
                if self.edns is None:
                    self.edns = _edns(data, rdata, rclass, ttl, length)
            elif self.edns is None:
                self.counts[section] += 1
                self.end = offset
                ttls.append((rdata - 6, ttl if ttl <= MAX_TTL else 0))
                if section == 0:
                    self._answer(rdata, rtype, rclass, length)
                elif section == 1 and rtype == Type.SOA:
                    self._negative_ttl = min(ttls[-1][1], _soa_minimum(data, rdata, offset))
        self._offset = offset

    def _answer(self, rdata: int, rtype: int, rclass: int, length: int) -> None:
        if rclass != CLASS_IN:
            return
        if rtype == Type.A and length == 4:
            self.addresses.append(IPv4Address(self._data[rdata : rdata + 4]))
        elif rtype == Type.AAAA and length == 16:
            self.addresses.append(IPv6Address(self._data[rdata : rdata + 16]))

    def lifetime(self, rcode: int) -> int:
        """Seconds the answer may be kept."""
        if rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            return 0
        least = min((ttl for _, ttl in self.ttls), default=0)
        if self.counts[0] and rcode == Rcode.NOERROR:
            return least
        # A negative answer without SOA must not be cached (RFC 2308 section 5).
        return 0 if self._negative_ttl is None else min(least, self._negative_ttl)


def _soa_minimum(data: bytes, rdata: int, end: int) -> int:
    """The last field of an SOA (RFC 1035 section 3.3.13), seconds."""
    fixed = skip_name(data, skip_name(data, rdata))
    if fixed + 20 != end:
        raise WireError("an SOA record has the wrong length")
    minimum = int.from_bytes(data[end - 4 : end])
    return minimum if minimum <= MAX_TTL else 0
