"""Asking servers: what is not already said by the conversations in test_proxy.py."""

from ics_plugins.lan.dns.actions import Abandon


def test_deadlines(talk):
    """There is a deadline while something is on its way or held, and none otherwise."""
    t = talk()
    forwarder = t.proxy.forwarder
    assert forwarder.deadline() is None
    t.ask("www.example.net")
    assert forwarder.deadline() == t.now + 1.0
    t.down()
    assert forwarder.deadline() == t.now + 60.0
    t.after(61)
    assert forwarder.deadline() is None


def test_tcp_gives_up(talk, wire):
    """A question by TCP that is not answered in time is abandoned and tried again; its late answer is nothing."""
    t = talk(servers=("203.0.113.1", "203.0.113.2"))
    t.ask("www.example.net", tcp=1)
    assert t.after(5) == ["abandon", "203.0.113.2:53/tcp <- #101 www.example.net A"]
    late = wire.answer(t.tcp[0].message, wire.A)
    assert t.proxy.forwarder.answered_tcp(t.tcp[0].token, late, t.now) == []
    assert t.server_tcp(wire.A)[0].startswith("192.168.0.10:tcp1 < #1")


def test_tcp_that_brings_nonsense(talk):
    """An answer by TCP to another question counts as a failure of that try, not of the server."""
    t = talk(servers=("203.0.113.1",))
    t.ask("www.example.net", tcp=1)
    lines = []
    for _ in range(4):
        lines = t.lines(t.proxy.forwarder.answered_tcp(t.tcp[-1].token, b"nonsense", t.now))
    assert lines == ["192.168.0.10:tcp1 < #1 www.example.net A SERVFAIL"]
    assert t.proxy.forwarder.servers.details() == [
        {"server": "203.0.113.1:53", "state": "ok", "unanswered": 0}
    ]


def test_no_id_is_free(talk):
    """When no id can be drawn the client hears SERVFAIL at once."""
    t = talk(drawn=[7] * 40)
    t.ask("a.example.net")
    assert t.ask("b.example.net") == ["192.168.0.10:5000 < #1 b.example.net A SERVFAIL"]


def test_abandoning_names_the_token(talk):
    """The shell is told which connection to close."""
    t = talk()
    t.ask("www.example.net", tcp=1)
    t.now += 5
    assert t.proxy.forwarder.timeout(t.now)[0] == Abandon(t.tcp[0].token)


def test_an_answer_to_another_kind_of_query(talk):
    """The opcode must be the one asked with."""
    t = talk()
    t.ask("www.example.net")
    assert t.server_raw(b"\xa1\x80" + t.forwards[-1].message[4:]) == []
    assert t.proxy.counters.unexpected == 1
