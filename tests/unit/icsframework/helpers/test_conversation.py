"""One flow and its session: whole conversations, as effects."""

from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.helpers.conversation import FAILED, Conversation
from icsframework.helpers.effects import Broken, Denied, Fin, Release
from icsframework.helpers.limits import MOST_BYTES, MOST_CALLS, Limits
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER, outbound
from icsframework.values import Close, End, Endpoint, Mapping, Open, Refused, Send, Side, StepAside

CLIENT, SERVER = Side.CLIENT, Side.SERVER
FLOW = outbound(21)


class Scripted:
    """Answers what stands in ``answers`` for (method, first argument), else passes on; keeps every call in ``heard``."""

    def __init__(self, answers=None):
        self.answers = dict(answers or {})
        self.heard = []
        self.due = None

    def _answer(self, method, key, default):
        self.heard.append((method, key))
        answer = self.answers.get((method, key), default)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def received(self, side, data, now):
        return self._answer("received", data, [Send(side.other, data)])

    def opened(self, token, result, now):
        self.heard.append(result)
        return self._answer("opened", token, [Send(SERVER, f"<{token}>".encode())])

    def closed(self, side, now):
        return self._answer("closed", side, [])

    def timeout(self, now):
        return self._answer("timeout", now, [])

    def deadline(self):
        return self.due


def ask(token, port=5000, **more):
    return Open(token, "tcp", Endpoint(INSIDE, port), PEER, **more)


def mapping(port=5000, expires=None, count=1):
    return Mapping(
        "tcp", "cable", Endpoint(OUTSIDE, port), Endpoint(INSIDE, port), PEER, "ftp", expires, count, True
    )


def talk(answers=None, fail="closed", limits=None):
    session = Scripted(answers)
    conversation = Conversation(session, FLOW, limits or Limits(), fail)
    assert conversation.begin(0.0) == []
    return conversation, session


# --- bytes and their order


def test_only_what_the_session_sends_goes_on():
    """Bytes are not passed by; an empty Send is nothing."""
    talking, _ = talk({("received", b"secret"): [Send(CLIENT, b"no"), Send(SERVER, b"")]})
    assert talking.received(CLIENT, b"hello", 1.0) == [Send(SERVER, b"hello")]
    assert talking.received(CLIENT, b"secret", 2.0) == [Send(CLIENT, b"no")]


def test_what_opened_answers_stands_where_its_open_stood():
    """The actions behind an Open wait for it, and so does all input; then everything comes in order."""
    talking, session = talk(
        {
            ("received", b"go"): [
                Send(SERVER, b"1"),
                ask("a"),
                Send(SERVER, b"2"),
                ask("b"),
                Send(SERVER, b"3"),
            ]
        }
    )
    assert talking.received(CLIENT, b"go", 1.0) == [Send(SERVER, b"1"), ask("a")]
    assert not talking.reading
    assert talking.received(CLIENT, b"late", 1.0) == []
    assert talking.closed(CLIENT, 1.0) == []
    assert talking.opened("a", mapping(), 2.0) == [Send(SERVER, b"<a>"), Send(SERVER, b"2"), ask("b")]
    assert talking.opened("b", Refused("full"), 3.0) == [
        Send(SERVER, b"<b>"),
        Send(SERVER, b"3"),
        Send(SERVER, b"late"),
        Fin(SERVER),
    ]
    assert session.heard == [
        ("received", b"go"),
        mapping(),
        ("opened", "a"),
        Refused("full"),
        ("opened", "b"),
        ("received", b"late"),
        ("closed", CLIENT),
    ]


def test_an_open_answered_with_an_open():
    """A session that tries another port goes on where it stood."""
    talking, _ = talk({("received", b"go"): [ask(1), Send(SERVER, b"end")], ("opened", 1): [ask(2)]})
    assert talking.received(CLIENT, b"go", 1.0) == [ask(1)]
    assert talking.opened(1, Refused("taken"), 1.0) == [ask(2)]
    assert talking.opened(2, mapping(), 1.0) == [Send(SERVER, b"<2>"), Send(SERVER, b"end")]


def test_a_timeout_reaches_the_session_while_an_open_is_unanswered():
    """What it says then comes behind what waits already."""
    talking, _ = talk(
        {("received", b"go"): [ask(1), Send(SERVER, b"x")], ("timeout", 5.0): [Send(CLIENT, b"slow")]}
    )
    talking.received(CLIENT, b"go", 1.0)
    assert talking.timeout(5.0) == []
    assert talking.opened(1, mapping(), 6.0) == [
        Send(SERVER, b"<1>"),
        Send(SERVER, b"x"),
        Send(CLIENT, b"slow"),
    ]


