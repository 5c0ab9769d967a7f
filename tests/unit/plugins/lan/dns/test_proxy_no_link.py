"""What the proxy does while no link is up: what it answers by itself, what it dials for, and who hears what of it."""

import pytest

from ics_plugins.lan.dns.exchange import MAX_WAITING_CLIENT
from ics_plugins.lan.dns.forwarder import PATIENCE
from ics_plugins.lan.dns.held import HOLD
from ics_plugins.lan.dns.wishes import MAX_ASKED_CLIENT, REFUSAL_MEMORY
from icsframework.protocols.dns.build import Ede
from icsframework.protocols.dns.message import EdnsOption, parse_response

SERVFAIL = "192.168.0.10:5000 < #1 a.example.net A SERVFAIL"


def explained(message):
    """The extended error of a message: its code and text."""
    ((kind, payload),) = parse_response(message).edns.options
    assert kind == EdnsOption.EXTENDED_ERROR
    return int.from_bytes(payload[:2]), payload[2:].decode()


# --- what is answered without a link

KNOWN_HERE = [
    ("printer.home.arpa", "A"),
    ("printer", "A"),
    ("PRINTER.Home.Arpa", "AAAA"),
    ("nas.home.arpa", "A"),
    ("gateway", "A"),
    ("nobody.home.arpa", "A"),
    ("home.arpa", "SOA"),
    ("wpad", "A"),
    ("isatap", "A"),
    ("intranet", "AAAA"),
    ("_ldap._tcp.dc._msdcs.home.arpa", "SRV"),
    ("10.0.168.192.in-addr.arpa", "PTR"),
    ("77.0.168.192.in-addr.arpa", "PTR"),
    ("lb._dns-sd._udp.0.0.168.192.in-addr.arpa", "PTR"),
    ("3.2.1.10.in-addr.arpa", "PTR"),
    ("1.16.172.in-addr.arpa", "PTR"),
    ("1.64.100.in-addr.arpa", "PTR"),
    ("5.4.254.169.in-addr.arpa", "PTR"),
    ("1.0.0.127.in-addr.arpa", "PTR"),
    ("a.8.e.f.ip6.arpa", "PTR"),
    ("0.d.f.ip6.arpa", "PTR"),
    ("localhost", "A"),
    ("www.localhost", "A"),
    ("printer.local", "A"),
    ("_services._dns-sd._udp.local", "PTR"),
    ("www.invalid", "A"),
    ("www.test", "A"),
    ("x.onion", "A"),
    ("_dns.resolver.arpa", "SVCB"),
]


@pytest.mark.parametrize(("name", "qtype"), KNOWN_HERE)
def test_no_dial_for_what_is_known_here(talk, name, qtype):
    """Local names, those of reservations, single labels, private reverse zones, special names: one answer, nothing else."""
    t = talk({"hosts": {"nas": "192.168.0.7"}}, servers=None)
    t.name("printer", "192.168.0.10")
    lines = t.ask(name, 64 if qtype == "SVCB" else qtype)
    assert [line for line in lines if not line.startswith("told ")] == lines[:1]
    assert lines[0].startswith("192.168.0.10:5000 < #1 ")
    assert "SERVFAIL" not in lines[0]
    assert (t.dials, t.proxy.room.total, t.proxy.counters.dials) == ([], 0, 0)


def test_no_dial_for_what_is_remembered(talk, wire):
    """Answers whose time is not over, of names that exist and that do not."""
    t = talk()
    t.ask("www.example.net"), t.server(wire.A)
    t.ask("no.example.net"), t.server(rcode=3, authority=[wire.soa()])
    t.down()
    assert t.ask("www.example.net")[0].endswith("NOERROR | www.example.net A 192.0.2.80 ttl=300")
    assert "NXDOMAIN" in t.ask("no.example.net")[0]
    assert t.dials == []


def test_no_dial_for_an_outdated_answer(talk, wire):
    """It is given at once, and told as the reason of what the client sends there; that may dial."""
    t = talk()
    t.ask("www.example.net"), t.server(wire.A)
    t.down()
    t.after(301)
    assert t.ask("www.example.net") == [
        "192.168.0.10:5000 < #1 www.example.net A NOERROR | www.example.net A 192.0.2.80 ttl=30",
        "told 192.168.0.10 www.example.net 192.0.2.80 30",
    ]
    assert t.dials == []
    t.up("203.0.113.1")
    assert t.ask("www.example.net") == ["203.0.113.1:53 <- #101 www.example.net A"]


def test_without_serve_stale_an_outdated_answer_is_none(talk, wire):
    """Then the name is dialled for."""
    t = talk({"serve_stale": 0})
    t.ask("www.example.net"), t.server(wire.A)
    t.down()
    t.after(301)
    assert t.ask("www.example.net") == ["dial for 192.168.0.10 www.example.net"]


