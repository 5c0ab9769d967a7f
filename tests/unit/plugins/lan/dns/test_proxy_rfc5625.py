"""RFC 5625, DNS Proxy Implementation Guidelines: one test for each point, named after its section."""

import pytest

from icsframework.protocols.dns.message import parse_query, parse_response

TSIG = b"\3key\0\0\xfa\0\xff\0\0\0\0\0\x10" + b"signature-octets"


@pytest.mark.parametrize("flags", [0x0120, 0x0110, 0x0140, 0x0130, 0x0000, 0x0780])
def test_4_1_flags_pass(talk, flags):
    """Section 4.1: AD, CD, Z and flags that have no business in a query are ignored and passed on."""
    t = talk()
    t.ask("www.example.net", flags=flags)
    assert parse_query(t.forwards[-1].message).flags == flags


def test_4_1_flags_are_kept_apart(talk, wire):
    """Section 4.1: an answer to a question with CD is not given to one without."""
    t = talk()
    t.ask("www.example.net", flags=0x0110), t.server(wire.A)
    assert t.ask("www.example.net", flags=0x0100) == ["203.0.113.1:53 <- #101 www.example.net A"]
    assert len(t.ask("www.example.net", flags=0x0110)) == 2


def test_4_1_other_opcodes_pass(talk):
    """Section 4.1: a NOTIFY is passed on octet by octet, and never shared."""
    t = talk()
    for number in (0, 1):
        t.ask("www.example.net", "SOA", flags=0x2000, ident=7 + number)
        assert t.forwards[-1].message[2:] == t.forwards[0].message[2:]
    assert len(t.forwards) == 2
    assert (
        "#8 www.example.net SOA NOERROR" in t.lines(t.server_raw(b"\xa4\0" + t.forwards[-1].message[4:]))[0]
    )


def test_4_2_compression_passes(talk, wire):
    """Section 4.2: answers with compressed names reach the client as they came, from the cache too."""
    t = talk()
    t.ask("www.example.net")
    tail = b"\0\1\0\1\0\0\0\0\3www\7example\3net\0\0\1\0\1" + b"\xc0\x0c\0\5\0\1\0\0\1\x2c\0\6\3web\xc0\x10"
    (answer,) = t.server_raw(b"\x81\x80" + tail)
    assert answer.message[2:] == b"\x81\x80" + tail
    (cached,) = t.raw(wire.query("WWW.example.net", ident=3))
    assert cached.message == b"\0\3\x81\x80" + tail.replace(b"\3www", b"\3WWW", 1)


def test_4_3_unknown_types_pass(talk):
    """Section 4.3: TYPE65280 is forwarded, its data come back untouched, and it is cached like any other."""
    t = talk()
    assert t.ask("odd.example.net", 65280) == ["203.0.113.1:53 <- #100 odd.example.net 65280"]
    rr = b"\xc0\x0c\xff\0\0\1\0\0\0\x3c\0\4\xc0\x0c\1\2"
    (answer,) = t.server_raw(b"\x81\x80\0\1\0\1\0\0\0\0" + t.forwards[-1].message[12:] + rr)
    assert answer.message.endswith(rr)
    assert t.proxy.counters.forwarded == 1
    assert len(t.ask("odd.example.net", 65280)) == 1
    assert t.proxy.counters.forwarded == 1


def test_4_3_other_classes_pass(talk):
    """Section 4.3: class CH is not ours to answer, not even for names that are local in class IN."""
    t = talk()
    assert "<-" in t.ask("version.bind", "TXT", qclass=3)[0]
    assert "<-" in t.ask("localhost", "A", qclass=3)[0]
    assert parse_query(t.forwards[-1].message).qclass == 3


def test_4_4_tc_is_kept(talk, wire):
    """Section 4.4: a truncated answer is fetched by TCP; if that cannot be, the client sees TC."""
    t = talk()
    t.ask("big.example.net")
    assert t.server(truncated=True) == ["203.0.113.1:53/tcp <- #101 big.example.net A"]
    lines = t.lines(t.proxy.forwarder.answered_tcp(t.tcp[-1].token, None, t.now))
    assert lines == ["203.0.113.1:53 <- #102 big.example.net A"]
    for _ in range(3):
        t.server(truncated=True)
        lines = t.lines(t.proxy.forwarder.answered_tcp(t.tcp[-1].token, None, t.now))
    assert lines == ["192.168.0.10:5000 < #1 big.example.net A NOERROR tc"]
    assert "<-" in t.ask("big.example.net")[0]  # and it is not remembered


