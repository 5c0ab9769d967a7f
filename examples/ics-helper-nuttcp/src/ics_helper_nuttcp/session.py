"""What becomes of a control connection: the call is held back until the gateway has ports for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from zope.interface import implementer

from ics_helper_nuttcp.protocol import GREETING, LOWEST_PORT, MAX_LINE, Call, read_call, with_port
from icsframework.interfaces import ISession
from icsframework.values import Action, Close, Endpoint, Flow, Mapping, Open, Refused, Send, Side, StepAside

__all__ = ["TRIES", "NuttcpSession"]

TRIES = 5
"""Ports asked for before one that the server will not call is taken."""


@implementer(ISession)
class NuttcpSession:
    """One control connection: waits for the call, has ports opened for it, and puts them into the line."""

    def __init__(self, flow: Flow) -> None:
        self._inside = flow.inside.address
        self._peer = flow.peer.address
        self._held = b""
        """What the client said and the server was not told yet."""
        self._greeted = False
        self._call: Call | None = None
        self._line = b""
        """The line that waits for its port."""

    def received(self, side: Side, data: bytes, now: float) -> Sequence[Action]:
        """See ISession."""
        if side is Side.SERVER:
            return [Send(Side.CLIENT, data)]
        self._held += data
        return list(self._read())

    def _read(self) -> Iterator[Action]:
        while not self._line and b"\n" in self._held:
            line, _, self._held = self._held.partition(b"\n")
            self._call = read_call(line)
            if self._call is not None:
                self._line = line + b"\n"
                yield self._ask(self._call, 1)
            elif line.startswith(GREETING) and not self._greeted:
                self._greeted = True
                yield Send(Side.SERVER, line + b"\n")
            else:
                yield from self._aside(line + b"\n")
        if len(self._held) > MAX_LINE:
            yield from self._aside(b"")

    def _ask(self, call: Call, number: int) -> Open:
        to = Endpoint(self._inside, call.port)
        return Open(number, call.protocol, to, self._peer, call.streams)

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> Sequence[Action]:
        """See ISession.  Refused, the line stays as it is: the call will fail, and nuttcp says so."""
        if (
            self._call
            and isinstance(result, Mapping)
            and result.external.port < LOWEST_PORT
            and token < TRIES
        ):
            return [Close(token), self._ask(self._call, token + 1)]
        line, self._line = self._line, b""
        return self._aside(with_port(line, result.external.port) if isinstance(result, Mapping) else line)

    def _aside(self, line: bytes) -> Sequence[Action]:
        """Nothing more to watch for."""
        rest, self._held = self._held, b""
        return [Send(Side.SERVER, line + rest), StepAside()]

    def closed(self, side: Side, now: float) -> Sequence[Action]:
        """See ISession."""
        held, self._held = self._held, b""
        return [Send(Side.SERVER, held)] if side is Side.CLIENT and held else []

    def timeout(self, now: float) -> Sequence[Action]:
        """See ISession."""
        return []

    def deadline(self) -> float | None:
        """See ISession."""
        return None
