"""Whole conversations with the proxy."""

CLIENT = "192.168.0.10"


def test_a_name_is_asked_once(talk, wire):
    """Question, forward, answer; then the cache answers with the TTL that is left, then asks again."""
    t = talk()
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #100 www.example.net A"]
    assert t.server(wire.A) == [
        "192.168.0.10:5000 < #1 www.example.net A NOERROR | www.example.net A 192.0.2.80 ttl=300",
        "told 192.168.0.10 www.example.net 192.0.2.80 300",
    ]
    t.after(100)
    assert t.ask("WWW.example.net", client="192.168.0.11", ident=9) == [
        "192.168.0.11:5000 < #9 WWW.example.net A NOERROR | WWW.example.net A 192.0.2.80 ttl=200",
        "told 192.168.0.11 www.example.net 192.0.2.80 200",
    ]
    t.after(200)
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #101 www.example.net A"]
    counters = t.proxy.counters
    assert (counters.queries, counters.hits, counters.misses, counters.forwarded) == (3, 1, 2, 2)


def test_equal_questions_join(talk, wire):
    """Several clients wait for one query; each gets its own id and spelling back."""
    t = talk()
    t.ask("www.example.net", port=1)
    assert t.ask("wWw.example.net", client="192.168.0.11", port=2, ident=2) == []
    assert t.ask("www.example.net", "AAAA", port=3) == ["203.0.113.1:53 <- #101 www.example.net AAAA"]
    assert [line for line in t.server(wire.A, forward=0) if "<" in line] == [
        "192.168.0.10:1 < #1 www.example.net A NOERROR | www.example.net A 192.0.2.80 ttl=300",
        "192.168.0.11:2 < #2 wWw.example.net A NOERROR | wWw.example.net A 192.0.2.80 ttl=300",
    ]
    assert t.proxy.room.total == 1


def test_a_retransmission_replaces_its_question(talk, wire):
    """The same port at once, any port a second later: only the newest is answered."""
    t = talk()
    t.ask("www.example.net", port=1, ident=1)
    t.ask("www.example.net", port=1, ident=2)
    t.ask("www.example.net", port=7, ident=3)
    assert t.proxy.room.total == 2
    t.now += 1.5
    t.ask("www.example.net", port=8, ident=4)
    lines = [line.split(" ")[0:3] for line in t.server(wire.A) if "<" in line]
    assert lines == [["192.168.0.10:7", "<", "#3"], ["192.168.0.10:8", "<", "#4"]]


def test_what_an_attacker_must_guess(talk, wire):
    """Wrong socket, address, port, id or question: not an answer, only a counter (RFC 5452 section 9.1)."""
    t = talk()
    t.ask("www.example.net")
    assert t.server(wire.A, slot=7) == []
    assert t.server(wire.A, source=("203.0.113.2", 53)) == []
    assert t.server(wire.A, source=("203.0.113.1", 54)) == []
    assert t.server(wire.A, ident=101) == []
    assert t.server(wire.A, name="evil.example.net") == []
    assert t.server_raw(b"garbage") == []
    assert t.server_raw(t.forwards[-1].message[2:]) == []  # our own query
    assert t.proxy.counters.unexpected == 7
    assert len(t.server(wire.A)) == 2
    assert t.server(wire.A) == []  # once


def test_the_next_server(talk, wire):
    """No answer in time: the next server; after three misses the first is passed over, and probed later on."""
    t = talk(servers=("203.0.113.1", "203.0.113.2"))
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #100 www.example.net A"]
    assert t.after(1) == ["203.0.113.2:53 <- #101 www.example.net A"]
    assert len(t.server(wire.A)) == 2
    for name in ("a.example.net", "b.example.net"):
        t.ask(name)
        lines = t.after(1)
        t.server(rcode=3)
    assert lines == ["dns.upstream.failed 203.0.113.1:53", "203.0.113.2:53 <- #105 b.example.net A"]
    assert t.ask("c.example.net") == ["203.0.113.2:53 <- #106 c.example.net A"]
    t.server(rcode=3)
    t.after(20)
    assert t.ask("d.example.net") == [
        "203.0.113.2:53 <- #107 d.example.net A",
        "203.0.113.1:53 <- #108 d.example.net A",
    ]
    assert t.server(rcode=3, forward=-2) == ["192.168.0.10:5000 < #1 d.example.net A NXDOMAIN"]
    assert t.server(rcode=3, forward=-1) == ["dns.upstream.recovered 203.0.113.1:53"]
    assert t.ask("e.example.net") == ["203.0.113.1:53 <- #109 e.example.net A"]


