"""A small protocol and its session, for tests of what runs sessions: right in all that interfaces.py wants.

Lines end with LF.  ``CALL 4000`` of the client asks for a port to its port 4000 and names the external one to the
server, ``FORGET`` gives the last one back, ``ASIDE`` makes the session step aside.  Other lines pass.  Tests derive
from it what is wrong.
"""

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from icsframework.interfaces import ISession
from icsframework.values import (
    Action,
    Close,
    End,
    Endpoint,
    Flow,
    Mapping,
    Open,
    Refused,
    Send,
    Side,
    StepAside,
    StreamProxy,
)

__all__ = ["SAID", "LineSession", "line_proxy"]

MAX_LINE = 200
"""Bytes; a longer line ends the flow."""
PORT = 7
"""The port of its server."""
SAID = [
    (Side.SERVER, b"hello\n"),
    (Side.CLIENT, b"CALL 4000\n"),
    (Side.SERVER, b"called\n"),
    (Side.CLIENT, b"CALL 4001\n"),
    (Side.CLIENT, b"FORGET\n"),
    (Side.CLIENT, b"MORE\n"),
]
"""A conversation in which all that it does happens, but stepping aside."""


@implementer(ISession)
class LineSession:
    """See the module."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.held = b""
        self.waiting: bytes | None = None
        self.token = 0

    def received(self, side: Side, data: bytes, now: float) -> Sequence[Action]:
        """See ISession."""
        if side is Side.SERVER:
            return [Send(Side.CLIENT, data)]
        self.held += data
        return self.read()

    def read(self) -> list[Action]:
        """The whole lines, up to one that must wait."""
        actions: list[Action] = []
        while self.waiting is None and b"\n" in self.held:
            line, _, self.held = self.held.partition(b"\n")
            actions += self.line(line)
        if len(self.held) > MAX_LINE and self.waiting is None:
            actions.append(End("a line is too long"))
        return actions

    def line(self, line: bytes) -> list[Action]:
        """One of them."""
        word, _, number = line.partition(b" ")
        if word == b"CALL" and len(number) == 4 and number.isdigit() and int(number) >= 1024:
            self.waiting = line
            self.token += 1
            return [self.ask(int(number))]
        if line == b"FORGET" and self.token:
            return [Close(self.token)]
        if line == b"ASIDE":
            rest, self.held = self.held, b""
            return [Send(Side.SERVER, line + b"\n" + rest), StepAside()]
        return [Send(Side.SERVER, line + b"\n")]

    def ask(self, port: int) -> Open:
        """For the inside host and the peer of the flow, whatever else was said."""
        return Open(self.token, "tcp", Endpoint(self.flow.inside.address, port), self.flow.peer.address)

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> Sequence[Action]:
        """See ISession."""
        line, self.waiting = self.waiting or b"", None
        if isinstance(result, Mapping):
            line = b"CALL %d" % result.external.port
        return [Send(Side.SERVER, line + b"\n"), *self.read()]

    def closed(self, side: Side, now: float) -> Sequence[Action]:
        """See ISession."""
        return []

    def timeout(self, now: float) -> Sequence[Action]:
        """See ISession."""
        return []

    def deadline(self) -> float | None:
        """See ISession."""
        return None


def line_proxy(session: Any = LineSession, direction: Any = "outbound", fail: Any = "closed") -> StreamProxy:
    """The attachment of a helper with such sessions."""
    return StreamProxy((PORT,), session, direction, fail)
