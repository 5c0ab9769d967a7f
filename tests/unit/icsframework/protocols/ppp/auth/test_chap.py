"""CHAP (RFC 1994), with both algorithms."""

import hashlib

import pytest

from icsframework.protocols.ppp.auth.chap import MOST_ANSWERS, ChapClient, ChapServer
from icsframework.protocols.ppp.auth.digests import Md5, digest_of
from icsframework.protocols.ppp.auth.method import Credentials, Method, Passed, Refused, Unproven
from icsframework.protocols.ppp.packet import Packet
from icsframework.testing.ppp import seeded

GUEST = Credentials("guest", "secret")


def challenge(ident, value, name=b"isp"):
    """A Challenge."""
    return Packet(1, ident, bytes((len(value),)) + value + name)


def response(ident, value, secret=b"secret"):
    """What MD5 answers to it."""
    digest = hashlib.md5(bytes((ident,)) + secret + value).digest()
    return Packet(2, ident, b"\x10" + digest + b"guest").to_wire()


@pytest.fixture
def client():
    """A subscriber's end with MD5, open since 0."""
    client = ChapClient("CHAP", Md5(), GUEST)
    assert client.start(0.0) == []
    return client


def make_server(method=Method.CHAP_MD5, interval=0.0):
    """A provider's end."""
    return ChapServer(
        method.title, digest_of(method, seeded(3)), "isp", {"guest": "secret"}.get, seeded(4), interval
    )


@pytest.mark.parametrize("size", [1, 16, 37, 255])
def test_a_challenge_of_any_length_is_answered(client, size):
    """With its identifier and our name (sections 4.1)."""
    value = bytes(range(size)) if size < 256 else b""
    assert client.receive(challenge(9, value), 1.0) == [response(9, value)]


@pytest.mark.parametrize("data", [b"", b"\0isp", b"\x10short"])
def test_a_challenge_without_a_value_is_dropped(client, data):
    """Nothing is computed for it."""
    assert client.receive(Packet(1, 1, data), 1.0) == []


def test_success_lets_in(client):
    """The peer's message is kept."""
    client.receive(challenge(9, b"x" * 16), 1.0)
    assert client.receive(Packet(3, 9, b"Welcome to vm."), 1.1) == [Passed("", "Welcome to vm.")]
    assert client.deadline is None


def test_failure_refuses(client):
    """With the peer's words."""
    client.receive(challenge(9, b"x" * 16), 1.0)
    assert client.receive(Packet(4, 9, b"Go 'way."), 1.1) == [
        Refused("the peer refused user guest (CHAP): Go 'way.")
    ]


def test_a_verdict_needs_a_response_and_its_identifier(client):
    """One that comes before any challenge, or for another, is none."""
    assert client.receive(Packet(3, 0), 0.5) == []
    client.receive(challenge(9, b"x" * 16), 1.0)
    assert client.receive(Packet(3, 8), 1.1) == []
    assert client.receive(Packet(4, 8), 1.1) == []


def test_a_repeated_challenge_gets_the_same_response(client):
    """The first answer was lost."""
    first = client.receive(challenge(9, b"x" * 16), 1.0)
    assert client.receive(challenge(9, b"x" * 16), 4.0) == first


def test_a_challenge_may_come_again_at_any_time(client):
    """After success a new one is answered as the first was, and judged anew."""
    client.receive(challenge(9, b"x" * 16), 1.0)
    client.receive(Packet(3, 9), 1.1)
    assert client.receive(challenge(10, b"y" * 20), 600.0) == [response(10, b"y" * 20)]
    assert client.receive(Packet(3, 10), 600.1) == [Passed("", "")]


def test_a_flood_of_challenges_is_answered_seldom(client):
    """Each answer costs time; the others are repeated by who means them, and a second later they are answered again."""
    flood = [challenge(ident, bytes((ident,)) * 16) for ident in range(1, 200)]
    assert sum(bool(client.receive(one, 5.0)) for one in flood) == MOST_ANSWERS
    assert client.receive(challenge(1, b"new"), 5.9) == []
    assert client.receive(challenge(1, b"new"), 6.0) == [response(1, b"new")]


def test_a_verdict_that_does_not_come_is_asked_for(client):
    """The response is repeated every three seconds; after thirty the client gives up."""
    client.receive(challenge(9, b"x" * 16), 1.0)
    happened = []
    while client.deadline is not None:
        now = client.deadline
        happened.append((now, client.timeout(now)))
    assert happened[:-1] == [(1.0 + 3 * n, [response(9, b"x" * 16)]) for n in range(1, 10)]
    assert happened[-1] == (
        31.0,
        [Unproven("the peer did not say whether the password is right in 30 s (CHAP)")],
    )


def test_a_peer_that_never_asks_is_given_up(client):
    """It had said that it would."""
    assert client.timeout(29.0) == []
    assert client.timeout(30.0) == [Unproven("the peer did not ask for the password in 30 s (CHAP)")]