def test_no_server_answers(talk):
    """After all tries the client hears SERVFAIL, within its patience; nothing is left waiting."""
    t = talk()
    t.ask("www.example.net", edns=1232)
    assert t.after(10) == [
        "203.0.113.1:53 <- #101 www.example.net A",
        "203.0.113.1:53 <- #102 www.example.net A",
        "dns.upstream.failed 203.0.113.1:53",
        "203.0.113.1:53 <- #103 www.example.net A",
        "192.168.0.10:5000 < #1 www.example.net A SERVFAIL",
    ]
    assert (t.proxy.room.total, t.proxy.forwarder.deadline()) == (0, None)


def test_a_failing_server(talk, wire):
    """SERVFAIL, REFUSED and the like: the next server at once; if all do, the client hears it, for five seconds."""
    t = talk(servers=("203.0.113.1", "203.0.113.2"))
    t.ask("www.example.net")
    assert t.server(rcode=5) == ["203.0.113.2:53 <- #101 www.example.net A"]
    assert t.server(rcode=2) == ["192.168.0.10:5000 < #1 www.example.net A SERVFAIL"]
    assert t.ask("www.example.net") == ["192.168.0.10:5000 < #1 www.example.net A SERVFAIL"]
    t.after(5)
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #102 www.example.net A"]


def test_a_server_that_answers_with_a_header(talk, wire):
    """A bare FORMERR is no answer to give; the next server is asked."""
    t = talk(servers=("203.0.113.1", "203.0.113.2"))
    t.ask("www.example.net")
    assert t.lines(t.server_raw(b"\x80\x01" + b"\0" * 8)) == ["203.0.113.2:53 <- #101 www.example.net A"]
    assert t.lines(t.server_raw(b"\x80\x01" + b"\0" * 8)) == [
        "192.168.0.10:5000 < #1 www.example.net A SERVFAIL"
    ]


def test_negative_answers_are_remembered(talk, wire):
    """RFC 2308: as long as the SOA says, and only if there is one."""
    t = talk()
    t.ask("no.example.net")
    answer = "192.168.0.10:5000 < #1 no.example.net A NXDOMAIN | example.net SOA ns.example.net ttl=600"
    assert t.server(rcode=3, authority=[wire.soa()]) == [answer]
    t.after(599)
    assert t.ask("no.example.net") == [answer.replace("600", "1")]
    t.after(1)
    assert len(t.ask("no.example.net")) == 1
    t.server(rcode=3)
    assert t.ask("no.example.net") == ["203.0.113.1:53 <- #102 no.example.net A"]


def test_another_uplink_may_know_better(talk, wire):
    """What the servers of one uplink said not to exist is asked again on another; what exists stays."""
    t = talk()
    t.ask("no.example.net"), t.server(rcode=3, authority=[wire.soa()])
    t.ask("www.example.net"), t.server(wire.A)
    t.up("198.51.100.1")
    assert t.ask("no.example.net") == ["198.51.100.1:53 <- #102 no.example.net A"]
    assert len(t.ask("www.example.net")) == 2


def test_the_link_goes_while_asking(talk, wire):
    """A question on its way is asked again over the next link; the old answer does not count any more."""
    t = talk()
    t.ask("www.example.net")
    assert t.down() == ["dial for 192.168.0.10 www.example.net"]
    assert t.server(wire.A) == []
    assert t.up("198.51.100.1") == ["198.51.100.1:53 <- #101 www.example.net A"]
    assert len(t.server(wire.A)) == 2