def test_4_4_what_is_cut_says_so(talk, wire):
    """Section 4.4: an answer fetched by TCP is cut for a UDP client with TC, and whole by TCP."""
    t = talk()
    t.ask("big.example.net")
    many = [wire.record("big.example.net", "A", 300, f"192.0.2.{n}") for n in range(100)]
    t.server(truncated=True)
    assert t.server_tcp(*many)[0] == "192.168.0.10:5000 < #1 big.example.net A NOERROR tc"
    assert t.ask("big.example.net", tcp=5)[0].count(" A 192.0.2.") == 100
    assert t.ask("big.example.net", edns=4096)[0].count(" A 192.0.2.") == 100
    assert t.ask("big.example.net", edns=1232)[0].endswith("tc")


def test_4_4_not_cut_at_512(talk, wire):
    """Section 4.4: 600 octets reach a client that takes 1232, and the size it told reaches the server."""
    t = talk()
    t.ask("big.example.net", edns=1232)
    assert parse_query(t.forwards[-1].message).edns.size == 1232
    many = [wire.record("big.example.net", "A", 300, f"192.0.2.{n}") for n in range(40)]
    assert t.server(*many)[0].count(" A 192.0.2.") == 40


def test_4_4_1_tcp_is_asked_by_tcp(talk, wire):
    """Section 4.4.1: a question by TCP goes to the server by TCP, and does not join one by UDP."""
    t = talk()
    t.ask("www.example.net")
    assert t.ask("www.example.net", tcp=3) == ["203.0.113.1:53/tcp <- #101 www.example.net A"]
    assert t.server_tcp(wire.A)[0].startswith("192.168.0.10:tcp3 < #1 www.example.net A NOERROR")
    assert t.server(wire.A)[0].startswith("192.168.0.10:5000 < #1 www.example.net A NOERROR")


def test_4_4_2_edns_passes(talk, wire):
    """Section 4.4.2: OPT and DO reach the server; the answer has OPT if and only if the question had."""
    t = talk()
    t.ask("www.example.net", edns=4096, do=True)
    assert (parse_query(t.forwards[-1].message).edns.size, parse_query(t.forwards[-1].message).edns.do) == (
        4096,
        True,
    )
    (answer, _) = t.proxy.forwarder.answered(
        t.forwards[-1].slot,
        ("203.0.113.1", 53),
        wire.answer(t.forwards[-1].message, wire.A, edns=True),
        t.now,
    )
    assert parse_response(answer.message).edns.do
    t.ask("plain.example.net")
    assert parse_query(t.forwards[-1].message).edns is None


def test_4_4_2_unknown_options_pass(talk):
    """Section 4.4.2: an option that we do not know goes to the server and the answer's comes back, octet by octet."""
    t = talk()
    option = b"\xfd\xe9\0\2hi"
    t.ask("www.example.net", edns=4096, options=option)
    assert t.forwards[-1].message.endswith(option)
    tail = t.forwards[-1].message[12:]
    (answer,) = t.server_raw(b"\x81\x80\0\1\0\0\0\0\0\1" + tail)
    assert answer.message == b"\0\1\x81\x80\0\1\0\0\0\0\0\1" + tail


def test_4_4_2_cookies_stay_between_neighbours(talk, wire):
    """Section 4.4.2 with RFC 7873: a client's cookie is not the server's business, and keeps nothing from being shared."""
    t = talk()
    t.ask("www.example.net", edns=1232, options=b"\0\x0a\0\x08cookie-1")
    assert b"cookie" not in t.forwards[-1].message
    t.server(wire.A)
    assert "NOERROR" in t.ask("www.example.net", edns=1232, options=b"\0\x0a\0\x08cookie-2")[0]
    assert len(t.proxy.views["home"].raw) == 0


def test_4_5_signed_messages_pass(talk):
    """Section 4.5: a TSIG-signed query differs in its id alone when it is forwarded, its answer too."""
    t = talk()
    signed = b"\0\1\1\0\0\1\0\0\0\0\0\1\3www\7example\3net\0\0\1\0\1" + TSIG
    t.lines(t.raw(signed))
    assert t.forwards[-1].message[2:] == signed[2:]
    (answer,) = t.server_raw(b"\x81" + signed[3:])
    assert answer.message == b"\0\1\x81" + signed[3:]


def test_6_1_ids_and_sockets_are_drawn(talk):
    """Section 6.1: each query gets an id and a socket from the source of randomness given."""
    t = talk(drawn=[(5 << 16) + 77, (5 << 16) + 77, (31 << 16) + 65535])
    t.ask("a.example.net"), t.ask("b.example.net")
    assert [(f.slot, f.message[:2]) for f in t.forwards] == [(5, b"\0\x4d"), (31, b"\xff\xff")]