def test_our_own_challenge_is_not_answered():
    """A peer that sends our challenge back to us wants our answer to answer us with."""
    client = ChapClient("CHAP", Md5(), GUEST, lambda: b"ours" * 4)
    client.start(0.0)
    assert client.receive(challenge(9, b"ours" * 4), 1.0) == []
    assert len(client.receive(challenge(9, b"else" * 4), 1.0)) == 1


@pytest.mark.parametrize("method", [Method.CHAP_MD5, Method.MSCHAPV2])
def test_both_ends_agree(method):
    """A client and a server with the same password."""
    server = make_server(method)
    client = ChapClient(method.title, digest_of(method, seeded(5)), GUEST)
    client.start(0.0)
    (asked,) = server.start(0.0)
    (answer,) = client.receive(Packet.from_wire(asked), 0.1)
    success, passed = server.receive(Packet.from_wire(answer), 0.2)
    assert passed == Passed("guest")
    assert client.receive(Packet.from_wire(success), 0.3) == [Passed("", "Welcome")]


@pytest.mark.parametrize("method", [Method.CHAP_MD5, Method.MSCHAPV2])
@pytest.mark.parametrize("credentials", [Credentials("guest", "wrong"), Credentials("nobody", "secret")])
def test_a_wrong_password_is_refused_by_both(method, credentials):
    """The server refuses, the client understands it as that."""
    server = make_server(method)
    client = ChapClient(method.title, digest_of(method, seeded(5)), credentials)
    client.start(0.0)
    (answer,) = client.receive(Packet.from_wire(server.start(0.0)[0]), 0.1)
    failure, refused = server.receive(Packet.from_wire(answer), 0.2)
    assert isinstance(refused, Refused)
    assert isinstance(client.receive(Packet.from_wire(failure), 0.3)[0], Refused)
    assert "secret" not in refused.reason


@pytest.mark.parametrize("text", [b"", b"M=Welcome", b"S=" + b"0" * 40 + b" M=Welcome"])
def test_a_success_of_mschapv2_without_proof_is_none(text):
    """RFC 2759 section 5: the peer must prove that it knows the password, else the link ends."""
    client = ChapClient("MS-CHAPv2", digest_of(Method.MSCHAPV2, seeded(5)), GUEST)
    client.start(0.0)
    client.receive(challenge(9, b"x" * 16), 1.0)
    (verdict,) = client.receive(Packet(3, 9, text), 1.1)
    assert isinstance(verdict, Unproven)
    assert "may be a false one" in verdict.reason


def test_each_challenge_is_new():
    """Value and identifier change (section 4.1)."""
    server = make_server()
    first, second = (Packet.from_wire(server.start(now)[0]) for now in (0.0, 10.0))
    assert first.ident != second.ident
    assert first.data != second.data


def test_an_unanswered_challenge_is_repeated_as_it_is():
    """Every three seconds, for thirty."""
    server = make_server()
    asked = server.start(0.0)
    happened = []
    while server.deadline is not None:
        now = server.deadline
        happened.append((now, server.timeout(now)))
    assert happened[:-1] == [(3.0 * n, asked) for n in range(1, 10)]
    assert happened[-1] == (30.0, [Unproven("the peer did not authenticate itself in 30 s (CHAP)")])


def test_a_repeated_response_hears_the_same():
    """The verdict was lost; a second guess for one challenge is not looked at (section 4.1)."""
    server = make_server()
    asked = Packet.from_wire(server.start(0.0)[0])
    good = Packet.from_wire(response(asked.ident, asked.data[1:17]))
    failure, _ = server.receive(Packet(2, asked.ident, b"\x10" + bytes(16) + b"guest"), 1.0)
    assert server.receive(good, 2.0) == [failure]


def test_a_response_to_an_old_challenge_is_dropped():
    """Its identifier is not that of the last one."""
    server = make_server()
    asked = Packet.from_wire(server.start(0.0)[0])
    server.start(5.0)
    assert server.receive(Packet.from_wire(response(asked.ident, asked.data[1:17])), 6.0) == []


def test_the_peer_is_asked_again_while_the_link_is_up():
    """After each interval with a new challenge; the verdict is as if it were the first."""
    server = make_server(interval=60.0)
    asked = Packet.from_wire(server.start(0.0)[0])
    server.receive(Packet.from_wire(response(asked.ident, asked.data[1:17])), 1.0)
    assert server.timeout(60.9) == []
    again = Packet.from_wire(server.timeout(61.0)[0])
    assert again != asked
    assert isinstance(
        server.receive(Packet(2, again.ident, b"\x10" + bytes(16) + b"guest"), 62.0)[1], Refused
    )


def test_nothing_shows_the_password(client):
    """Objects that end up in a traceback or a log."""
    assert "secret" not in repr(client) + repr(make_server())