def test_the_deadline_is_that_after_the_last_call():
    """And there is none for who has stepped aside."""
    talking, session = talk({("received", b"tls"): [StepAside()]})
    assert talking.deadline is None
    session.due = 30
    talking.received(CLIENT, b"x", 1.0)
    assert talking.deadline == 30.0
    talking.received(CLIENT, b"tls", 2.0)
    assert talking.deadline is None
    assert talking.timeout(30.0) == []


def test_the_first_deadline_is_known_before_anybody_speaks():
    """A session may wait for a greeting."""
    session = Scripted()
    session.due = 10.0
    talking = Conversation(session, FLOW, Limits())
    assert (talking.begin(0.0), talking.deadline) == ([], 10.0)


@given(
    st.lists(st.tuples(st.sampled_from(list(Side)), st.binary(min_size=1, max_size=8)), max_size=20),
    st.randoms(use_true_random=False),
)
def test_any_split_of_the_input_gives_the_same_output(said, random: Random):
    """For a session that passes everything on, and for one that has stepped aside."""
    for first in ({}, {("received", b"!"): [StepAside()]}):
        outputs = []
        for _ in range(2):
            talking, _ = talk(first)
            talking.received(CLIENT, b"!", 0.0)
            came = dict.fromkeys(Side, b"")
            for side, data in said:
                while data:
                    size = random.randint(1, len(data))
                    for effect in talking.received(side, data[:size], 1.0):
                        came[effect.side] += effect.data
                    data = data[size:]
            outputs.append(came)
        expected = {side: b"".join(data for from_, data in said if from_ is side.other) for side in Side}
        assert outputs == [expected, expected]


# --- half-close and end


@pytest.mark.parametrize(("first", "second"), [(CLIENT, SERVER), (SERVER, CLIENT)])
def test_each_half_closes_for_itself(first, second):
    """A FIN goes on after the last words of the session; the other direction goes on; then all is over."""
    talking, session = talk({("closed", first): [Send(first.other, b"bye")]})
    assert talking.closed(first, 1.0) == [Send(first.other, b"bye"), Fin(first.other)]
    assert talking.received(second, b"still here", 2.0) == [Send(first, b"still here")]
    assert talking.received(first, b"ghost", 2.0) == []
    assert talking.closed(first, 2.0) == []
    assert not talking.over
    assert talking.closed(second, 3.0) == [Fin(second.other)]
    assert talking.over
    assert [call for call in session.heard if call[0] == "closed"] == [("closed", first), ("closed", second)]


def test_after_a_fin_nothing_is_sent():
    """A session that does not know that it is too late cannot harm."""
    talking, _ = talk({("received", b"x"): [Send(SERVER, b"y"), Send(CLIENT, b"z")]})
    talking.closed(CLIENT, 1.0)
    assert talking.received(SERVER, b"x", 2.0) == [Send(CLIENT, b"z")]


def test_end_is_the_last():
    """What stands behind it is not carried out, and nobody is heard any more."""
    talking, session = talk(
        {("received", b"quit"): [Send(CLIENT, b"bye"), End("said so"), Send(CLIENT, b"?")]}
    )
    assert talking.received(CLIENT, b"quit", 1.0) == [Send(CLIENT, b"bye"), End("said so")]
    assert (talking.over, talking.reading, talking.deadline) == (True, False, None)
    assert talking.received(CLIENT, b"x", 2.0) + talking.closed(CLIENT, 2.0) + talking.timeout(2.0) == []
    assert session.heard == [("received", b"quit")]


def test_stepping_aside_is_a_relay_with_halves():
    """The session is not called again; what it said before is; ports it opened stay until the flow ends."""
    talking, session = talk({("received", b"tls"): [ask(1), StepAside(), Send(SERVER, b"tls"), ask(2)]})
    talking.received(CLIENT, b"tls", 1.0)
    assert talking.opened(1, mapping(), 1.0) == [Send(SERVER, b"<1>"), StepAside(), Send(SERVER, b"tls")]
    assert talking.relaying
    heard = list(session.heard)
    assert talking.received(CLIENT, b"\x16\x03", 1.0) == [Send(SERVER, b"\x16\x03")]
    assert talking.closed(CLIENT, 1.0) == [Fin(SERVER)]
    assert talking.received(SERVER, b"\x15", 1.0) == [Send(CLIENT, b"\x15")]
    assert talking.expectations(1.0) == 1
    assert talking.closed(SERVER, 1.0) == [Fin(CLIENT)]
    assert session.heard == heard
    assert talking.finish() == [Release(mapping())]


