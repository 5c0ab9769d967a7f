"""The player has the gateway's rules, and says what it is asked to do that cannot be."""

from ipaddress import ip_address

import pytest
from zope.interface import implementer

from icsframework.helpers.limits import Limits
from icsframework.interfaces import ISession
from icsframework.testing.flows import INSIDE, PEER, outbound
from icsframework.testing.player import Player, shown
from icsframework.testing.stage import ContractBroken
from icsframework.values import Close, End, Endpoint, Mapping, Open, Send, Side, StepAside

CLIENT, SERVER = Side.CLIENT, Side.SERVER
FLOW = outbound(21)


@implementer(ISession)
class Scripted:
    """Answers each word of the client with what ``answers`` has for it; ``heard`` is all that it was told."""

    def __init__(self, answers, due=None):
        self.answers, self.due, self.heard = answers, due, []

    def __call__(self, flow):
        return self

    def received(self, side, data, now):
        self.heard.append(data)
        return self.answers.get(data, [Send(side.other, data)])

    def opened(self, token, result, now):
        self.heard.append(result)
        return [Send(CLIENT, b"answered")]

    def closed(self, side, now):
        return [Send(side.other, b"bye")]

    def timeout(self, now):
        self.heard.append(now)
        self.due = self.answers.get("again")
        return [Send(CLIENT, b"late")]

    def deadline(self):
        return self.due


def request(port=40001, **changes):
    """An Open of this flow."""
    return Open(**{"token": 1, "protocol": "tcp", "to": Endpoint(INSIDE, port), "remote": PEER, **changes})


def player(answers=None, **more):
    """A session and what plays it."""
    session = Scripted(answers or {}, more.pop("due", None))
    return session, Player(session, FLOW, **more)


def test_what_is_said_goes_on():
    """Each piece is given by itself; empty ones are none."""
    session, playing = player()
    assert playing.say(CLIENT, b"a", b"", b"b") == [(SERVER, b"a"), (SERVER, b"b")]
    assert session.heard == [b"a", b"b"]
    assert playing.close(CLIENT) == [(SERVER, b"bye")]


def test_reading_stops_while_an_open_is_unanswered():
    """The session hears of what came after it when it is answered."""
    session, playing = player({b"a": [request()]})
    assert playing.say(CLIENT, b"a", b"b") == ["open tcp 40001"]
    assert session.heard == [b"a"]
    assert playing.grant(50001) == [(CLIENT, b"answered"), (SERVER, b"b")]
    mapping = session.heard[1]
    assert isinstance(mapping, Mapping)
    assert (mapping.external.port, mapping.to, mapping.expires, mapping.once) == (
        50001,
        Endpoint(INSIDE, 40001),
        1060.0,
        True,
    )


def test_a_refusal_reaches_the_session():
    """With the reason that was given."""
    session, playing = player({b"a": [request()]})
    playing.say(CLIENT, b"a")
    assert playing.refuse("none is left") == [(CLIENT, b"answered")]
    assert session.heard[1].reason == "none is left"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request(22), "denied open tcp 22 because port 22 is below 1024"),
        (
            request(to=Endpoint(ip_address("192.168.0.11"), 5000)),
            "denied open tcp 192.168.0.11:5000 because 192.168.0.11 is not the host of this flow, 192.168.0.10",
        ),
        (
            request(remote=ip_address("192.0.2.99")),
            "denied open tcp 40001 for 192.0.2.99 because 192.0.2.99 is not the peer of this flow, 192.0.2.80",
        ),
    ],
)
def test_the_gateway_refuses_by_itself(asked, said):
    """What a session may not have is answered at once, by the same code as in the gateway."""
    session, playing = player({b"a": [asked]})
    assert playing.say(CLIENT, b"a") == [said, (CLIENT, b"answered")]
    assert said.endswith(session.heard[1].reason)


def test_limits_are_those_given():
    """The number of expectations is one of the rules."""
    _, playing = player({b"a": [request(count=3)]}, limits=Limits(expectations=2))
    assert playing.say(CLIENT, b"a")[0].startswith(
        "denied open tcp 40001 count 3 because limits.expectations"
    )


def test_what_is_closed_is_named():
    """Close gives back what Open got."""
    _, playing = player({b"a": [request()], b"b": [Close(1)]})
    playing.say(CLIENT, b"a")
    playing.grant(50001)
    assert playing.say(CLIENT, b"b") == ["close tcp 40001"]


def test_after_aside_the_session_is_not_called():
    """Bytes go past it."""
    session, playing = player({b"a": [StepAside()]})
    assert playing.say(CLIENT, b"a", b"b") == ["aside", (SERVER, b"b")]
    assert session.heard == [b"a"]


def test_after_the_end_nothing_can_be_said():
    """A conversation that goes on is a mistake of the test."""
    _, playing = player({b"a": [End("bad line")]})
    assert playing.say(CLIENT, b"a") == ["end bad line"]
    with pytest.raises(ContractBroken, match="the flow has ended"):
        playing.say(SERVER, b"b")


def test_time_passes_to_each_deadline():
    """The session is called at its own moment, and again if it wants to."""
    session, playing = player({"again": 1008.0}, due=1005.0)
    assert playing.wait(4) == []
    assert playing.wait(2) == [(CLIENT, b"late")]
    session.answers = {}
    assert playing.wait(60) == [(CLIENT, b"late")]
    assert session.heard == [1005.0, 1008.0]
    assert playing.now == 1066.0


def test_a_session_that_never_rests_is_told():
    """A deadline that stays in the past would keep the gateway busy for ever."""
    _, playing = player({"again": 1001.0}, due=1001.0)
    with pytest.raises(ContractBroken, match="timeout was called 1000 times within 5 s"):
        playing.wait(5)


def test_answers_without_a_question_are_refused():
    """And so is going on without an answer, and a port of the wrong parity."""
    _, playing = player({b"a": [request(parity=True)]})
    with pytest.raises(ContractBroken, match="`granted`, but the session has asked for nothing"):
        playing.grant(50001)
    playing.say(CLIENT, b"a")
    for go_on in (lambda: playing.say(SERVER, b"x"), lambda: playing.close(CLIENT), lambda: playing.wait(1)):
        with pytest.raises(ContractBroken, match="`open tcp 40001 parity` is not answered"):
            go_on()
    with pytest.raises(ContractBroken, match="50002 cannot be granted"):
        playing.grant(50002)


def test_what_a_session_raises_comes_through():
    """With its own traceback; an answer that is none is named."""
    session, playing = player()
    session.received = lambda side, data, now: 1 / 0
    with pytest.raises(ZeroDivisionError):
        playing.say(CLIENT, b"a")
    _, playing = player({b"a": ["Send"]})
    with pytest.raises(ContractBroken, match="received\\(\\) answered 'Send', which is no action"):
        playing.say(CLIENT, b"a")


def test_what_is_no_session_is_named():
    """Before anything is played."""
    with pytest.raises(ContractBroken, match="implement"):
        Player(lambda flow: object(), FLOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "open tcp 40001"),
        ({"protocol": "udp", "count": 2, "parity": True}, "open udp 40001 count 2 parity"),
        ({"remote": None, "once": False, "lifetime": 30.5}, "open tcp 40001 for anybody again lifetime 30.5"),
    ],
)
def test_an_open_in_words(changes, words):
    """What is usual is left out."""
    assert shown(request(**changes), FLOW) == words
