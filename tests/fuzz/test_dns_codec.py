"""Any bytes: the DNS codec reads them or raises WireError, and agrees with twisted.names about what it reads."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.names import dns

from icsframework.errors import WireError
from icsframework.protocols.dns import build, message, name

label = st.binary(min_size=1, max_size=63)
names = st.lists(label, max_size=8).map(
    lambda found: b"".join(bytes([len(part)]) + part for part in found) + b"\0"
).filter(lambda wire: len(wire) <= 255)  # fmt: skip
octets = st.one_of(
    st.binary(max_size=300),
    # something that begins like a message, so that the walk gets further
    st.tuples(
        st.binary(min_size=4, max_size=4),
        st.lists(st.integers(0, 3), min_size=4, max_size=4).map(lambda n: b"".join(x.to_bytes(2) for x in n)),
        st.lists(
            st.one_of(
                names,
                st.sampled_from([b"\xc0\x0c", b"\xc0\0"]),
                st.binary(max_size=12),
                st.just(b"\0\x29\x04\0\0\0\0\0\0\0"),
            ),
            max_size=6,
        ).map(b"".join),
    ).map(b"".join),
)


@given(octets)
@example(b"\0\0\1\0\0\1\0\0\0\0\0\0\3www\xc0\0\0\1\0\1")
def test_any_octets_are_read_or_refused(data):
    """Nothing but WireError comes out of a parser, and the name of a question that is read is spelt out."""
    for parse in (message.parse_query, message.parse_response):
        try:
            found = parse(data)
        except WireError:
            continue
        if found.question:
            wire = found.question[:-4]
            assert b"".join(bytes([len(part)]) + part for part in name.labels(wire)) + b"\0" == wire


@given(octets, st.integers(0, 300))
def test_any_name_is_read_or_refused(data, offset):
    """A name that is read is a proper one, and both ways to walk it end at the same place."""
    try:
        wire, end = name.read_name(data, offset)
    except WireError:
        return
    assert len(wire) <= 255
    assert end == name.skip_name(data, offset)
    assert b"".join(bytes([len(part)]) + part for part in name.labels(wire)) + b"\0" == wire


@given(names)
@example(b"\0")
def test_names_survive_as_text(wire):
    """Any name as text leads back to the same octets."""
    assert name.name_from_text(name.name_to_text(wire)) == wire


@given(names, st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 0x7FFF))
def test_questions_as_others_read_them(wire, qtype, qclass, flags):
    """twisted.names finds the same question in what we send to a server."""
    data = b"\0\1" + flags.to_bytes(2) + b"\0\1" + b"\0" * 6 + wire + qtype.to_bytes(2) + qclass.to_bytes(2)
    query = message.parse_query(data)
    other = dns.Message()
    other.fromStr(build.query_message(0xABCD, query))
    (question,) = other.queries
    assert (other.id, question.type, question.cls) == (0xABCD, qtype, qclass)
    assert question.name.name == b".".join(name.labels(wire))


records = st.lists(
    st.tuples(st.sampled_from(["A", "AAAA", "MX", "CNAME", "TXT"]), st.integers(0, 2**31 - 1)), max_size=6
)
PAYLOADS = {
    "A": lambda: dns.Record_A("192.0.2.1"),
    "AAAA": lambda: dns.Record_AAAA("2001:db8::1"),
    "MX": lambda: dns.Record_MX(10, b"mail.example.net"),
    "CNAME": lambda: dns.Record_CNAME(b"web.example.net"),
    "TXT": lambda: dns.Record_TXT(b"hello", b"world"),
}


@given(records, records, st.booleans())
def test_responses_of_others(answers, additional, edns):
    """In what twisted.names writes we find as many records, the same TTLs and the same lifetime."""

    def headers(kinds):
        return [
            dns.RRHeader(b"www.example.net", getattr(dns, kind), ttl=ttl, payload=PAYLOADS[kind]())
            for kind, ttl in kinds
        ]

    other = dns._EDNSMessage(id=1, answer=True, ednsVersion=0 if edns else None, maxSize=65535)
    other.queries = [dns.Query(b"www.example.net")]
    other.answers, other.additional = headers(answers), headers(additional)
    parsed = message.parse_response(other.toStr())
    assert parsed.counts == (len(answers), 0, len(additional))
    assert [ttl for _, ttl in parsed.ttls] == [ttl for _, ttl in [*answers, *additional]]
    assert parsed.ttl == (min(ttl for _, ttl in [*answers, *additional]) if answers else 0)
    assert (parsed.edns is not None) == edns