def test_without_a_session_everything_is_relayed():
    """From the first byte."""
    talking = Conversation(None, FLOW, Limits())
    assert talking.begin(0.0) == []
    assert talking.received(SERVER, b"220\r\n", 0.0) == [Send(CLIENT, b"220\r\n")]
    assert talking.closed(SERVER, 0.0) + talking.closed(CLIENT, 0.0) == [Fin(CLIENT), Fin(SERVER)]
    assert talking.over


@given(st.permutations(["closed client", "closed server", "opened", "timeout", "more", "finish"]))
def test_any_order_of_ends_gives_everything_back(order):
    """Whatever comes first, in the end nothing is open and nothing is said."""
    talking, _ = talk({("received", b"go"): [ask("kept"), ask("asked"), Send(SERVER, b"x")]})
    talking.received(CLIENT, b"go", 1.0)
    talking.opened("kept", mapping(5000), 1.0)
    effects = []
    for what in order:
        effects += {
            "closed client": lambda: talking.closed(CLIENT, 2.0),
            "closed server": lambda: talking.closed(SERVER, 2.0),
            "opened": lambda: talking.opened("asked", mapping(6000), 2.0),
            "timeout": lambda: talking.timeout(2.0),
            "more": lambda: talking.received(SERVER, b"y", 2.0),
            "finish": talking.finish,
        }[what]()
    released = {effect.mapping for effect in effects if isinstance(effect, Release)}
    assert released == {mapping(5000), mapping(6000)}
    assert (talking.over, talking.reading, talking.expectations(2.0)) == (True, False, 0)


# --- external ports


@pytest.mark.parametrize(
    "request_",
    [
        ask(1, 22),
        Open(1, "tcp", Endpoint(ip_address("192.168.0.11"), 5000), PEER),
        Open(1, "tcp", Endpoint(INSIDE, 5000), None),
        ask(1, count=33),
    ],
)
def test_what_a_session_may_not_have_is_refused_here(request_):
    """The session is told, and goes on where it stood; nobody else hears of it."""
    talking, session = talk({("received", b"go"): [request_, Send(SERVER, b"end")]})
    denied, *rest = talking.received(CLIENT, b"go", 1.0)
    assert isinstance(denied, Denied) and denied.request == request_
    assert rest == [Send(SERVER, b"<1>"), Send(SERVER, b"end")]
    assert session.heard[1] == Refused(denied.reason)
    assert talking.reading


def test_a_token_names_one_port():
    """The second Open with it is refused until the first is closed."""
    talking, _ = talk(
        {("received", b"go"): [ask(1)], ("received", b"stop"): [Close(1), Close(1), Close("unknown")]}
    )
    talking.received(CLIENT, b"go", 1.0)
    talking.opened(1, mapping(), 1.0)
    assert isinstance(talking.received(CLIENT, b"go", 2.0)[0], Denied)
    assert talking.received(CLIENT, b"stop", 3.0) == [Release(mapping())]
    assert talking.received(CLIENT, b"go", 4.0) == [ask(1)]


def test_ports_are_bounded_and_free_again_when_their_time_is_over():
    """limits.expectations counts ports, not Opens; what has expired is given back at the next Open."""
    talking, _ = talk(
        {("received", b"a"): [ask("a", count=2)], ("received", b"b"): [ask("b", count=2)]},
        limits=Limits(expectations=3),
    )
    talking.received(CLIENT, b"a", 1.0)
    assert talking.expectations(1.0) == 2
    talking.opened("a", mapping(expires=60.0, count=2), 1.0)
    denied = talking.received(CLIENT, b"b", 59.0)[0]
    assert "limits.expectations: 2 more ports, and 1 are free" in denied.reason
    assert talking.expectations(60.0) == 0
    assert talking.received(CLIENT, b"b", 60.0) == [
        Release(mapping(expires=60.0, count=2)),
        ask("b", count=2),
    ]


def test_an_answer_that_nobody_waits_for_is_given_back():
    """To an Open that was given up, or twice."""
    talking, session = talk({("received", b"go"): [ask(1)]})
    assert talking.opened(9, mapping(), 1.0) == [Release(mapping())]
    talking.received(CLIENT, b"go", 1.0)
    assert talking.opened(9, Refused("x"), 1.0) == []
    assert not talking.reading
    talking.finish()
    assert talking.opened(1, mapping(), 2.0) == [Release(mapping())]
    assert session.heard == [("received", b"go")]


# --- sessions that fail


