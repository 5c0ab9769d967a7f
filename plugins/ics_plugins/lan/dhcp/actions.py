"""What the allocator wants done: the whole vocabulary between DhcpServer and the world.

Actions are carried out in order.  A Reply that follows a LeaseChanged in the
same list leaves only when that lease is on disk.
"""

from typing import Any, NamedTuple

from ics_plugins.lan.dhcp.leases import Lease
from icsframework.protocols.dhcp.message import CLIENT_PORT, DEFAULT_MAX_SIZE, Message


class Reply(NamedTuple):
    """Send ``message`` to ``destination``.  ``target_mac`` is empty for a relay, which the kernel finds by ARP."""

    message: Message
    target_mac: bytes
    destination: int
    port: int = CLIENT_PORT
    max_size: int = DEFAULT_MAX_SIZE


class Probe(NamedTuple):
    """Ask the LAN whether somebody uses ``address`` (RFC 2131 section 2.2) and tell ``DhcpServer.probed`` within ``timeout`` seconds."""

    address: int
    timeout: float


class Seek(NamedTuple):
    """Look for other DHCP servers: send ``message`` as a client would."""

    message: Message


class LeaseChanged(NamedTuple):
    """The lease was granted (or ``renewed``) and must be durable before the Reply that follows."""

    lease: Lease
    renewed: bool


class LeaseEnded(NamedTuple):
    """The lease is over.  ``reason``: released, expired, declined, moved, conflict or withdrawn.

    ``forget`` is true if not even the previous address is remembered.
    """

    lease: Lease
    reason: str
    forget: bool = False


class Say(NamedTuple):
    """Emit an event of the catalogue."""

    event: str
    fields: dict[str, Any]


Action = Reply | Probe | Seek | LeaseChanged | LeaseEnded | Say
