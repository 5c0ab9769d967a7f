r"""A conversation through a NAT helper as a text, compared as a whole, however its bytes arrive.

    from icsframework.testing.transcript import check_transcript

    def test_the_server_calls_back():
        check_transcript(NuttcpSession, '''
            C: HELO nuttcp v6.1.2
            -> S: HELO nuttcp v6.1.2
            C: nstream = 1, port = 5001, trans = 0, udp = 0, reverse = 0
            -> open tcp 5001
            granted 42001
            -> S: nstream = 1, port = 42001, trans = 0, udp = 0, reverse = 0
            -> aside
            ''', flow=outbound(5000), line_end=b"\n")

What happens, one to a line:

    C: text           the client says a line (``line_end`` is added); S: the server
    C: text\          the same without the line's end
    C closes          the client sends nothing any more; or S closes
    granted 42001     what was asked for is granted: this external port (and those after it)
    refused           what was asked for cannot be had; a reason may follow
    wait 30           seconds pass; the session's timeout is called when it is due

and what comes of it, each after an arrow:

    -> S: text        bytes to the server, or to the client: C
    -> open tcp 5001  an Open that leads to this port of the host inside, for the peer only.  What is not usual
                      follows: count 3, for anybody, parity, again (not once), lifetime 30
    -> denied open tcp 22       the gateway refuses it by itself; `` because REASON`` may follow
    -> close tcp 5001           what led there is given back
    -> aside          the rest is relayed
    -> end reason     both sides are closed

``\r \n \t \\ \0`` and ``\x1f`` stand for those bytes; other characters for their UTF-8.  Spaces at both ends of a
line do not count.  ``# ...`` on a line of its own is a comment.

The conversation is played as it is written, byte by byte, with every segment cut in two at every place, and with
the segments that one side sends without hearing from the other in one piece; the outcome must be the same.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import ndiff
from itertools import pairwise

from icsframework.helpers.limits import Limits
from icsframework.testing.flows import outbound
from icsframework.testing.player import ASIDE, BECAUSE, OutOfStep, Player, Said
from icsframework.testing.stage import ContractBroken
from icsframework.values import Flow, SessionFactory, Side

__all__ = ["check_transcript"]

MAX_CUTS = 2000
"""Plays with a segment cut in two; of longer conversations every n-th place is tried."""
CONTEXT = 40
"""Bytes shown of what stands before a cut."""
SIDES = {"C": Side.CLIENT, "S": Side.SERVER}
LETTERS = {side: letter for letter, side in SIDES.items()}
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", "0": b"\0"}
STEP = re.compile(
    r"(?P<side>[CS]): ?(?P<text>.*)|(?P<closes>[CS]) closes|granted (?P<port>\d+)"
    r"|(?P<refused>refused) ?(?P<reason>.*)|wait (?P<seconds>\d+(?:\.\d+)?)"
)


@dataclass(slots=True)
class Step:
    """Something that happens, as it is written, and what comes of it.  ``pieces``: the bytes of what is said."""

    text: str
    pieces: list[bytes] = field(default_factory=list)
    comes: list[Said] = field(default_factory=list)

    @property
    def is_answer(self) -> bool:
        """Whether it answers an open."""
        return self.text.startswith(("granted", "refused"))

    @property
    def side(self) -> Side | None:
        """Who says something, or None."""
        return SIDES[self.text[0]] if self.pieces else None


@dataclass(frozen=True, slots=True)
class Play:
    """One way in which the bytes may arrive; ``written`` are the steps as they stand in the text."""

    what: str
    steps: list[Step]
    written: list[Step]

    def expected(self, happened: int, line_end: bytes) -> list[str]:
        """The conversation as written, as far as so many steps go."""
        return self.shown(self.written if self._joined else self.written[:happened], line_end)

    def shown(self, steps: list[Step], line_end: bytes) -> list[str]:
        """A conversation in its one form, as far as it must be the same when the bytes arrive in this way.

        At which byte a session steps aside is its own affair, and when segments arrive as one nobody can tell
        what came of which.
        """
        if self._joined:
            return list(_outcomes([said for step in steps for said in step.comes if said != ASIDE], line_end))
        hidden = None if self.steps is self.written else ASIDE
        return [
            line
            for step in steps
            for line in (step.text, *_outcomes([said for said in step.comes if said != hidden], line_end))
        ]

    @property
    def _joined(self) -> bool:
        return len(self.steps) < len(self.written)


def check_transcript(
    session: SessionFactory,
    text: str,
    *,
    flow: Flow | None = None,
    line_end: bytes = b"\r\n",
    limits: Limits | None = None,
    together: bool = True,
) -> None:
    """Play ``text`` with a session of its own for each way in which the bytes may arrive.

    ``flow`` is an outbound one to port 21 if not given (see flows.py), ``limits`` are the core's defaults.  Set
    ``together`` to False where the order of the outcome rightly depends on whether one side waits for the other.
    Raises ContractBroken with both conversations.  What the session raises comes through, with a note on what was played.
    """
    __tracebackhide__ = True  # pytest shows the test and the difference, nothing of this module
    steps = _read(text, line_end)
    for play in _plays(steps, together):
        player = Player(session, flow or outbound(21), limits)
        came, lost = _play(player, play)
        expected, found = play.expected(len(came), line_end), play.shown(came, line_end)
        if expected != found:
            difference = "\n".join(line for line in ndiff(expected, found) if not line.startswith("?"))
            raise ContractBroken(
                f"{play.what}, the conversation goes another way (- expected, + found):\n{difference}"
            )
        if lost is not None:
            raise lost


def _play(player: Player, play: Play) -> tuple[list[Step], OutOfStep | None]:
    """What came of each step, up to one that could not happen."""
    __tracebackhide__ = True
    came: list[Step] = []
    expected = {said for step in play.written for said in step.comes if isinstance(said, str)}
    for step in play.steps:
        try:
            came.append(Step(step.text, step.pieces, _brief(_happens(player, step), expected)))
        except OutOfStep as lost:
            return came, OutOfStep(f"{play.what}, at `{step.text}`: {lost}")
        except Exception as error:
            error.add_note(f"{play.what}, at: {step.text}")
            raise
    if player.asked is not None:
        return came, OutOfStep(f"{play.what}, the last open has no answer: write `granted PORT` or `refused`")
    return came, None


def _happens(player: Player, step: Step) -> list[Said]:
    if step.side is not None:
        return player.say(step.side, *step.pieces)
    word = STEP.fullmatch(step.text)
    assert word is not None
    if word["closes"]:
        return player.close(SIDES[word["closes"]])
    if word["port"]:
        return player.grant(int(word["port"]))
    if word["refused"]:
        return player.refuse(word["reason"] or "a test")
    return player.wait(float(word["seconds"]))


def _brief(came: list[Said], expected: set[str]) -> list[Said]:
    """Without the reasons of denials where the transcript does not give them."""
    return [_known(said, expected) if isinstance(said, str) else said for said in came]


def _known(said: str, expected: set[str]) -> str:
    short = said.partition(BECAUSE)[0]
    return short if short in expected else said


# --- the text


def _read(text: str, line_end: bytes) -> list[Step]:
    __tracebackhide__ = True
    steps: list[Step] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        arrow, _, outcome = line.partition("->")
        if not arrow:
            if not steps:
                raise ContractBroken(f"line {number} of the transcript: nothing has happened yet: {line}")
            steps[-1].comes.append(_outcome(outcome.strip(), line_end, number))
            continue
        step = STEP.fullmatch(line)
        if step is None:
            raise ContractBroken(f"line {number} of the transcript is none of the forms: {line}")
        pieces = [_bytes(step["text"], line_end, number)] if step["side"] else []
        steps.append(Step(line, pieces))
    if not steps:
        raise ContractBroken("the transcript is empty")
    return steps


def _outcome(text: str, line_end: bytes, number: int) -> Said:
    if text[:2] in ("C:", "S:"):
        return SIDES[text[0]], _bytes(text[2:].removeprefix(" "), line_end, number)
    return " ".join(text.split())


def _bytes(text: str, line_end: bytes, number: int) -> bytes:
    """What the text of a line stands for; a single backslash at its end takes the line's end away."""
    found = b""
    for part in re.findall(r"\\x[0-9a-fA-F]{2}|\\.?|[^\\]+", text):
        if part == "\\":
            return found
        if not part.startswith("\\"):
            found += part.encode()
        elif len(part) == 4:
            found += bytes.fromhex(part[2:])
        elif part[1] in ESCAPES:
            found += ESCAPES[part[1]]
        else:
            raise ContractBroken(
                f"line {number} of the transcript: {part} stands for nothing; write \\\\ for \\"
            )
    return found + line_end


