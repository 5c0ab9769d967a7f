"""The messages of a DHCP client: RFC 2131 table 5, one function a kind.  Pure.

What must be in a message and what must not differs from kind to kind; that is
all this module knows.  Every message names its sender by option 61.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address

from ics_plugins.uplinks.ethernet.lease import Lease
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import BOOTREQUEST, Message, MessageType

WANTED = bytes(
    (
        options.SUBNET_MASK,
        options.CLASSLESS_STATIC_ROUTE,  # before ROUTER (RFC 3442)
        options.ROUTER,
        options.DNS_SERVER,
        options.INTERFACE_MTU,
        options.RENEWAL_TIME,
        options.REBINDING_TIME,
    )
)
"""The parameter request list: what read_lease can use."""
MAX_MESSAGE = 1500
"""Bytes of IP datagram we accept (option 57): whole Ethernet frames."""
DUID_LL = b"\x00\x03\x00\x01"
"""Type and hardware type of a DUID made of an Ethernet address (RFC 8415 section 11.4)."""
NODE_SPECIFIC = b"\xff"
"""Type of a client identifier that holds IAID and DUID (RFC 4361 section 6.1)."""


def client_identifier(mac: bytes, iaid: int) -> bytes:
    """Option 61 of RFC 4361.  The DUID is made of the hardware address, so it needs no memory to stay the same."""
    return NODE_SPECIFIC + iaid.to_bytes(4, "big") + DUID_LL + mac


class Composer:
    """Makes one client's messages."""

    def __init__(self, chaddr: bytes, client_id: bytes, hostname: bytes) -> None:
        self._chaddr = chaddr
        self._identity = {options.CLIENT_IDENTIFIER: client_id}
        self._wishes = {
            **({options.HOST_NAME: hostname} if hostname else {}),
            options.PARAMETER_REQUEST_LIST: WANTED,
            options.MAX_MESSAGE_SIZE: MAX_MESSAGE.to_bytes(2, "big"),
        }

    def discover(self, xid: int, secs: int, hint: IPv4Address | None) -> Message:
        """To find servers; ``hint`` is an address we would like (section 4.4.1)."""
        wish = {options.REQUESTED_ADDRESS: hint.packed} if hint is not None else {}
        return self._make(MessageType.DISCOVER, xid, {**wish, **self._wishes}, secs=secs)

    def select(self, xid: int, secs: int, offer: Lease) -> Message:
        """To take an offer (section 4.3.2, SELECTING)."""
        return self._make(MessageType.REQUEST, xid, {**_named(offer), **self._wishes}, secs=secs)

    def reboot(self, xid: int, secs: int, last: Lease) -> Message:
        """To ask for the address of last time (section 4.3.2, INIT-REBOOT): no server is named."""
        wanted = {options.REQUESTED_ADDRESS: last.address.ip.packed}
        return self._make(MessageType.REQUEST, xid, {**wanted, **self._wishes}, secs=secs)

    def renew(self, xid: int, secs: int, lease: Lease) -> Message:
        """To use the address longer (section 4.3.2, RENEWING and REBINDING): it stands in ciaddr."""
        return self._make(MessageType.REQUEST, xid, self._wishes, secs=secs, ciaddr=int(lease.address.ip))

    def decline(self, xid: int, lease: Lease) -> Message:
        """Somebody else has the address (section 4.4.4)."""
        return self._make(MessageType.DECLINE, xid, _named(lease))

    def release(self, xid: int, lease: Lease) -> Message:
        """The address is not needed any more (section 4.4.6)."""
        server = {options.SERVER_IDENTIFIER: lease.server.packed}
        return self._make(MessageType.RELEASE, xid, server, ciaddr=int(lease.address.ip))

    def _make(
        self, kind: MessageType, xid: int, extra: Mapping[int, bytes], secs: int = 0, ciaddr: int = 0
    ) -> Message:
        found = {options.MESSAGE_TYPE: bytes((kind,)), **self._identity, **extra}
        return Message(BOOTREQUEST, xid, self._chaddr, found, ciaddr=ciaddr, secs=secs)


def _named(lease: Lease) -> dict[int, bytes]:
    return {
        options.REQUESTED_ADDRESS: lease.address.ip.packed,
        options.SERVER_IDENTIFIER: lease.server.packed,
    }
