"""What a session may answer."""

from ipaddress import ip_address

import pytest

from icsframework.helpers.answers import Nonsense, actions_of, deadline_of, shown
from icsframework.helpers.limits import MOST_ACTIONS, MOST_BYTES
from icsframework.values import Close, End, Endpoint, Open, Send, Side, StepAside

TO = Endpoint(ip_address("192.168.0.10"), 5000)


class Unspeakable:
    def __repr__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", [list, tuple])
def test_actions_pass_as_they_are(kind):
    """A list or tuple of actions is taken in its order."""
    actions = [Send(Side.CLIENT, b"x"), Open(1, "tcp", TO, None), Close(1), StepAside(), End("done")]
    assert actions_of(kind(actions), "received") == tuple(actions)
    assert actions_of(kind(), "received") == ()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "received() answered None, not a sequence"),
        (b"220 hello\r\n", "not a sequence"),
        ("220", "not a sequence"),
        (iter(()), "not a sequence"),
        (Send(Side.CLIENT, b"x"), "not a sequence"),
        ([b"x"], "which is no action"),
        ([Send], "which is no action"),
        ([Unspeakable()], "whose repr fails"),
        ([Send(Side.CLIENT, "text")], "a Send of 'text'"),
        ([Send(Side.CLIENT, bytearray(b"x"))], "a Send of bytearray"),
        ([Send("client", b"x")], "to 'client'"),
        ([Open([], "tcp", TO, None)], "the token []"),
        ([Close({})], "the token {}"),
        ([Open(1, "icmp", TO, None)], "not those of an Open"),
        ([Open(1, ["tcp"], TO, None)], "not those of an Open"),
        ([Open(1, "tcp", ("192.168.0.10", 5000), None)], "not those of an Open"),
        ([Open(1, "tcp", Endpoint(TO.address, "5000"), None)], "not those of an Open"),
        ([Open(1, "tcp", TO, None, count=True)], "not those of an Open"),
        ([Open(1, "tcp", TO, None, lifetime=float("nan"))], "not those of an Open"),
        ([Open(1, "tcp", TO, None, lifetime="60")], "not those of an Open"),
        ([StepAside()] * (MOST_ACTIONS + 1), "is the most"),
        ([Send(Side.CLIENT, b"x" * MOST_BYTES), Send(Side.SERVER, b"x")], "is the most"),
    ],
)
def test_anything_else_is_nonsense_and_the_sentence_says_what(answer, says):
    """Nothing of a wrong answer is taken."""
    with pytest.raises(Nonsense) as caught:
        actions_of(answer, "received")
    assert says in str(caught.value)


def test_a_deadline_is_a_time_or_none():
    """Whole seconds will do."""
    assert [deadline_of(None), deadline_of(3), deadline_of(2.5)] == [None, 3.0, 2.5]


@pytest.mark.parametrize("answer", ["soon", True, float("inf"), float("nan"), Unspeakable()])
def test_a_deadline_that_is_no_time(answer):
    """It would stop the clock of the flow."""
    with pytest.raises(Nonsense, match="not seconds or None"):
        deadline_of(answer)


def test_what_is_shown_is_short():
    """A log line stays one."""
    assert len(shown(b"x" * 10_000)) < 250
