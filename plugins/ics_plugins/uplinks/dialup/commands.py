"""What the scripts for Hayes and for cellular modems have in common: waking the modem, commands, the call itself."""

from ics_plugins.uplinks.dialup.results import Kind, Result
from ics_plugins.uplinks.dialup.steps import (
    Answer,
    Chatter,
    Connected,
    Discard,
    Fact,
    Failed,
    Fault,
    Pause,
    Stage,
    Write,
)

ANSWER = 3.0
"""Seconds for the answer to a command that the modem answers by itself; slow ones take one."""
GUARD = 1.1
"""Seconds of silence around +++ (register S12, usually 1 s)."""
ABORT = 3.0
"""Seconds that a modem may take to give up a call it was told to."""
MOST_LINES = 32
"""Lines behind a query: an answer has a few, and what a modem tells unasked comes seldom."""
TRIES = 3
"""Times a modem is spoken to until it counts as dead."""

WHY = {
    Kind.NO_CARRIER: "no modem answered there (NO CARRIER)",
    Kind.ERROR: "the modem refused to call it (ERROR)",
    Kind.NO_DIALTONE: "there is no dial tone; is the telephone cable plugged in?",
    Kind.BUSY: "the line is busy",
    Kind.NO_ANSWER: "nobody answered",
    Kind.REFUSED: "the modem will not call this number again for now",
    Kind.OK: "the modem answered OK instead of calling",
}
"""What each answer to a call means for people."""


def command(text: str, seconds: float = ANSWER, secret: bool = False) -> Chatter[Result | None]:
    """Send a command; the Result that ends its answer, or None."""
    yield Write(text.encode("ascii", "replace") + b"\r", secret)
    result: Result | None = yield Answer(seconds)
    return result


def query(text: str, prefix: str, seconds: float = ANSWER) -> Chatter[tuple[str, Result | None]]:
    """Send a command that asks for something; the last line that begins with ``prefix``, without it, and the Result.

    A modem that goes on talking has not answered.
    """
    yield Write(text.encode("ascii") + b"\r")
    found = ""
    for _ in range(MOST_LINES):
        result: Result | None = yield Answer(seconds, final=False)
        if result is None or result.kind not in (Kind.OTHER, Kind.RING):
            return found, result
        if result.text.startswith(prefix):
            found = result.text.removeprefix(prefix).strip()
    return "", None


def is_ok(result: Result | None) -> bool:
    """True if the modem did it."""
    return result is not None and result.kind is Kind.OK


def wake(reset: bool) -> Chatter[Failed | None]:
    """Bring the modem into a known state; None, or a Failed.

    It may still be in a call, or in the middle of a command that somebody else began: so ATZ more than once, and
    +++ in between.  ``reset`` takes the factory's settings instead of the stored ones.
    """
    yield Stage("initialising")
    yield Discard()
    for attempt in range(TRIES):
        if attempt == 1:
            yield from escape()
        answer = yield from command("ATZ")
        if answer is None:
            continue
        if reset:
            yield from command("AT&F")
        # Words, no echo; what CONNECT says, and waiting for the dial tone, is what the modem was set to.
        answer = yield from command("ATE0V1Q0")
        if is_ok(answer):
            return None
    if answer is None:
        return Failed("the modem does not answer; is it switched on, and speed: right?", Fault.SILENT)
    return Failed(f"the modem refuses ATE0V1Q0 with {answer.text}", Fault.MODEM)


def escape() -> Chatter[None]:
    """+++ between two silences, which makes a modem in a call listen, and ATH."""
    yield Pause(GUARD)
    yield Write(b"+++")
    yield Answer(GUARD + 0.5)
    yield from command("ATH")


def prepare(commands: tuple[str, ...]) -> Chatter[Failed | None]:
    """The operator's own commands; None, or a Failed."""
    for text in commands:
        answer = yield from command(text)
        if answer is None:
            return Failed(f"the modem does not answer {text} (init)", Fault.SILENT)
        if answer.kind is not Kind.OK:
            return Failed(f"the modem refuses {text} (init) with {answer.text}", Fault.MODEM)
    return None


def call(dial: str, number: str, seconds: float) -> Chatter[Connected | Failed]:
    """Dial; a Connected or a Failed."""
    yield Stage(f"calling {number}")
    yield Write(f"{dial}{number}\r".encode("ascii", "replace"))
    result: Result | None = yield Answer(seconds)
    if result is None:
        return (yield from _give_up(number, seconds))
    yield Fact("answer", result.text)
    if result.kind is Kind.CONNECT:
        return Connected(result.speed)
    return failed_call(number, result)


def failed_call(number: str, result: Result) -> Failed:
    """What an answer other than CONNECT means."""
    fault = Fault.MODEM if result.kind in (Kind.ERROR, Kind.OK, Kind.NO_DIALTONE) else Fault.CALL
    return Failed(f"{number}: {WHY.get(result.kind, result.text)}", fault)


def _give_up(number: str, seconds: float) -> Chatter[Failed]:
    """Any key ends the dialling; a modem that does not even notice is dead."""
    yield Write(b"\r")
    result: Result | None = yield Answer(ABORT)
    if result is None:
        return Failed(f"{number}: the modem said nothing for {seconds:g} s", Fault.SILENT)
    return Failed(f"{number}: nobody answered in {seconds:g} s (dial_timeout)", Fault.CALL)