def test_an_uplink_without_servers(talk):
    """SERVFAIL at once, not a question into the void."""
    t = talk(servers=())
    assert t.ask("www.example.net") == ["192.168.0.10:5000 < #1 www.example.net A SERVFAIL"]


def test_own_servers_instead_of_the_uplinks(talk, wire):
    """``upstream`` of a LAN wins, in order, with its port."""
    t = talk({"upstream": ["9.9.9.9", "127.0.0.1:5353"]})
    assert t.ask("www.example.net") == ["9.9.9.9:53 <- #100 www.example.net A"]
    assert t.after(1) == ["127.0.0.1:5353 <- #101 www.example.net A"]


def test_outdated_is_better_than_nothing(talk, wire):
    """RFC 8767: servers are asked first; after 1.8 s the old answer comes, and at once while they are known to fail."""
    t = talk()
    t.ask("www.example.net"), t.server(wire.A)
    t.after(301)
    stale = [
        "192.168.0.10:5000 < #1 www.example.net A NOERROR | www.example.net A 192.0.2.80 ttl=30",
        "told 192.168.0.10 www.example.net 192.0.2.80 30",
    ]
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #101 www.example.net A"]
    assert t.after(2) == [
        "203.0.113.1:53 <- #102 www.example.net A",
        *stale,
        "203.0.113.1:53 <- #103 www.example.net A",
    ]
    t.after(8)
    assert t.ask("www.example.net") == stale
    t.after(30)
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #105 www.example.net A"]
    assert t.server(rcode=2) == ["dns.upstream.recovered 203.0.113.1:53", *stale]
    assert t.proxy.counters.stale == 3
    t.after(90000)
    t.ask("www.example.net")
    assert "SERVFAIL" in t.server(rcode=2)[-1]


def test_a_private_address_for_a_public_name(talk, wire):
    """Refused and logged once; the LAN's own policy decides, so another LAN may get it."""
    t = talk()
    t.ask("evil.example.net")
    private = wire.record("evil.example.net", "A", 300, "192.168.0.1")
    assert t.server(private) == [
        "192.168.0.10:5000 < #1 evil.example.net A REFUSED",
        "dns.rebind.refused evil.example.net 192.168.0.1 192.168.0.10",
    ]
    assert t.ask("evil.example.net") == ["192.168.0.10:5000 < #1 evil.example.net A REFUSED"]
    t.proxy.set_lan(t.lan, type(t.proxy.views["home"].config)(rebind_protection=False))
    assert "NOERROR" in t.ask("evil.example.net")[0]


def test_too_many_questions(talk):
    """One client's questions are bounded; others go on."""
    t = talk()
    for number in range(256):
        assert "<-" in t.ask(f"n{number}.example.net")[0]
    assert t.ask("more.example.net") == ["192.168.0.10:5000 < #1 more.example.net A SERVFAIL"]
    assert "<-" in t.ask("more.example.net", client="192.168.0.11")[0]


def test_a_lan_that_is_dropped(talk, wire):
    """Who waits there gets no answer, and a question from there none either."""
    t = talk()
    t.ask("www.example.net")
    t.proxy.drop_lan("home")
    assert t.server(wire.A) == []
    assert t.ask("www.example.net") == []
    assert (t.proxy.room.total, t.proxy.counters.dropped) == (0, 1)


def test_garbage(talk):
    """What is no question moves a counter and nothing else; responses are no questions."""
    t = talk()
    for data in (b"", b"x" * 11, b"\0" * 4 + b"\0\1" + b"\0" * 6, b"ask" * 10, b"\xff" * 512):
        assert t.raw(data) == []
    assert (t.proxy.counters.dropped, t.proxy.counters.queries) == (5, 0)


def test_messages_without_one_question(talk):
    """Well formed and yet no question: FORMERR (RFC 9619), NOTIMP for kinds of query without one."""
    t = talk()
    (none,) = t.raw(b"\0\7\1\0" + b"\0" * 8)
    assert none.message == b"\0\7\x81\x81" + b"\0" * 8
    (dso,) = t.raw(b"\0\7\x30\0" + b"\0" * 8)
    assert dso.message == b"\0\7\xb0\x84" + b"\0" * 8
