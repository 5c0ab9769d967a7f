"""nuttcp's control channel, and the one line of it that a NAT breaks.

The client connects to port 5000 of the server and says two lines, each ended by LF (as nuttcp 6.1.2 does; its
source is the only specification)::

    HELO nuttcp v6.1.2
    buflen = 65536, ..., nstream = 3, ..., port = 5001, trans = 0, ..., udp = 0, ..., reverse = 0, ...

The data goes another way: whoever transmits connects to the other's ``port``, one connection for each of
``nstream`` ports from there on.  ``trans`` says that the client transmits, ``reverse`` that the receiver connects
instead.  When the server is the one to connect, it calls the address that the control connection came from.
Behind a NAT that is the gateway's, where nobody waits for the call.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zope.interface import implementer

from icsframework.interfaces import ISession
from icsframework.values import (
    Action,
    Endpoint,
    Flow,
    Mapping,
    Open,
    Protocol,
    Refused,
    Send,
    Side,
    StepAside,
)

__all__ = ["Call", "NuttcpSession", "read_call", "with_port"]

MAX_LINE = 1024
"""Bytes; nuttcp's longest line has some 400.  What is longer is not nuttcp."""
NOBODY = b"_NULL_"
"""The value of ``thirdparty`` when there is none: else the test runs between two other hosts."""


@dataclass(frozen=True, slots=True)
class Call:
    """The server is to connect to ``streams`` consecutive ports of the client, ``port`` being the first."""

    protocol: Protocol
    port: int
    streams: int


def read_call(line: bytes) -> Call | None:
    """The call that a line of the client announces; None if it announces none."""
    pairs = [tuple(map(bytes.strip, pair.split(b"="))) for pair in line.split(b",")]
    fields = dict(pair for pair in pairs if len(pair) == 2)
    if len(fields) < len(pairs) or fields.get(b"thirdparty", NOBODY) != NOBODY:
        return None  # a key without a value, or twice
    try:
        streams, port, trans, udp, reverse = (
            int(fields[key]) for key in (b"nstream", b"port", b"trans", b"udp", b"reverse")
        )
    except (KeyError, ValueError):
        return None
    if trans != reverse or streams < 1 or not 0 < port <= 65536 - streams:
        return None
    return Call("udp" if udp else "tcp", port, streams)


def with_port(line: bytes, port: int) -> bytes:
    """A call with another port."""
    return re.sub(rb"\bport *= *\d+", b"port = %d" % port, line)


@implementer(ISession)
class NuttcpSession:
    """One control connection: waits for the call, has ports opened for it, and puts them into the line."""

    def __init__(self, flow: Flow) -> None:
        self._inside = flow.inside.address
        self._peer = flow.peer.address
        self._held = b""
        """What the client said and the server was not told yet."""
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
            call = read_call(line)
            if call is not None:
                self._line = line + b"\n"
                to = Endpoint(self._inside, call.port)
                yield Open("call", call.protocol, to, self._peer, call.streams)
            elif line.startswith(b"HELO "):
                yield Send(Side.SERVER, line + b"\n")
            else:
                yield from self._aside(line + b"\n")
        if len(self._held) > MAX_LINE:
            yield from self._aside(b"")

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> Sequence[Action]:
        """See ISession.  Refused, the line stays as it is: the call will fail, and nuttcp says so."""
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