def _outcomes(comes: Sequence[Said], line_end: bytes) -> Iterator[str]:
    """Bytes that go to the same side are one text, cut at its line ends."""
    for said in _merged(comes):
        if isinstance(said, str):
            yield f"-> {said}"
            continue
        side, data = said
        *lines, last = data.split(line_end)
        yield from (f"-> {LETTERS[side]}: {_text(line)}" for line in lines)
        if last:
            yield f"-> {LETTERS[side]}: {_text(last)}\\"


def _merged(comes: Sequence[Said]) -> list[Said]:
    merged: list[Said] = []
    for said in comes:
        before = merged[-1] if merged else ""
        if isinstance(said, str) or isinstance(before, str) or before[0] is not said[0]:
            merged.append(said)
        else:
            merged[-1] = (said[0], before[1] + said[1])
    return merged


def _text(data: bytes) -> str:
    names = {value[0]: f"\\{name}" for name, value in ESCAPES.items()}
    return "".join(names.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data)


# --- the ways in which it may arrive


def _plays(steps: list[Step], together: bool) -> Iterator[Play]:
    yield Play("As it is written", steps, steps)
    yield Play("Byte by byte", [_cut(step, *range(1, _size(step))) for step in steps], steps)
    places = [(number, place) for number, step in enumerate(steps) for place in range(1, _size(step))]
    for number, place in places[:: 1 + len(places) // MAX_CUTS]:
        cut = _cut(steps[number], place)
        what = f"With a segment cut after ...{_text(cut.pieces[0][-CONTEXT:])}"
        yield Play(what, [*steps[:number], cut, *steps[number + 1 :]], steps)
    joined = _joined(steps)
    if together and len(joined) < len(steps):
        yield Play("With what one side says in one piece", joined, steps)


def _size(step: Step) -> int:
    return sum(map(len, step.pieces))


def _cut(step: Step, *places: int) -> Step:
    data = b"".join(step.pieces)
    pieces = [data[first:last] for first, last in pairwise((0, *places, len(data)))]
    return Step(step.text, pieces if data else [], step.comes)


def _joined(steps: Sequence[Step]) -> list[Step]:
    """What a side says without hearing from the other is said at once; the answers to what it leads to come after it."""
    joined: list[Step] = []
    speech: Step | None = None
    for step in steps:
        if step.side is None:
            joined.append(step)
            speech = speech if step.is_answer else None
        elif speech is not None and speech.side is step.side:
            speech.text += f" {step.text[2:].strip()}"
            speech.pieces = [b"".join([*speech.pieces, *step.pieces])]
        else:
            speech = Step(step.text, step.pieces, step.comes)
            joined.append(speech)
    return joined
