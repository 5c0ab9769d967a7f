"""What one end of a PPP link is told, and the phases it passes."""

from enum import Enum

from icsframework.frozen import dataclass
from icsframework.protocols.ppp.auth.method import Credentials, SecretOf
from icsframework.protocols.ppp.automaton import Limits
from icsframework.protocols.ppp.ipcp import IpcpSettings
from icsframework.protocols.ppp.lcp import LcpSettings

__all__ = ["LinkSettings", "Phase"]


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """One end of a link.  The defaults are those of a subscriber on a serial line without a password."""

    lcp: LcpSettings = LcpSettings()
    ipcp: IpcpSettings = IpcpSettings()
    limits: Limits = Limits()
    credentials: Credentials | None = None
    """Who we are to a peer that asks."""
    secret_of: SecretOf | None = None
    """The passwords of those whom we ask; needed with ``lcp.demand``."""
    name: str = "ics"
    """Our name in the challenges we send."""
    rechallenge: float = 0.0
    """Seconds between challenges while the link is up; 0 for never."""
    early_ipcp: bool = True
    """Send IPCP's first request with the password or response, which saves a round trip; RFC 1661 section 3.4 has the
    peer discard what comes too early.
    """
    ipv6: bool = False
    """Carry IPv6 too, if the peer does."""
    patience: float = 90.0
    """Seconds from the start, or from a new start, until IPv4 must pass; a peer may answer for ever and never agree."""
    mtu: int = 1500
    """Octets of the largest packet we ever want to send; the peer's MRU may make it less."""


class Phase(Enum):
    """RFC 1661 section 3.2."""

    DEAD = "dead"
    ESTABLISH = "establish"
    AUTHENTICATE = "authenticate"
    NETWORK = "network"
    TERMINATE = "terminate"
