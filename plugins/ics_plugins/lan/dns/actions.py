"""What the proxy wants done, and who asked it.  Values only."""

from dataclasses import dataclass, field
from typing import Any

from icsframework.protocols.dns.message import Query
from icsframework.values import Address, Endpoint

__all__ = [
    "Abandon",
    "Action",
    "Answer",
    "Asker",
    "Counters",
    "Dial",
    "Forward",
    "ForwardTcp",
    "Happened",
    "Resolved",
    "Waiter",
]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked, and so where the answer goes: ``connection`` is a number of a TCP connection, 0 for UDP."""

    lan: str
    client: Address
    port: int
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Send ``message`` to the asker."""

    asker: Asker
    message: bytes


@dataclass(frozen=True, slots=True)
class Forward:
    """Send ``message`` to a server by UDP from the socket ``slot``."""

    server: Endpoint
    slot: int
    message: bytes


@dataclass(frozen=True, slots=True)
class ForwardTcp:
    """Ask a server by TCP; the answer, or None for a failure, comes back with ``token``."""

    server: Endpoint
    token: int
    message: bytes


@dataclass(frozen=True, slots=True)
class Abandon:
    """The TCP question with this token is not waited for any more."""

    token: int


@dataclass(frozen=True, slots=True)
class Dial:
    """The Internet is needed, because ``client`` asks for ``name`` (in lower case).

    What comes of it is told to the forwarder with this value: ``dial_granted``, ``dial_refused`` or ``dial_failed``.
    """

    client: Address
    name: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """``client`` is told that ``name`` has these addresses."""

    client: Address
    name: str
    addresses: tuple[Address, ...]
    ttl: int


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the catalogue."""

    id: str
    fields: dict[str, Any] = field(default_factory=dict)


Action = Answer | Forward | ForwardTcp | Abandon | Dial | Resolved | Happened


@dataclass(frozen=True, slots=True)
class Waiter:
    """A question that is not answered yet; ``raw`` is how it came, ``since`` when."""

    asker: Asker
    query: Query
    raw: bytes
    since: float


@dataclass(slots=True)
class Counters:
    """Since the start.

    ``dials`` are requests for a link, ``prohibited`` the questions that none may be dialled for.
    ``dropped`` are datagrams that are no question, or not from the LAN; ``defects`` messages that
    met a defect of ours, of which the log has tracebacks.
    """

    queries: int = 0
    hits: int = 0
    misses: int = 0
    local: int = 0
    joined: int = 0
    forwarded: int = 0
    stale: int = 0
    dials: int = 0
    prohibited: int = 0
    servfail: int = 0
    refused: int = 0
    blocked: int = 0
    dropped: int = 0
    unexpected: int = 0
    unsent: int = 0
    defects: int = 0
