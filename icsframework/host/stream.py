"""TCP for the helper shell: a listener that the packet filter redirects to, where its connections were going, and their second legs."""

import socket
import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from zope.interface import implementer

from icsframework.errors import ConnectFailed
from icsframework.helpers.network import IStreamNetwork
from icsframework.host import tcp
from icsframework.host.descriptors import Room
from icsframework.values import Address, Endpoint, Side

__all__ = ["StreamNetwork", "original_destination", "way_to"]

SO_ORIGINAL_DST = 80
"""Where a redirected connection was going before (linux/netfilter_ipv4.h; the same number for IPv6)."""

NEAR_KEEPALIVE = 600
"""Seconds of silence after which an inside host is asked whether it is still there; it costs nothing on a LAN.

Towards the Internet the kernel's own two hours stand: a question there may keep a metered link up.
"""

DISCARD = 9
"""The port that a route is looked up with; nothing is sent to it."""

_IPV4 = struct.Struct("!2xH4s8x")
_IPV6 = struct.Struct("!2xH4x16s4x")


@implementer(IStreamNetwork)
class StreamNetwork:
    """IStreamNetwork on this machine's kernel."""

    def __init__(
        self, reactor: Any, room: Room | None = None, listening: socket.socket | None = None
    ) -> None:
        """``room`` is shared by those who share the process's descriptors.

        ``listening`` is a socket of ``tcp.listen_anywhere`` for ``listen`` to take; the caller keeps its own copy.
        """
        self._reactor = reactor
        self._room = room or Room()
        self._listening = listening

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See IStreamNetwork."""
        return maybeDeferred(self._listen, factory)

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        made = self._listening.dup() if self._listening is not None else tcp.listen_anywhere()
        with made:
            port: IListeningPort = self._reactor.adoptStreamPort(made.fileno(), made.family, factory)
            return port

    def make_room(self, owner: str, connections: int) -> None:
        """See IStreamNetwork."""
        self._room.make(owner, connections * len(Side))

    def destination(self, transport: Any) -> Endpoint | None:
        """See IStreamNetwork."""
        return original_destination(transport.getHandle())

    def waits(self, transport: Any) -> bool:
        """See IStreamNetwork."""
        try:
            return bool(transport.getHandle().recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:  # reset
            return False

    def way_to(self, address: Address) -> Address | None:
        """See IStreamNetwork."""
        return way_to(address)

    def connect(
        self,
        leg: IProtocol,
        to: Endpoint,
        source: Endpoint,
        mark: int = 0,
        transparent: bool = False,
        timeout: float = 30.0,
    ) -> Deferred[None]:
        """See IStreamNetwork."""
        opening = maybeDeferred(
            tcp.connect, self._reactor, to, mark, source, timeout, transparent, any_port=True
        )
        return opening.addCallback(self._adopt, leg, to)

    def _adopt(self, made: socket.socket, leg: IProtocol, to: Endpoint) -> None:
        with made:
            try:
                self._reactor.adoptStreamConnection(made.fileno(), made.family, _Only(leg))
            except OSError as error:  # it was reset since
                raise ConnectFailed(f"Cannot connect to {to}: {error.strerror}.", error.errno or 0) from error

    def tune(self, transport: Any, near: bool) -> None:
        """See IStreamNetwork."""
        handle: socket.socket = transport.getHandle()
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # Urgent data (ABOR of FTP, RFC 959 section 4.1.3) is part of the stream: else its last byte would be lost.
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        if near:
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, NEAR_KEEPALIVE)


class _Only(Factory):
    """Gives the one protocol that there is."""

    noisy = False

    def __init__(self, leg: IProtocol) -> None:
        self._leg = leg

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See IProtocolFactory."""
        return self._leg


def original_destination(accepted: socket.socket) -> Endpoint | None:
    """Where this connection was going before it was redirected; None if it was not, or is over already."""
    try:
        if accepted.family == socket.AF_INET6:
            port, packed = _IPV6.unpack(accepted.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, _IPV6.size))
            found = Endpoint(IPv6Address(packed), port)
        else:
            port, packed = _IPV4.unpack(accepted.getsockopt(socket.IPPROTO_IP, SO_ORIGINAL_DST, _IPV4.size))
            found = Endpoint(IPv4Address(packed), port)
        own = accepted.getsockname()
    except OSError:  # conntrack does not know it: nobody translated it
        return None
    return None if (str(found.address), found.port) == own[:2] else found


def way_to(address: Address) -> Address | None:
    """The address of ours that a new flow to ``address`` would leave from, None if there is no way.  The kernel is asked by a UDP socket, which sends nothing when it is connected."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect((str(address), DISCARD))
        except OSError:  # no route
            return None
        name: str = probe.getsockname()[0]
    return IPv4Address(name) if family == socket.AF_INET else IPv6Address(name)
