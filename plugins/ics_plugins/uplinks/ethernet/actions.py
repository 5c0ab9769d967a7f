"""The states of the DHCP client and what it wants done.  Values only."""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address

from ics_plugins.uplinks.ethernet.lease import Lease
from icsframework.protocols.dhcp.message import Message


class State(Enum):
    """RFC 2131 figure 5, and CHECKING between the server's ACK and the use of the address."""

    INIT = "init"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    REBOOTING = "rebooting"
    CHECKING = "checking"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a message: to all, or (``to``) from our address to one server."""

    message: Message
    to: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Is somebody using this address already?  Answer with ``checked``."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Bound:
    """The lease may be used, or goes on with these values."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Forget:
    """The address of last time must not be asked for again."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The attempt failed, or the address must not be used any more.  Wait ``pause`` seconds before another try."""

    reason: str
    pause: float = 0.0


Action = Transmit | Check | Bound | Forget | Lost
