"""What a PppLink wants done and what it says, as values."""

from enum import Enum
from ipaddress import IPv4Address

from icsframework.frozen import dataclass

__all__ = [
    "Action",
    "Cause",
    "Deliver",
    "Down",
    "Ipv6Up",
    "NoCarrier",
    "Result",
    "Stage",
    "Text",
    "Transmit",
    "Up",
]


@dataclass(frozen=True, slots=True)
class Transmit:
    """Write this to the line: control frames, ahead of every IP packet that still waits.

    The octets are not shown: PAP's password is among them.
    """

    data: bytes

    def __repr__(self) -> str:
        return f"Transmit({len(self.data)} octets)"


@dataclass(frozen=True, slots=True)
class Deliver:
    """IP packets from the peer, in order."""

    packets: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Deliver({len(self.packets)} packets)"


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the connecting is: "negotiating", "authenticating" or "configuring".

    After an Up it says that the peer starts over; nothing passes until the next Up.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Result:
    """What both ends have agreed on."""

    local: IPv4Address
    peer: IPv4Address
    dns: tuple[IPv4Address, ...]
    """The servers that the peer told us, at most two; an address of no use is left out."""
    mtu: int
    """Octets of the largest IP packet that may be sent: the peer's MRU, but not more than the settings' ``mtu``."""
    mru: int
    """Octets of the largest IP packet that the peer should send."""
    authentication: str
    """How we authenticated ourselves: "PAP", "CHAP", "MS-CHAPv2", or "" if the peer did not ask."""
    peer_name: str
    """Who the peer has proved to be; "" if we did not ask."""
    message: str
    """What the peer said when it let us in; "" if nothing."""
    vj_send: int
    """Slots of VJ compression towards the peer; 0 without."""
    vj_receive: int
    """Slots of VJ compression from the peer; 0 without."""


@dataclass(frozen=True, slots=True)
class Up:
    """IPv4 passes.  Comes again if the peer has negotiated anew."""

    result: Result


@dataclass(frozen=True, slots=True)
class Ipv6Up:
    """IPv6 passes too; the interface identifiers of both ends, 8 octets each (RFC 5072)."""

    local: bytes
    peer: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """Something readable that is no PPP: a modem's result, a login prompt.  One line of printable ASCII."""

    text: str


@dataclass(frozen=True, slots=True)
class NoCarrier:
    """The modem says that the call is over; Down follows."""


class Cause(Enum):
    """Why a link is down, for programs."""

    ASKED = "asked"
    """We were told to close it."""
    PEER = "peer"
    """The peer ended it."""
    REFUSED = "refused"
    """A wrong name or password: trying again with the same is of no use."""
    UNPROVEN = "unproven"
    """Authentication came to no verdict, or the peer could not prove itself."""
    SILENT = "silent"
    """No answer, or none any more."""
    DISAGREED = "disagreed"
    """The two ends do not agree on what they need."""
    LOOPED = "looped"
    """Everything sent comes back."""
    LINE = "line"
    """The carrier, or the device, is gone."""


@dataclass(frozen=True, slots=True)
class Down:
    """It is over; the link object is used up.  ``reason`` is for people and holds no secret."""

    cause: Cause
    reason: str


Action = Transmit | Deliver | Stage | Up | Ipv6Up | Text | NoCarrier | Down