def test_nothing_of_our_own_dials(talk, wire):
    """Servers that failed are not tried again while there is no link, and time alone asks for nothing."""
    t = talk(servers=("203.0.113.1", "203.0.113.2"))
    for _ in range(3):
        t.ask("www.example.net")
        t.after(10)
    t.down()
    assert t.after(3600) == []
    assert (t.dials, t.proxy.room.total) == ([], 0)


# --- what is dialled for


def test_a_name_waits_for_the_link(talk, wire):
    """Its question goes out when there is one; the newest repetition gets the answer, once."""
    t = talk(servers=None)
    assert t.ask("a.example.net", port=1) == ["dial for 192.168.0.10 a.example.net"]
    t.after(5)
    assert t.ask("a.example.net", port=2, ident=2) == []
    t.after(5)
    assert t.ask("a.example.net", port=3, ident=3) == []
    assert t.proxy.room.total == 1
    assert t.up("203.0.113.1") == ["203.0.113.1:53 <- #100 a.example.net A"]
    assert t.granted() == []
    assert t.server(wire.record("a.example.net", "A", 300, "192.0.2.80")) == [
        "192.168.0.10:3 < #3 a.example.net A NOERROR | a.example.net A 192.0.2.80 ttl=300",
        "told 192.168.0.10 a.example.net 192.0.2.80 300",
    ]


def test_who_has_given_up_is_forgotten(talk):
    """Nobody asks a server for a client that repeated itself for the last time long ago; by TCP it is still there."""
    t = talk(servers=None)
    t.ask("a.example.net", port=1)
    t.ask("b.example.net", tcp=7)
    t.after(PATIENCE + 1)
    t.ask("c.example.net", port=2)
    assert t.up("203.0.113.1") == [
        "203.0.113.1:53/tcp <- #100 b.example.net A",
        "203.0.113.1:53 <- #101 c.example.net A",
    ]
    assert t.proxy.room.total == 2


def test_each_client_and_name_is_judged(talk):
    """Once, whatever is asked of the name; the supervisor makes one dial of them."""
    t = talk(servers=None)
    assert t.ask("a.example.net") == ["dial for 192.168.0.10 a.example.net"]
    assert t.ask("A.example.NET", "AAAA", port=5001) == []
    assert t.ask("a.example.net", tcp=3) == []
    assert t.ask("b.example.net", port=5002) == ["dial for 192.168.0.10 b.example.net"]
    assert t.ask("a.example.net", client="192.168.0.11") == ["dial for 192.168.0.11 a.example.net"]
    assert t.proxy.counters.dials == 3


def test_a_name_that_may_not_dial_holds_up_nobody(talk):
    """Its own questions are refused, for that client; the others wait on and are answered."""
    t = talk(servers=None)
    t.ask("a.example.net"), t.ask("a.example.net", "AAAA", port=5001)
    t.ask("a.example.net", client="192.168.0.11"), t.ask("b.example.net", port=5002)
    assert t.refused(0) == [SERVFAIL, "192.168.0.10:5001 < #1 a.example.net AAAA SERVFAIL"]
    assert (t.proxy.room.total, t.proxy.counters.prohibited) == (2, 2)
    assert t.up("203.0.113.1") == [
        "203.0.113.1:53 <- #100 a.example.net A",
        "203.0.113.1:53 <- #101 b.example.net A",
    ]
    assert t.server(rcode=3, forward=0) == ["192.168.0.11:5000 < #1 a.example.net A NXDOMAIN"]


def test_a_refusal_is_repeated_without_asking(talk):
    """For some seconds, to this client; then it is asked again."""
    t = talk(servers=None)
    t.ask("a.example.net"), t.refused()
    assert t.ask("a.example.net") == [SERVFAIL]
    assert t.ask("a.example.net", "AAAA") == [SERVFAIL.replace(" A ", " AAAA ")]
    assert t.ask("a.example.net", client="192.168.0.11") == ["dial for 192.168.0.11 a.example.net"]
    t.after(REFUSAL_MEMORY)
    assert t.ask("a.example.net") == ["dial for 192.168.0.10 a.example.net"]
    assert t.proxy.room.total == 2


def test_what_was_refused_joins_no_one(talk):
    """A client that was refused a moment ago is refused, although another one's equal question waits."""
    t = talk(servers=None)
    t.ask("a.example.net"), t.refused()
    t.ask("a.example.net", client="192.168.0.11")
    assert t.ask("a.example.net") == [SERVFAIL]
    assert t.proxy.room.total == 1


def test_with_a_link_every_name_is_answered(talk):
    """Whatever may not dial: what was refused a moment ago is asked for when somebody else has brought it up."""
    t = talk(servers=None)
    t.ask("a.example.net"), t.refused()
    t.up("203.0.113.1")
    assert t.ask("a.example.net") == ["203.0.113.1:53 <- #100 a.example.net A"]
    assert t.down() == ["dial for 192.168.0.10 a.example.net"]


