"""The machine as plugins see it (IHost): descriptors and facts.

The openers are quick system calls, made at once; that they answer by Deferred
lets a privileged process serve them one day.
"""

import io
from collections.abc import Callable, Sequence
from socket import socket
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from icsframework.host import arp, icmp, packet, tcp, tun, udp
from icsframework.host.inventory import read_interface
from icsframework.host.monitor import InterfaceMonitor
from icsframework.host.serial import open_serial
from icsframework.interfaces import IHost, ISerialLine, Unwatch
from icsframework.values import Address, Endpoint, InterfaceInfo, PacketFilter

__all__ = ["Host"]


@implementer(IHost)
class Host:
    """Give each plugin a ScopedHost of this one, so that nothing it opened outlives it."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._monitor = InterfaceMonitor(reactor)

    def interface(self, name: str) -> Deferred[InterfaceInfo]:
        """See IHost."""
        return maybeDeferred(read_interface, name)

    def watch_interface(self, name: str, observer: Callable[[InterfaceInfo | None], None]) -> Unwatch:
        """See IHost."""
        return self._monitor.watch(name, observer)

    def watch_interfaces(self, observer: Callable[[Sequence[InterfaceInfo]], None]) -> Unwatch:
        """See IOwnedHost."""
        return self._monitor.watch_all(observer)

    def look(self) -> None:
        """See IOwnedHost."""
        self._monitor.look()

    def open_packet(self, interface: str, filter: PacketFilter) -> Deferred[socket]:
        """See IHost."""
        return maybeDeferred(packet.open_packet, interface, filter)

    def open_tun(self, name: str, mtu: int, persist: bool = False) -> Deferred[io.FileIO]:
        """See IHost.  A device without ``persist`` goes when the file is closed."""
        return maybeDeferred(tun.open_tun, name, mtu, persist)

    def open_icmp(self) -> Deferred[socket]:
        """See IHost."""
        return maybeDeferred(icmp.open_icmp)

    def open_serial(self, path: str, speed: int) -> Deferred[ISerialLine]:
        """See IHost."""
        return maybeDeferred(open_serial, path, speed)

    def bind_udp(
        self,
        endpoint: Endpoint,
        interface: str | None = None,
        mark: int = 0,
        broadcast: bool = False,
        receive_buffer: int = 0,
    ) -> Deferred[socket]:
        """See IHost.  An IPv6 socket takes IPv6 only."""
        return maybeDeferred(udp.bind_udp, endpoint, interface, mark, broadcast, receive_buffer)

    def listen(self, endpoint: Endpoint, interface: str | None = None, backlog: int = 64) -> Deferred[socket]:
        """See IHost.  An IPv6 socket takes IPv6 only."""
        return maybeDeferred(tcp.listen, endpoint, interface, backlog)

    def connect(
        self, endpoint: Endpoint, mark: int = 0, source: Endpoint | None = None, timeout: float = 10.0
    ) -> Deferred[socket]:
        """See IHost.  Fails with ConnectFailed; cancelling the Deferred gives up."""
        return maybeDeferred(tcp.connect, self._reactor, endpoint, mark, source, timeout)

    def neighbour_in_use(self, interface: str, address: Address, timeout: float) -> Deferred[str | None]:
        """See IHost.  None at once on an interface without ARP; cancelling the Deferred gives up."""
        return maybeDeferred(arp.neighbour_in_use, self._reactor, interface, address, timeout)
