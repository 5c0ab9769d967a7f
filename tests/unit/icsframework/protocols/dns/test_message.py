"""The walk over messages, on messages made by somebody else's code."""

from ipaddress import ip_address

import pytest
from twisted.names import dns

from icsframework.errors import WireError
from icsframework.protocols.dns.message import Edns, Rcode, parse_query, parse_response


def query(name=b"wWw.example.net", qtype=dns.A, qclass=dns.IN, **header):
    """A query as twisted.names writes it."""
    message = dns.Message(id=0x1234, **{"recDes": 1, **header})
    message.queries = [dns.Query(name, qtype, qclass)]
    return message.toStr()


def edns_query(**options):
    """The same with an OPT record."""
    message = dns._EDNSMessage(id=0x1234, recDes=True, **options)
    message.queries = [dns.Query(b"www.example.net", dns.A)]
    return message.toStr()


def response(answers=(), authority=(), additional=(), **header):
    """A response as twisted.names writes it, with compression."""
    message = dns.Message(id=0x1234, answer=1, recAv=1, **header)
    message.queries = [dns.Query(b"www.example.net", dns.A)]
    message.answers, message.authority, message.additional = list(answers), list(authority), list(additional)
    return message.toStr()


A_RECORD = dns.RRHeader(b"www.example.net", dns.A, ttl=300, payload=dns.Record_A("192.0.2.80"))
SOA = dns.RRHeader(
    b"example.net",
    dns.SOA,
    ttl=900,
    payload=dns.Record_SOA(b"ns.example.net", b"h.example.net", 1, 2, 3, 4, 600),
)


def test_a_plain_query():
    """Question and flags are read; the name keeps its spelling beside its folded form."""
    parsed = parse_query(query())
    assert (parsed.id, parsed.flags, parsed.qtype, parsed.qclass) == (0x1234, 0x0100, 1, 1)
    assert parsed.question == b"\3wWw\7example\3net\0\0\1\0\1"
    assert parsed.folded == parsed.question.lower()
    assert parsed.qname == b"\3www\7example\3net\0"
    assert (parsed.edns, parsed.is_plain, parsed.udp_limit) == (None, True, 512)


def test_type_and_class_are_not_folded():
    """Lower-casing touches the name only: TYPE65 ('A' in ASCII) stays TYPE65."""
    assert parse_query(query(qtype=65)).folded[-4:] == b"\0\x41\0\1"


def test_an_edns_query():
    """Size, DO and version come from the OPT record (RFC 6891 section 6.1)."""
    parsed = parse_query(edns_query(ednsVersion=0, dnssecOK=True, maxSize=4096))
    assert parsed.edns == Edns(4096, 0, 0, True)
    assert (parsed.is_plain, parsed.udp_limit) == (True, 4096)


def test_a_small_size_counts_as_512():
    """RFC 6891 section 6.2.3."""
    assert parse_query(edns_query(ednsVersion=0, maxSize=100)).udp_limit == 512


def opt(options, version=0):
    """An OPT record with these options."""
    payload = b"".join(c.to_bytes(2) + len(d).to_bytes(2) + d for c, d in options)
    return b"\0\0\x29\x10\0\0" + bytes([version]) + b"\0\0" + len(payload).to_bytes(2) + payload


@pytest.mark.parametrize(
    ("tail", "records", "plain", "has_options"),
    [
        (opt([]), 1, True, False),
        (opt([(10, b"cookie78")]), 1, True, True),
        (opt([(12, b"\0" * 100)]), 1, True, True),
        (opt([(8, b"subnet")]), 1, False, True),
        (opt([(65001, b"")]), 1, False, True),
        (opt([], version=1), 1, False, False),
        (opt([]) + opt([]), 2, False, False),
        (b"\0\0\xfa\0\xff\0\0\0\0\0\0", 1, False, False),  # TSIG
        (b"x", 0, False, False),  # something behind the message
    ],
)
def test_what_may_be_shared(tail, records, plain, has_options):
    """Only a question whose answer depends on nothing else is plain; the rest passes as it is."""
    data = query()[:11] + bytes([records]) + query()[12:] + tail
    parsed = parse_query(data)
    assert (parsed.is_plain, parsed.has_options) == (plain, has_options)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 11,
        response(),
        query()[:-1],
        query()[:14],
        b"\0\0\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1",  # the question points to itself
        b"\0\0\1\0\0\1\0\0\0\0\0\0\xc0\0\0\1\0\1",  # it points to the header, whose first octet is 0
        b"\0\0\1\0\0\1\0\0\0\0\0\0\3www\xc0\0\0\1\0\1",
        b"\0\0\1\0\0\1\0\0\0\0\0\0" + b"\x3f" * 256 + b"\0\0\1\0\1",  # four labels of 63 octets are too long
        b"\0\0\1\0\0\1\0\0\0\0\0\1\0\0\1\0\1",  # a record announced, none there
        query()[:11] + b"\1" + query()[12:] + b"\0\0\x29\x10\0\0\0\0\0\0\5\0\1\0\2",  # an option cut off
        query()[:11] + b"\1" + query()[12:] + opt([(10, b"x")])[:-1],
    ],
)
def test_queries_that_are_none(data):
    """What does not add up to its last record is an error."""
    with pytest.raises(WireError):
        parse_query(data)


