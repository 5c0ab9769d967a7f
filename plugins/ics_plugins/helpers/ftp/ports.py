"""The ports that one session has opened for data connections, and those it has asked for.  Pure.

Usually there is one at a time: it is opened, the server hears of it (``agree``),
its transfer comes and goes (``done``).  Commands that are sent ahead may need
some more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ics_plugins.helpers.ftp.outbox import Outbox
from icsframework.values import Address, Close, Endpoint, Mapping, Open, Refused, Side

__all__ = ["LIFETIME", "MAX_OPEN", "Expectation", "Ports", "Question"]

LIFETIME = 600.0
"""Seconds an announced port waits for its transfer.  RFC 959 sets no time: a person may type PORT now and RETR later."""
MAX_OPEN = 8
"""Ports of one session at a time: one is usual, more only for commands that are sent ahead."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A port that was opened for a data connection; ``expires`` in seconds of the session's clock."""

    token: int
    expires: float


@dataclass(frozen=True, slots=True)
class Question:
    """An Open that is not answered, and what to do then."""

    token: int
    granted: Callable[[Expectation, Endpoint], None]
    refused: Callable[[], None]


class Ports:
    """``remote`` is the only one who may use them; what is to be done goes to ``out``.

    ``is_stale``: the port that the server was told last has expired before its transfer came.
    """

    def __init__(self, out: Outbox, remote: Address, lifetime: float) -> None:
        self._out, self._remote, self._lifetime = out, remote, lifetime
        self._questions: dict[Side, Question] = {}
        self._open: dict[int, Expectation] = {}
        self._current: Expectation | None = None
        self._tokens = 0
        self.is_stale = False

    def __len__(self) -> int:
        return len(self._open)

    # --- questions

    def ask(
        self,
        side: Side,
        to: Endpoint,
        granted: Callable[[Expectation, Endpoint], None],
        refused: Callable[[], None],
    ) -> None:
        """Open a port to ``to``; further lines of ``side`` wait for the answer."""
        if len(self._open) >= MAX_OPEN:
            refused()
            return
        self._tokens += 1
        self._questions[side] = Question(self._tokens, granted, refused)
        self._out.add(Open(self._tokens, "tcp", to, self._remote, lifetime=self._lifetime))

    def is_asked(self, side: Side) -> bool:
        """Whether the lines of ``side`` wait."""
        return side in self._questions

    def whose(self, token: Any) -> Side | None:
        """The side whose lines wait for the answer to this question."""
        return next((side for side, asked in self._questions.items() if asked.token == token), None)

    def answered(self, side: Side, result: Mapping | Refused, now: float) -> None:
        """The answer to the question of ``side``."""
        question = self._questions.pop(side)
        if isinstance(result, Refused):
            question.refused()
            return
        expires = now + self._lifetime if result.expires is None else result.expires
        expectation = self._open[question.token] = Expectation(question.token, expires)
        question.granted(expectation, result.external)

    # --- what is open

    def agree(self, expectation: Expectation | None) -> None:
        """The server knows of a data connection to make, through this port or (None) without us, and forgets the former."""
        self.done()
        if expectation is not None and expectation.token in self._open:
            self._current = expectation

    def done(self) -> None:
        """The transfer through the port that the server was told last is over."""
        if self._current is not None:
            self.close(self._current)

    def close(self, expectation: Expectation) -> None:
        """Give it back, if it is still there."""
        if self._open.pop(expectation.token, None) is not None:
            self._out.add(Close(expectation.token))
        if self._current is expectation:
            self._current = None

    def close_all(self) -> None:
        """Nothing is open any more."""
        for expectation in list(self._open.values()):
            self.close(expectation)

    def expire(self, now: float, in_use: bool) -> None:
        """Close what nobody came for in time; ``in_use``: a transfer runs, so it was not in vain."""
        for expectation in list(self._open.values()):
            if expectation.expires <= now:
                self.is_stale |= expectation is self._current and not in_use
                self.close(expectation)

    def deadline(self) -> float | None:
        """When ``expire`` has something to do."""
        return min((one.expires for one in self._open.values()), default=None)
