r"""Conversations with a modem, as pure step machines.

A script is a generator.  It yields what it wants done (an Action), or what it
waits for (Answer, Pause, Find), and is resumed with what came; what it returns is
how the conversation ended.  ``Conversation`` runs it: octets and time in, actions
out.  Nothing here knows of serial lines or of a reactor::

    def script():
        yield Stage("initialising")
        yield Write(b"ATZ\r")
        result = yield Answer(3.0)      # a Result, or None when the time is over
        return Connected(None) if result else Failed("the modem does not answer", Fault.SILENT)
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from ics_plugins.uplinks.dialup.results import FINAL, Result, ResultReader

MAX_TEXT = 4096
"""Octets kept while a text is looked for: more than the longest login banner that a prompt follows."""


# --- what a script wants done


@dataclass(frozen=True, slots=True)
class Write:
    """Send these octets.  ``secret``: they hold one, and must not be shown."""

    data: bytes = field(repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Run the line at this speed, in bit/s; 0 hangs up."""

    speed: int


@dataclass(frozen=True, slots=True)
class Dtr:
    """Raise or drop DTR."""

    on: bool


@dataclass(frozen=True, slots=True)
class FlowControl:
    """Mind CTS and use RTS, or not."""

    on: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget what waits to be read and written."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A new step begins; a word or two for people."""

    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that status shows: ``signal``, ``operator``, ``modem`` ..."""

    name: str
    value: str | int


@dataclass(frozen=True, slots=True)
class PinRefused:
    """The SIM refused this PIN: it must not be sent again."""

    pin: str = field(repr=False)


# --- what a script waits for


@dataclass(frozen=True, slots=True)
class Answer:
    """The next Result within so many seconds; with ``final`` one that answers a command.  Resumed with it, or None."""

    seconds: float
    final: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """So many seconds; what comes meanwhile is dropped.  Resumed with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Find:
    """The first of ``texts`` that comes within so many seconds; resumed with a Found, or None."""

    texts: tuple[bytes, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """Which of the texts came, by its place, and what came before it."""

    place: int
    before: bytes


# --- how it ends


class Fault(Enum):
    """Why a conversation failed, for programs."""

    SILENT = "silent"
    """The modem does not answer at all."""
    MODEM = "modem"
    """The modem cannot, or will not."""
    CALL = "call"
    """This number did not answer; another, or another time, may."""
    SETTINGS = "settings"
    """It will not work until somebody changes something: a PIN, a SIM."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The other end is there.  ``speed`` as the modem says it; ``rest`` is what the peer has sent already."""

    speed: int | None
    rest: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not come about; ``reason`` is for people and holds no secret."""

    reason: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Done:
    """The conversation has done what it was for, and is not about a call."""


Action = Write | SetSpeed | FlowControl | Dtr | Discard | Stage | Fact | PinRefused
Wait = Answer | Pause | Find
Outcome = Connected | Failed | Done
T = TypeVar("T")
Chatter = Generator[Action | Wait, Any, T]
"""A part of a script, which comes to a T: used with ``yield from``."""
Script = Chatter[Outcome]


class Conversation:
    """Runs a script.  ``outcome`` is None until it has ended."""

    def __init__(self, script: Script) -> None:
        self.outcome: Outcome | None = None
        self.heard = ""
        """The last line of the modem."""
        self.reader = ResultReader()
        self._script = script
        self._wait: Wait | None = None
        self._until: float | None = None
        self._text = b""
        self._hidden = False

    def start(self, now: float) -> Sequence[Action]:
        """Begin."""
        return self._go(None, now)

    def receive(self, data: bytes, now: float) -> Sequence[Action]:
        """Octets from the modem."""
        if isinstance(self._wait, Pause) or self.outcome is not None:
            return ()
        if isinstance(self._wait, Find):
            self._text = (self._text + data)[-MAX_TEXT:]
        else:
            self.reader.feed(data)
        return self._look(now)

    def timeout(self, now: float) -> Sequence[Action]:
        """The time has come; it does no harm if it has not."""
        if self._until is None or now < self._until:
            return ()
        return self._go(None, now)

    def deadline(self) -> float | None:
        """When ``timeout`` is due."""
        return self._until

    def _look(self, now: float) -> Sequence[Action]:
        if isinstance(self._wait, Answer):
            return self._look_for_result(self._wait, now)
        if isinstance(self._wait, Find):
            return self._look_for_text(self._wait, now)
        return ()

    def _look_for_result(self, wait: Answer, now: float) -> Sequence[Action]:
        while (result := self.reader.next()) is not None:
            if result.kind in FINAL or not self._hidden:  # a bad echo of a secret is no answer either
                self.heard = result.text
            if not wait.final or result.kind in FINAL:
                return self._go(result, now)
        return ()

    def _look_for_text(self, wait: Find, now: float) -> Sequence[Action]:
        found = [(at, place) for place, text in enumerate(wait.texts) if (at := self._text.find(text)) >= 0]
        if not found:
            return ()
        at, place = min(found)
        before = self._text[:at]
        self._text = self._text[at + len(wait.texts[place]) :]
        return self._go(Found(place, before), now)

    def text(self) -> bytes:
        """What came behind the last text that was found; it is forgotten here."""
        text, self._text = self._text, b""
        return text

    def _go(self, answer: Result | Found | None, now: float) -> Sequence[Action]:
        """Resume the script until it waits for something that is not there yet, or ends."""
        actions: list[Action] = []
        self._until = None
        try:
            while True:
                step = self._script.send(answer)
                answer = None
                if isinstance(step, Answer | Pause | Find):
                    self._wait, self._until = step, now + step.seconds
                    return (*actions, *self._look(now))
                if isinstance(step, Write):
                    self.reader.sent(step.data)
                    self._hidden = step.secret
                actions.append(step)
        except StopIteration as end:
            self._wait = None
            self.outcome = self._with_rest(end.value)
        return tuple(actions)

    def _with_rest(self, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Connected):
            return outcome
        return Connected(outcome.speed, outcome.rest + self.reader.rest() + self.text())
