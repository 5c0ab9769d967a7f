"""The values of the port book: what is asked for, what is held, and what the configuration offers.  Pure."""

import math

from icsframework.errors import MappingError
from icsframework.frozen import dataclass
from icsframework.values import Address, Endpoint, Mapping, Open, Protocol

__all__ = ["ADDED", "MAX_LIFETIME", "MIN_LIFETIME", "Held", "Limits", "Line", "Offer", "Opened", "Wish"]

ADDED = "added"
"""The owner of what ``ics mappings add`` added."""

MIN_LIFETIME = 1.0
"""Seconds: what is asked for less is over before the peer can have been told."""

MAX_LIFETIME = 86400.0
"""Seconds that a helper's mapping lasts at most without being asked for again: the longest that RFC 6887 section 15
advises; what nobody renews for a day belongs to nobody."""

Line = tuple[str, Protocol]
"""One book: uplink and protocol."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many ports there may be at a time, and in one piece.

    ``ports``: in all; each takes three elements of the kernel's maps, which have room for 65536 (dataplane/dynamic.py).
    ``owner``: of one owner, half of that, so that no helper keeps out the others.
    ``host``: that lead to one inside host: more than any program listens on, so that one that runs wild, or is not
    what it seems, cannot use up what the others need.
    ``count``: consecutive ones of one mapping; the widest range of a game in the lists is a hundred.
    """

    ports: int = 16384
    owner: int = 8192
    host: int = 512
    count: int = 128


@dataclass(frozen=True, slots=True)
class Offer:
    """A service of the configuration: external ports ``first``..``last`` of an uplink lead to ``to`` and those after it.

    ``clients`` says who may use it, "" for everybody.
    """

    name: str
    first: int
    last: int
    to: Endpoint
    clients: str = ""

    @property
    def owner(self) -> str:
        """How it is called where owners are."""
        return f"publish.{self.name}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for.  ``port`` None: any; ``lifetime`` None: until it is removed."""

    owner: str
    uplink: str
    protocol: Protocol
    to: Endpoint
    remote: Address | None = None
    count: int = 1
    parity: bool = False
    once: bool = False
    lifetime: float | None = None
    port: int | None = None
    prefer: int | None = None
    """Where to look first instead of at the inside port."""

    @classmethod
    def of(cls, owner: str, uplink: str, request: Open) -> "Wish":
        """A helper's wish.  MappingError if it asks for no time, or for no number of seconds."""
        if not (math.isfinite(request.lifetime) and request.lifetime > 0):
            raise MappingError(f"{owner} asks for a mapping of {request.lifetime} seconds")
        return cls(
            owner,
            uplink,
            request.protocol,
            request.to,
            request.remote,
            request.count,
            request.parity,
            request.once,
            min(max(request.lifetime, MIN_LIFETIME), MAX_LIFETIME),
        )


@dataclass(frozen=True, slots=True)
class Held:
    """``count`` external ports from ``port`` on, which lead to ``to`` and those after it.

    ``duration`` is what was asked for last, None for ever; then ``expires`` is None too.
    """

    uplink: str
    protocol: Protocol
    port: int
    to: Endpoint
    remote: Address | None
    owner: str
    expires: float | None
    duration: float | None = None
    count: int = 1
    once: bool = False

    @property
    def last(self) -> int:
        """The last of its external ports."""
        return self.port + self.count - 1

    @property
    def added(self) -> bool:
        """True if ``ics mappings add`` added it; else it is a helper's."""
        return self.owner == ADDED

    def is_over(self, now: float) -> bool:
        """True when its time is over; its port may be kept free a little longer."""
        return self.expires is not None and self.expires <= now

    def mapping(self, address: Address) -> Mapping:
        """As others see it, with the address that the uplink has now."""
        return Mapping(
            self.protocol,
            self.uplink,
            Endpoint(address, self.port),
            self.to,
            self.remote,
            self.owner,
            self.expires,
            self.count,
            self.once,
        )

    def __str__(self) -> str:
        ports = f"{self.port}" if self.count == 1 else f"{self.port}-{self.last}"
        return f"{self.protocol} port {ports} on {self.uplink}"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a wish got, and what it took the place of: an earlier grant of the same, with another time."""

    held: Held
    instead_of: Held | None = None