def test_a_failed_dial(talk):
    """Is told to who waited for it; the next question asks again, and the supervisor knows whether it is too early."""
    t = talk(servers=None)
    t.ask("a.example.net")
    assert t.failed() == [SERVFAIL]
    assert t.ask("a.example.net") == ["dial for 192.168.0.10 a.example.net"]
    assert t.proxy.counters.prohibited == 0


@pytest.mark.parametrize(("outcome", "code"), [("refused", Ede.PROHIBITED), ("failed", Ede.NETWORK_ERROR)])
def test_the_reason_is_told(talk, wire, outcome, code):
    """As an extended error (RFC 8914), in one message that fits; not to clients without EDNS."""
    t = talk(servers=None)
    told = {"refused": t.proxy.forwarder.dial_refused, "failed": t.proxy.forwarder.dial_failed}[outcome]
    t.ask("a.example.net", edns=1232), t.ask("b.example.net", port=5001)
    (answer,) = told(t.dials[0], "modem: limits.time: 2 h of today are used up until 00:00", t.now)
    assert explained(answer.message) == (code, "modem: limits.time: 2 h of today are used up until 00:00")
    (plain,) = told(t.dials[1], "no", t.now)
    assert parse_response(plain.message).edns is None
    name = ".".join(["x" * 49] * 5)
    t.ask(name, edns=512)
    (answer,) = told(t.dials[2], "\N{SNOWMAN}" * 1000, t.now)
    assert len(answer.message) <= 512
    assert set(explained(answer.message)[1]) == {"\N{SNOWMAN}"}


def test_no_link_in_time(talk):
    """Whoever waits longest hears of it first."""
    t = talk(servers=None)
    t.ask("a.example.net")
    t.after(HOLD - 1)
    assert t.proxy.room.total == 1
    assert t.after(1) == [SERVFAIL]


def test_the_first_refusal_of_many(talk):
    """Names beyond a client's share are asked for as soon as one of them has its answer."""
    t = talk(servers=None)
    for number in range(MAX_ASKED_CLIENT):
        assert len(t.ask(f"n{number}.example.net", port=number + 1)) == 1
    assert t.ask("a.example.net") == []
    assert t.refused(3) == [
        "192.168.0.10:4 < #1 n3.example.net A SERVFAIL",
        "dial for 192.168.0.10 a.example.net",
    ]


def test_nothing_is_dialled_for_who_has_gone(talk):
    """A name whose turn comes when nobody waits for it any more is not asked for."""
    t = talk(servers=None)
    for number in range(MAX_ASKED_CLIENT):
        t.ask(f"n{number}.example.net", port=number + 1)
    t.ask("a.example.net")
    t.after(HOLD)
    assert t.refused() == []


def test_waiting_is_bounded(talk):
    """One client's questions are, and its repetitions count once; what is too much hears so at once."""
    t = talk(servers=None)
    for number in range(MAX_WAITING_CLIENT):
        t.ask(f"n{number}.example.net")
    for _ in range(3):
        t.after(5)
        for number in range(MAX_WAITING_CLIENT):
            assert t.ask(f"n{number}.example.net", port=6000) == []
    assert t.ask("a.example.net") == [SERVFAIL]
    assert t.proxy.room.total == MAX_WAITING_CLIENT
    assert t.ask("a.example.net", client="192.168.0.11") == ["dial for 192.168.0.11 a.example.net"]
    assert len(t.dials) == MAX_ASKED_CLIENT + 1


def test_links_without_sockets(talk):
    """If servers cannot be asked over a link that is up, everybody who waits hears why."""
    t = talk(servers=None)
    t.ask("a.example.net"), t.ask("b.example.net", port=5001)
    lines = t.lines(t.proxy.forwarder.unusable("too many open files", t.now))
    assert lines == [SERVFAIL, "192.168.0.10:5001 < #1 b.example.net A SERVFAIL"]
    assert t.proxy.room.total == 0


def test_the_name_is_the_one_that_was_asked_for(talk, wire):
    """At the end of a chain of CNAMEs stands an address; its reason is the name at the beginning."""
    t = talk()
    t.ask("www.example.net")
    chain = [
        wire.record("www.example.net", "CNAME", 300, b"cdn.example.com"),
        wire.record("cdn.example.com", "CNAME", 300, b"edge7.example.org"),
        wire.record("edge7.example.org", "A", 60, "192.0.2.7"),
    ]
    assert t.server(*chain)[1:] == ["told 192.168.0.10 www.example.net 192.0.2.7 60"]
    assert t.ask("www.example.net", client="192.168.0.11")[1:] == [
        "told 192.168.0.11 www.example.net 192.0.2.7 60"
    ]