def test_several_questions_are_counted():
    """A header with two questions is readable, so that it can be refused (RFC 9619)."""
    message = dns.Message(id=7, recDes=1)
    message.queries = [dns.Query(b"a.example"), dns.Query(b"b.example")]
    assert parse_query(message.toStr()).questions == 2


def test_a_positive_response():
    """TTLs are found where they stand, compression or not; addresses come out."""
    alias = dns.RRHeader(b"www.example.net", dns.CNAME, ttl=60, payload=dns.Record_CNAME(b"web.example.net"))
    target = dns.RRHeader(b"web.example.net", dns.AAAA, ttl=300, payload=dns.Record_AAAA("2001:db8::80"))
    data = response([alias, target])
    parsed = parse_response(data)
    assert (parsed.rcode, parsed.counts, parsed.ttl, parsed.is_negative) == (0, (2, 0, 0), 60, False)
    assert [int.from_bytes(data[at : at + 4]) for at, _ in parsed.ttls] == [60, 300]
    assert [ttl for _, ttl in parsed.ttls] == [60, 300]
    assert parsed.addresses == (ip_address("2001:db8::80"),)
    assert (parsed.end, parsed.truncated) == (len(data), False)


@pytest.mark.parametrize(
    ("data", "ttl"),
    [
        (response(rCode=dns.ENAME, authority=[SOA]), 600),  # min(TTL of the SOA, MINIMUM)
        (response(authority=[SOA]), 600),
        (response(rCode=dns.ENAME), 0),  # no SOA: not to be remembered
        (response(rCode=dns.ESERVER), 0),
        (
            response(
                [dns.RRHeader(b"www.example.net", dns.A, ttl=0x80000001, payload=dns.Record_A("192.0.2.1"))]
            ),
            0,
        ),
    ],
)
def test_how_long_it_may_be_kept(data, ttl):
    """RFC 2308 section 5 for negative answers; RFC 2181 section 8 for TTLs with the top bit set."""
    assert parse_response(data).ttl == ttl


def test_the_opt_record_is_set_apart():
    """The records end before OPT; its part of the rcode and its options count (RFC 6891, RFC 8914)."""
    data = response([A_RECORD])
    wide = (
        data[:11]
        + b"\2"
        + data[12:]
        + b"\0\0\x29\x04\xd0\1\0\0\0\0\6\0\x0f\0\2\0\x03"
        + b"\0\0\1\0\1"
        + b"\0" * 6
    )
    parsed = parse_response(wide)
    assert (parsed.end, parsed.counts) == (len(data), (1, 0, 0))
    assert parsed.rcode == 16
    assert parsed.edns == Edns(1232, 1, 0, False, ((15, b"\0\3"),))


@pytest.mark.parametrize(
    "data",
    [
        query(),
        response()[:-1],
        response([A_RECORD])[:-1],
        response()[:7] + b"\1" + response()[8:],
        response(rCode=dns.ENAME, authority=[SOA])[:-1],
    ],
)
def test_responses_that_are_none(data):
    """What does not add up to its last record is an error."""
    with pytest.raises(WireError):
        parse_response(data)


def test_an_soa_of_the_wrong_length():
    """An SOA whose data do not end with its five numbers is an error, not a random lifetime."""
    record = b"\xc0\x0c\0\6\0\1\0\0\0\1\0\x15" + b"\0\0" + b"\0" * 19
    data = response()[:9] + b"\1" + response()[10:] + record
    with pytest.raises(WireError, match="SOA"):
        parse_response(data)


def test_a_bare_header():
    """Some servers refuse with twelve octets."""
    parsed = parse_response(b"\x12\x34\x80\1" + b"\0" * 8)
    assert (parsed.question, parsed.rcode) == (b"", Rcode.FORMERR)