FAULTS = [
    {("received", b"PORT"): ZeroDivisionError("oops")},
    {("received", b"PORT"): None},
    {("received", b"PORT"): [Send(SERVER, b"half"), "nonsense"]},
    {("received", b"PORT"): [ask(1), Send(SERVER, b"after")], ("opened", 1): ZeroDivisionError("oops")},
]


@pytest.mark.parametrize("answers", FAULTS)
def test_closed_a_failing_session_ends_its_flow(answers):
    """Nothing of a wrong answer has gone out."""
    talking, _ = talk(answers)
    effects = talking.received(CLIENT, b"PORT", 1.0)
    if effects == [ask(1)]:
        effects = talking.opened(1, Refused("no"), 1.0)
    broken, end = effects
    assert isinstance(broken, Broken) and end == End(FAILED)
    assert talking.over


@pytest.mark.parametrize("answers", FAULTS)
def test_open_a_failing_session_leaves_its_flow_untouched(answers):
    """What it had taken and not passed on goes first, its piece from before as well; it is not called again."""
    talking, session = talk({("received", b"my "): [], **answers}, fail="open")
    assert talking.received(CLIENT, b"my ", 1.0) == []
    effects = talking.received(CLIENT, b"PORT", 1.0)
    if effects == [ask(1)]:
        assert talking.received(SERVER, b"queued", 1.0) == []
        effects = talking.opened(1, mapping(), 1.0)
        assert effects.pop() == Send(CLIENT, b"queued")
    broken, *rest = effects
    assert isinstance(broken, Broken)
    assert rest == [StepAside(), Send(SERVER, b"my PORT")]
    heard = len(session.heard)
    assert talking.received(CLIENT, b"PORT", 1.0) == [Send(SERVER, b"PORT")]
    assert len(session.heard) == heard


def test_the_error_comes_with_its_traceback():
    """For the log."""
    talking, _ = talk({("received", b"x"): ZeroDivisionError("oops")})
    broken = talking.received(CLIENT, b"x", 1.0)[0]
    assert broken.reason == "it raised ZeroDivisionError('oops')"
    assert broken.error.__traceback__ is not None


@pytest.mark.parametrize("fail", ["open", "closed"])
@pytest.mark.parametrize("method", ["closed", "timeout"])
def test_failing_anywhere_else(method, fail):
    """A half that closed is closed on the other side all the same."""
    talking, _ = talk({("closed", CLIENT): KeyError(1), ("timeout", 1.0): KeyError(1)}, fail)
    effects = talking.closed(CLIENT, 1.0) if method == "closed" else talking.timeout(1.0)
    assert isinstance(effects[0], Broken)
    last = Fin(SERVER) if method == "closed" else StepAside()
    assert effects[-1] == (last if fail == "open" else End(FAILED))


def test_failing_while_an_open_is_unanswered_forgets_no_half():
    """The FIN that waited behind the Open goes on, and the port that comes too late is given back."""
    talking, _ = talk({("closed", CLIENT): [ask(1)], ("timeout", 2.0): KeyError(1)}, "open")
    assert talking.closed(CLIENT, 1.0) == [ask(1)]
    effects = talking.timeout(2.0)
    assert effects[1:] == [StepAside(), Fin(SERVER)]
    assert talking.opened(1, mapping(), 3.0) == [Release(mapping())]


@pytest.mark.parametrize("due", ["soon", float("nan"), KeyError])
def test_a_deadline_that_is_none_fails_the_session(due):
    """At the beginning as well."""
    session = Scripted()
    session.due = due
    talking = Conversation(session, FLOW, Limits())
    assert [type(effect) for effect in talking.begin(0.0)] == [Broken, End]


def test_a_session_that_never_stops_asking():
    """One that answers every refusal with the same Open is ended, not followed."""
    talking, _ = talk({("received", b"go"): [ask(1, 22)], ("opened", 1): [ask(1, 22)]})
    *denied, broken, end = talking.received(CLIENT, b"go", 1.0)
    assert (len(denied), broken.reason, end) == (MOST_CALLS, "it asks without end", End(FAILED))


def test_what_waits_for_an_open_is_bounded():
    """A session cannot fill the memory while the gateway answers."""
    half = Send(CLIENT, b"x" * (MOST_BYTES // 2))
    talking, _ = talk({("received", b"go"): [ask(1)], **{("timeout", float(n)): [half] for n in range(4)}})
    talking.received(CLIENT, b"go", 0.0)
    assert talking.timeout(0.0) + talking.timeout(1.0) == []
    assert isinstance(talking.timeout(2.0)[0], Broken)
