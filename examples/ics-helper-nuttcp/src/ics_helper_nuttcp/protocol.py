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
from dataclasses import dataclass

from icsframework.values import Protocol

__all__ = ["GREETING", "LOWEST_PORT", "MAX_LINE", "Call", "read_call", "with_port"]

GREETING = b"HELO "
MAX_LINE = 1024
"""Bytes; nuttcp's longest line has some 400.  What is longer is not nuttcp."""
LOWEST_PORT = 5000
"""nuttcp's server calls no port below."""
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
