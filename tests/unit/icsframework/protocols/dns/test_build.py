"""Messages made here, read by somebody else's code."""

from ipaddress import ip_address

from twisted.names import dns

from icsframework.protocols.dns import build
from icsframework.protocols.dns.message import Rcode, Type, parse_query, parse_response
from icsframework.protocols.dns.name import name_from_text


def ask(edns=None, flags=0x0110, qtype=1, name="wWw.example.net"):
    """A parsed query."""
    tail = build.opt_record(edns, do=True) if edns else b""
    head = b"\x12\x34" + flags.to_bytes(2) + b"\0\1\0\0\0\0\0" + bytes([bool(tail)])
    return parse_query(head + name_from_text(name) + qtype.to_bytes(2) + b"\0\1" + tail)


def read(data):
    """As twisted.names reads it."""
    message = dns._EDNSMessage()
    message.fromStr(data)
    return message


def test_addresses():
    """A reply repeats id, question, RD and CD, and carries the records."""
    records = [build.address_record(ip_address(a), 60) for a in ("192.0.2.1", "2001:db8::1")]
    message = read(build.reply(ask(), records, authoritative=True))
    assert (message.id, message.answer, message.auth, message.recDes, message.recAv) == (0x1234, 1, 1, 1, 1)
    assert message.checkingDisabled
    assert [q.name.name for q in message.queries] == [b"wWw.example.net"]
    assert [(rr.name.name, rr.type, rr.ttl, rr.payload) for rr in message.answers] == [
        (b"wWw.example.net", dns.A, 60, dns.Record_A("192.0.2.1", 60)),
        (b"wWw.example.net", dns.AAAA, 60, dns.Record_AAAA("2001:db8::1", 60)),
    ]
    assert message.ednsVersion is None


def test_a_negative_answer():
    """NXDOMAIN carries the SOA of RFC 6303 section 3: the zone is its own MNAME."""
    soa = build.soa_record(name_from_text("10.in-addr.arpa"), 10800, name_from_text("nobody.invalid"))
    message = read(build.reply(ask(), (), (soa,), Rcode.NXDOMAIN))
    assert message.rCode == dns.ENAME
    (authority,) = message.authority
    assert (authority.name.name, authority.ttl) == (b"10.in-addr.arpa", 10800)
    assert authority.payload == dns.Record_SOA(
        b"10.in-addr.arpa", b"nobody.invalid", 1, 3600, 1200, 604800, 10800, ttl=10800
    )


def test_an_error_explains_itself():
    """RFC 8914: the reason is in an EDNS option, but only for clients with EDNS."""
    data = build.reply(ask(edns=1232), rcode=Rcode.SERVFAIL, ede=(build.Ede.NETWORK_ERROR, "no link"))
    parsed = parse_response(data)
    assert (parsed.rcode, parsed.edns.options) == (2, ((15, b"\0\x17no link"),))
    assert parsed.edns.do
    assert read(data).ednsVersion == 0
    assert parse_response(build.reply(ask(), ede=(0, "x"))).edns is None


def test_truncation():
    """What is too long becomes TC with the question and OPT; what fits is untouched."""
    query = ask(edns=1232)
    long = build.reply(query, [build.address_record(ip_address("2001:db8::1"), 60)] * 60)
    short = build.truncated(long, query, query.udp_limit)
    assert len(long) > 1232
    message = read(short)
    assert (message.trunc, message.answers, message.ednsVersion) == (1, [], 0)
    assert [q.name.name for q in message.queries] == [b"wWw.example.net"]
    assert build.truncated(long, query, len(long)) is long


def test_a_query_for_a_server():
    """Flags, size and DO are the client's (RFC 5625 section 4); id is ours; nothing else is added."""
    query = ask(edns=4096, flags=0x0170)
    asked = parse_query(build.query_message(0xBEEF, query))
    assert (asked.id, asked.flags, asked.question) == (0xBEEF, 0x0170, query.question)
    assert (asked.edns.size, asked.edns.do, asked.edns.options) == (4096, True, ())
    assert parse_query(build.query_message(1, ask())).edns is None


def test_records_of_any_type():
    """A PTR's name is written out, never compressed."""
    data = build.reply(
        ask(qtype=12), [build.record(build.ASKED, Type.PTR, 60, name_from_text("pc.home.arpa"))]
    )
    assert read(data).answers[0].payload == dns.Record_PTR(b"pc.home.arpa", 60)


def test_formerr():
    """A header alone says what is wrong with a message that has no single question."""
    assert build.formerr(ask()) == b"\x12\x34\x81\x91" + b"\0" * 8
