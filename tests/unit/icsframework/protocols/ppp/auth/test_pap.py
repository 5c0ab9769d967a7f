"""PAP (RFC 1334 section 2)."""

import pytest

from icsframework.protocols.ppp.auth.method import Credentials, Passed, Refused, Unproven
from icsframework.protocols.ppp.auth.pap import PapClient, PapServer
from icsframework.protocols.ppp.packet import Packet

REQUEST = Packet(1, 1, b"\5guest\6secret")


@pytest.fixture
def client():
    """A subscriber's end that has asked at 0."""
    client = PapClient(Credentials("guest", "secret"))
    assert client.start(0.0) == [REQUEST.to_wire()]
    return client


@pytest.fixture
def server():
    """A provider's end that waits since 0."""
    server = PapServer({"guest": "secret"}.get)
    assert server.start(0.0) == []
    return server


@pytest.mark.parametrize(
    ("data", "message"), [(b"\x08Login ok", "Login ok"), (b"\0", ""), (b"", ""), (b"\xffcut", "cut")]
)
def test_an_ack_lets_in(client, data, message):
    """With any message, with an empty one, without one, and with one that is cut off."""
    assert client.receive(Packet(2, 1, data), 0.1) == [Passed("", message)]
    assert client.deadline is None


def test_a_nak_is_final(client):
    """The user's name and the peer's words are in the reason, the password is not."""
    (refused,) = client.receive(Packet(3, 1, b"\x0fLogin incorrect"), 0.1)
    assert refused == Refused("the peer refused user guest (PAP): Login incorrect")
    assert client.timeout(1e6) == []


def test_an_answer_to_something_else_is_no_answer(client):
    """The identifier must be that of the request."""
    assert client.receive(Packet(2, 9), 0.1) == []


def test_a_request_is_repeated_until_patience_ends(client):
    """Every three seconds the same request, after thirty the end; no verdict on the password."""
    happened = []
    while client.deadline is not None:
        now = client.deadline
        happened.append((now, client.timeout(now)))
    assert happened[:-1] == [(3.0 * n, [REQUEST.to_wire()]) for n in range(1, 10)]
    assert happened[-1] == (30.0, [Unproven("the peer did not answer to the password in 30 s (PAP)")])


def test_a_verdict_may_come_twice(client):
    """The second one says nothing new."""
    client.receive(Packet(2, 1), 0.1)
    assert client.receive(Packet(3, 1), 0.2) == []


def test_the_right_password_is_acknowledged(server):
    """With the identifier of the request; repeated requests get the same answer but are no news."""
    ack = Packet(2, 7, b"\x08Login ok").to_wire()
    assert server.receive(REQUEST._replace(ident=7), 1.0) == [ack, Passed("guest")]
    assert server.receive(REQUEST._replace(ident=7), 2.0) == [ack]


@pytest.mark.parametrize("data", [b"\5guest\5wrong", b"\5other\6secret", b"\0\0"])
def test_a_wrong_password_is_refused(server, data):
    """And stays refused, whatever is tried next: one try for a call."""
    nak, verdict = server.receive(Packet(1, 1, data), 1.0)
    assert Packet.from_wire(nak).code == 3
    assert isinstance(verdict, Refused)
    assert Packet.from_wire(server.receive(REQUEST, 2.0)[0]).code == 3


@pytest.mark.parametrize("data", [b"", b"\5", b"\5guest", b"\5guest\xffsecret", b"\xff\xff"])
def test_a_request_whose_lengths_do_not_fit_is_dropped(server, data):
    """It is no try either."""
    assert server.receive(Packet(1, 1, data), 1.0) == []
    assert server.receive(REQUEST, 2.0)[1] == Passed("guest")


def test_a_peer_that_says_nothing_is_not_let_in(server):
    """After thirty seconds."""
    assert server.timeout(29.9) == []
    assert server.timeout(30.0) == [Unproven("the peer did not authenticate itself in 30 s (PAP)")]


def test_nothing_shows_the_password(client, server):
    """An object that ends up in a traceback or a log keeps its secret."""
    assert "secret" not in repr(client) + str(client) + repr(server)
