r"""The operator's own conversation: expect and send in turn, in the language of chat(8).

    ["ABORT", "BUSY", "TIMEOUT", "30", "", "ATZ", "OK", "ATDT\\T", "CONNECT", "\\c"]

Expect strings may have alternatives, ``ogin:--ogin:`` (if it does not come, send a
return and expect it again).  In what is sent, ``\T`` is the number, ``\U`` the user
and ``\P`` the password, beside the escapes of chat(8); a string that holds ``\P`` or
``\q`` is never shown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ics_plugins.uplinks.dialup.plan import Order
from ics_plugins.uplinks.dialup.results import Kind, classify, printable
from ics_plugins.uplinks.dialup.steps import (
    Action,
    Chatter,
    Connected,
    Discard,
    Fact,
    Failed,
    Fault,
    Find,
    Found,
    Pause,
    Script,
    Stage,
    Write,
)

TIMEOUT = 45.0
"""Seconds that an expect string may take, until TIMEOUT says something else."""
MOST_ABORTS = 50
"""Abort strings at a time, as in chat(8)."""
DELAY, BLINK = 1.0, 0.1
r"""Seconds of \d and \p."""
LINE_WAIT = 0.5
"""Seconds for the rest of the line behind CONNECT: its speed."""

KEYWORDS = ("ABORT", "CLR_ABORT", "TIMEOUT", "SAY", "REPORT", "ECHO", "HANGUP")
"""Words that are followed by their argument; REPORT, ECHO and HANGUP have no effect here."""
_SIMPLE = {"b": "\b", "n": "\n", "N": "\0", "r": "\r", "s": " ", "t": "\t", "\\": "\\"}
_PIECE = re.compile(r"\\([0-7]{1,3}|.)|\^(.)|([^\\^]+)|(.)", re.DOTALL)


class BadChat(ValueError):
    """The script makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A keyword with its argument, an expect string, or a send string; ``place`` is that in the list."""

    word: str
    text: str = field(repr=False)
    place: int = 0


def parse(script: Sequence[str]) -> tuple[Command, ...]:
    """The script as commands.  Raises BadChat."""
    found: list[Command] = []
    expecting = True
    place = 0
    while place < len(script):
        word = script[place]
        if expecting and word in KEYWORDS:
            if place + 1 == len(script):
                raise BadChat(f"{word} has no argument")
            if word == "TIMEOUT" and not re.fullmatch(r"[1-9]\d{0,4}", script[place + 1]):
                raise BadChat(f"TIMEOUT {script[place + 1]} is no number of seconds")
            found.append(Command(word, script[place + 1], place + 1))
            place += 2
            continue
        found.append(Command("expect" if expecting else "send", word, place))
        expecting = not expecting
        place += 1
    for one in found:
        if one.word in ("send", "expect"):
            taken_apart(one.text, Order())
    return tuple(found)


def chat(order: Order) -> Script:
    """Carry out the operator's script."""
    yield Stage("calling " + order.number if order.number else "calling")
    yield Discard()
    aborts: list[bytes] = []
    timeout = TIMEOUT
    speed: int | None = None
    for one in parse(order.chat):
        match one.word:
            case "ABORT":
                aborts = [*aborts, expected(one.text)][:MOST_ABORTS]
            case "CLR_ABORT":
                aborts = [text for text in aborts if text != expected(one.text)]
            case "TIMEOUT":
                timeout = float(one.text)
            case "SAY":
                yield Stage(printable(one.text.encode("ascii", "replace"))[:60] or "calling")
            case "send":
                yield from _send(one.text, order)
            case "expect":
                failed = yield from _expect(one.text, order, tuple(aborts), timeout)
                if failed is not None:
                    return failed
                if "CONNECT" in one.text:
                    speed = yield from _speed()
    return Connected(speed)


def _speed() -> Chatter[int | None]:
    """The speed that stands behind CONNECT on its line, or None."""
    line: Found | None = yield Find((b"\r", b"\n"), LINE_WAIT)
    return None if line is None else classify("CONNECT " + printable(line.before)).speed


def _expect(text: str, order: Order, aborts: tuple[bytes, ...], timeout: float) -> Chatter[Failed | None]:
    """Wait for a string, sending what stands between dashes when it does not come; None, or a Failed."""
    parts = split_alternatives(text)
    wanted = ""
    for place in range(0, len(parts), 2):
        wanted = parts[place]
        if not wanted:
            return None
        found: Found | None = yield Find((expected(wanted), *aborts), timeout)
        if found is not None and not found.place:
            return None
        if found is not None:
            word = printable(aborts[found.place - 1])
            yield Fact("answer", word)
            fault = Fault.MODEM if classify(word).kind in (Kind.ERROR, Kind.NO_DIALTONE) else Fault.CALL
            return Failed(f"{order.number + ': ' if order.number else ''}{word} (ABORT in chat)", fault)
        if place + 1 < len(parts):
            yield from _send(parts[place + 1], order)
    return Failed(f"{shown(wanted)} did not come in {timeout:g} s (chat)", Fault.CALL)


def split_alternatives(text: str) -> list[str]:
    r"""``a-b-c`` as [a, b, c]; ``\-`` is a dash."""
    parts = re.split(r"(?<!\\)-", text)
    return [part.replace("\\-", "-") for part in parts]


def expected(text: str) -> bytes:
    """The octets that an expect or abort string stands for."""
    return _latin("".join(piece for piece in _pieces(text, Order()) if isinstance(piece, str)))


def shown(text: str) -> str:
    """An expect string for people."""
    return repr(text)


def _send(text: str, order: Order) -> Chatter[None]:
    yield from taken_apart(text, order)


def taken_apart(text: str, order: Order) -> list[Action | Pause]:
    r"""The steps of a send string; a return follows unless it holds ``\c``.  Raises BadChat for an unknown escape."""
    if text == "EOT":
        text = r"^D\c"
    secret = "\\P" in text or "\\q" in text
    steps: list[Action | Pause] = []
    octets = ""
    for piece in _pieces(text, order):
        if isinstance(piece, str):
            octets += piece
            continue
        if octets:
            steps.append(Write(_latin(octets), secret))
            octets = ""
        steps.append(piece)
    if "\\c" not in text:
        octets += "\r"
    if octets:
        steps.append(Write(_latin(octets), secret))
    return steps


def _pieces(text: str, order: Order) -> Iterator[str | Pause]:
    given = {"T": order.number, "U": order.user, "P": order.password}
    for escape, control, plain, lone in _PIECE.findall(text):
        if plain or lone:
            if lone:
                raise BadChat(f"{text[-1]} stands alone at the end of a string")
            yield plain
        elif control:
            yield chr(ord(control.upper()) ^ 0x40) if control != "^" else "^"
        elif escape[0] in "01234567":
            yield chr(int(escape, 8) & 0xFF)
        elif escape in _SIMPLE:
            yield _SIMPLE[escape]
        elif escape in given:
            yield given[escape]
        elif escape in "dp":
            yield Pause(DELAY if escape == "d" else BLINK)
        elif escape not in "cq-":
            raise BadChat(f"\\{escape} is no escape of a chat script")


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")
