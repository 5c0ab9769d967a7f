"""Which reply of a server answers which command of its client.  Pure.

Every command gets any number of preliminary replies and one final one, in the
order of the commands (RFC 959 section 4.2, 5.4); the first final reply is the
greeting.  Real servers leave some commands unanswered during a transfer and
give an extra reply now and then, so codes that fit only one kind of command
bring us back into step.  Answers of our own wait for their turn.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from ics_plugins.helpers.ftp.ports import Expectation
from ics_plugins.helpers.ftp.replies import Reply

__all__ = ["MAX_PENDING", "MAX_UNANSWERED", "Dialogue", "Kind", "Pending", "TooManyCommands"]

MAX_PENDING = 256
"""Commands without an answer that mean something: more than any client sends ahead, and a bound for one that only sends.

All others are only counted.
"""
MAX_UNANSWERED = 4096
"""Of those: a server may leave what keeps a session alive unanswered for hours of one transfer, but nobody is that patient."""


class TooManyCommands(Exception):
    """More than MAX_PENDING commands wait for an answer, or MAX_UNANSWERED that mean nothing to us."""


class Kind(Enum):
    """What a reply may mean to us."""

    GREETING = auto()
    OTHER = auto()
    PORT = auto()
    PASV = auto()
    EPSV = auto()
    AUTH = auto()
    TRANSFER = auto()
    OURS = auto()


ONLY = {
    227: Kind.PASV,
    229: Kind.EPSV,
    234: Kind.AUTH,
    334: Kind.AUTH,
    226: Kind.TRANSFER,
    425: Kind.TRANSFER,
    426: Kind.TRANSFER,
}
"""Codes that belong to the first pending command of this kind, if there is one.  Not 250: CWD gets that too."""
SUCCESS = {Kind.PASV: (227,), Kind.EPSV: (229,), Kind.AUTH: (234, 334, 335)}
"""Kinds for which no other positive reply makes sense."""


@dataclass(slots=True)
class Pending:
    """A command that waits for its final reply, or ``count`` of Kind.OTHER in a row.

    ``expectation`` is the port that it named (Kind.PORT), ``text`` our own answer (Kind.OURS), ``began`` tells that a
    transfer had its preliminary reply (Kind.TRANSFER).
    """

    kind: Kind
    expectation: Expectation | None = None
    text: bytes = b""
    count: int = 1
    began: bool = False


class Dialogue:
    """The commands that are not answered, oldest first."""

    def __init__(self) -> None:
        self._pending = deque([Pending(Kind.GREETING)])
        self._due: list[bytes] = []

    def __len__(self) -> int:
        return len(self._pending)

    def sent(self, pending: Pending) -> None:
        """A command went to the server (or will be answered by us).  Raises TooManyCommands."""
        last = self._pending[-1] if self._pending else None
        if last is not None and last.kind is pending.kind is Kind.OTHER:
            last.count += 1
            if last.count > MAX_UNANSWERED:
                raise TooManyCommands(f"{MAX_UNANSWERED} commands of the client are unanswered")
            return
        if len(self._pending) >= MAX_PENDING:
            raise TooManyCommands(f"{MAX_PENDING} commands of the client are unanswered")
        self._pending.append(pending)

    def waits_for(self, kind: Kind) -> bool:
        """Whether a command of this kind is unanswered."""
        return any(one.kind is kind for one in self._pending)

    def begins(self) -> None:
        """A preliminary reply: it is that of the first transfer, if there is one."""
        for one in self._pending:
            if one.kind is Kind.TRANSFER:
                one.began = True
                return

    def find(self, reply: Reply) -> Pending | None:
        """The command that this final reply answers; None for one that nobody waits for."""
        wanted = ONLY.get(reply.code)
        fitting = (one for one in self._pending if one.kind is wanted)
        theirs = (one for one in self._pending if one.kind is not Kind.OURS)
        found = next(fitting, None) or next(theirs, None)
        if found and reply.is_positive and reply.code not in SUCCESS.get(found.kind, (reply.code,)):
            return None
        return found

    def answered(self, pending: Pending) -> None:
        """``pending`` is over, and what the server left unanswered before it; our own answers are due then."""
        while self._pending:
            if self._pending[0] is pending and pending.count > 1:
                pending.count -= 1
                return
            one = self._pending.popleft()
            if one.kind is Kind.OURS:
                self._due.append(one.text)
            if one is pending:
                return

    def due(self) -> bytes:
        """Our own answers whose turn it is, once."""
        while self._pending and self._pending[0].kind is Kind.OURS:
            self._due.append(self._pending.popleft().text)
        texts, self._due = b"".join(self._due), []
        return texts
