"""A transcript is played in every way in which its bytes may arrive, and its failure shows both conversations."""

import pytest
from zope.interface import implementer

from icsframework.helpers.limits import Limits
from icsframework.interfaces import ISession
from icsframework.testing.flows import inbound
from icsframework.testing.stage import ContractBroken
from icsframework.testing.transcript import check_transcript
from icsframework.values import End, Endpoint, Mapping, Open, Send, Side, StepAside

CLIENT, SERVER = Side.CLIENT, Side.SERVER


@implementer(ISession)
class Shouter:
    """Passes lines of the client on in capitals, and knows some words.  It is right: the others derive from it."""

    def __init__(self, flow):
        self.flow, self.held, self.due = flow, b"", None

    def received(self, side, data, now):
        if side is SERVER:
            return [Send(CLIENT, data)]
        self.held += data
        return self.lines(now)

    def lines(self, now):
        done = []
        while b"\r\n" in self.held:
            line, _, self.held = self.held.partition(b"\r\n")
            done += self.line(line, now)
            if line.startswith(b"call "):
                break
        return done

    def line(self, line, now):
        if line.startswith(b"call "):
            to = Endpoint(self.flow.inside.address, int(line[5:]))
            return [Open(line, "tcp", to, self.flow.peer.address)]
        if line == b"stop":
            rest, self.held = self.held, b""
            return [Send(SERVER, b"STOP\r\n" + rest), StepAside()]
        if line == b"wait":
            self.due = now + 20
        if line == b"end":
            return [End("asked for")]
        return [Send(SERVER, line.upper() + b"\r\n")]

    def opened(self, token, result, now):
        told = b"%d" % result.external.port if isinstance(result, Mapping) else result.reason.encode()
        return [Send(SERVER, b"CALL " + told + b"\r\n"), *self.lines(now)]

    def closed(self, side, now):
        return [Send(SERVER, self.held)] if side is CLIENT and self.held else []

    def timeout(self, now):
        self.due = None
        return [Send(CLIENT, b"late\r\n")]

    def deadline(self):
        return self.due


WHOLE = r"""
    # a greeting
    S: 220 hello
    -> C: 220 hello
    C: one
    -> S: ONE
    C: call 5001
    -> open tcp 5001
    granted 52001
    -> S: CALL 52001
    C: call 22
    -> denied open tcp 22
    -> S: CALL port 22 is below 1024
    C: call 5002
    -> open tcp 5002
    refused none left
    -> S: CALL none left

    C: wait
    -> S: WAIT
    wait 19.5
    wait 1
    -> C: late
    S: \x00\xff\\ ü\
    -> C: \0\xff\\ \xc3\xbc\
    C: half\
    C closes
    -> S: half\
    S closes
"""


class HalfLine(Shouter):
    """Thinks that every piece is a line."""

    def received(self, side, data, now):
        return (
            [Send(SERVER, data.upper())]
            if side is CLIENT and data.endswith(b"\n")
            else super().received(side, data, now)
        )


class OneLine(Shouter):
    """Thinks that one line comes at a time, and reads the next when more arrives."""

    def lines(self, now):
        if b"\r\n" not in self.held:
            return []
        line, _, self.held = self.held.partition(b"\r\n")
        return self.line(line, now)


class Forgetful(Shouter):
    """Forgets what followed the line that made it step aside."""

    def line(self, line, now):
        return [Send(SERVER, b"STOP\r\n"), StepAside()] if line == b"stop" else super().line(line, now)


class Fragile(Shouter):
    """Cannot bear a piece of one byte."""

    def received(self, side, data, now):
        return super().received(side, data, now) if len(data) > 1 else 1 / 0


def refused(session, text, **more):
    """The sentence with which a transcript fails."""
    with pytest.raises(ContractBroken) as caught:
        check_transcript(session, text, **more)
    return str(caught.value)


def test_a_whole_conversation():
    """Everything that can stand in one."""
    check_transcript(Shouter, WHOLE)


def test_the_difference_is_shown():
    """What was expected and what came, between what went well."""
    assert refused(Shouter, "C: a\n-> S: A\nC: one\n-> S: TWO\n-> aside") == (
        "As it is written, the conversation goes another way (- expected, + found):\n"
        "  C: a\n  -> S: A\n  C: one\n- -> S: TWO\n+ -> S: ONE\n- -> aside"
    )


def test_what_is_not_expected_is_a_difference():
    """A transcript says everything that comes of a step, an empty one too."""
    assert "+ -> S: ONE" in refused(Shouter, "C: one")
    assert "+ -> open tcp 5001" in refused(Shouter, "C: call 5001\ngranted 5001\n-> S: CALL 5001")


def test_what_came_instead_of_an_open_is_shown():
    """A conversation that cannot go on ends with the difference, not with what is missing then."""
    assert refused(Shouter, "C: cal 5001\n-> open tcp 5001\ngranted 52001\n-> S: CALL 52001") == (
        "As it is written, the conversation goes another way (- expected, + found):\n"
        "  C: cal 5001\n- -> open tcp 5001\n+ -> S: CAL 5001"
    )


@pytest.mark.parametrize(
    ("session", "text", "what"),
    [
        (HalfLine, "C: one\n-> S: ONE", "Byte by byte"),
        (OneLine, "C: one\n-> S: ONE\nC: two\n-> S: TWO", "With what one side says in one piece"),
        (Forgetful, "C: stop\n-> S: STOP\n-> aside\nC: x\n-> S: x", "With what one side says in one piece"),
    ],
)
def test_each_way_of_arriving_finds_its_fault(session, text, what):
    """A session that works only for bytes as they are written is found out, and how they arrived is said."""
    assert refused(session, text).startswith(what)


def test_a_cut_is_shown():
    """With the place: here a session that is lost when a piece ends between CR and LF."""

    class Lost(Shouter):
        def received(self, side, data, now):
            if data.endswith(b"\r") and len(data) > 1:
                return [Send(SERVER, b"lost")]
            return super().received(side, data, now)

    sentence = refused(Lost, "C: one\n-> S: ONE\nC: two\n-> S: TWO")
    assert sentence.startswith("With a segment cut after ...one\\r, the conversation goes another way")


def test_the_order_of_what_is_pipelined_counts():
    """Lines that arrive together lead to the same, in the same order; two calls are answered one after the other."""
    text = "C: call 5001\n-> open tcp 5001\ngranted 6001\n-> S: CALL 6001\nC: call 5002\n-> open tcp 5002\nrefused no\n-> S: CALL no"
    check_transcript(Shouter, text)

    class Late(Shouter):
        def opened(self, token, result, now):
            return list(reversed(super().opened(token, result, now)))

    assert refused(Late, text).startswith("With what one side says in one piece")
    check_transcript(Late, text, together=False)


def test_what_a_session_raises_tells_where():
    """The exception itself, with a note."""
    with pytest.raises(ZeroDivisionError) as caught:
        check_transcript(Fragile, "C: one\n-> S: ONE")
    assert caught.value.__notes__ == ["Byte by byte, at: C: one"]


def test_an_inbound_flow_with_its_own_line_end_and_limits():
    """The flow says who is inside; the limits what it may have."""

    class Line(Shouter):
        def received(self, side, data, now):
            return super().received(side, data.replace(b"\n", b"\r\n"), now)

    check_transcript(
        Line,
        "C: call 5001\n-> denied open tcp 5001 because limits.expectations: 1 more ports, and 0 are free\n"
        "-> S: CALL limits.expectations: 1 more ports, and 0 are free\\r",
        flow=inbound(5000),
        line_end=b"\n",
        limits=Limits(expectations=0),
    )


def test_a_session_that_ends_the_flow():
    """The end is part of the conversation, and nothing follows it."""
    check_transcript(Shouter, "C: end\n-> end asked for")
    assert "the flow has ended" in refused(Shouter, "C: end\n-> end asked for\nS: x\n-> C: x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the transcript is empty"),
        ("-> S: x", "line 1 of the transcript: nothing has happened yet"),
        ("C: x\nX: y", "line 2 of the transcript is none of the forms: X: y"),
        ("C: a\\q", "\\q stands for nothing"),
        ("C: call 5001\n-> open tcp 5001", "the last open has no answer"),
        ("C: call 5001\n-> open tcp 5001\nC: x", "`open tcp 5001` is not answered"),
        ("granted 5001", "the session has asked for nothing"),
    ],
)
def test_a_mistake_in_a_transcript_is_named(text, sentence):
    """With its line."""
    assert sentence in refused(Shouter, text)
