"""A host without a machine: real sockets that never leave this process.

``FakeHost`` gives plugins descriptors that behave like the kernel's, so that
recvmsg, ctypes and selectors work on them, and keeps the other end for the
test:

* ``bind_udp`` binds to 127.0.0.1 and a free port, whatever was asked for; the
  request stands in ``host.udp``.  The socket sends to loopback addresses only;
  every other datagram is kept in ``sent`` and goes to where ``host.reach`` says,
  or nowhere.
* ``open_packet`` and ``open_tun`` are one end of a pair of local datagram
  sockets; the test reads and writes frames at ``peer``.
* ``open_icmp`` is a socket that only remembers what it sends, in ``sent``.
* ``listen`` and ``connect`` are loopback TCP.

``host.fail["bind_udp"] = PortTaken("...")`` makes a method fail until it is
removed.  ``close_all`` is what the real host does when a plugin stops.
"""

import socket as net
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from errno import ECONNREFUSED
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from zope.interface import implementer

from icsframework.errors import ConnectFailed, InterfaceMissing
from icsframework.interfaces import IHost, ISerialLine, Unwatch
from icsframework.testing.serial import FakeSerialLine
from icsframework.values import Address, Endpoint, InterfaceInfo, PacketFilter

LOOPBACK = "127.0.0.1"
MAX_FRAME = 65535


class LocalUdpSocket(net.socket):
    """A UDP socket on loopback that records what it sends and lets nothing out of this machine."""

    sent: list[tuple[bytes, tuple[str, int]]]
    reach: dict[Endpoint, tuple[str, int]]

    def sendto(self, data: Any, *rest: Any) -> int:
        """Send to a loopback address, or to where ``reach`` leads, or only remember it."""
        host, port = rest[-1]
        self.sent.append((bytes(data), (host, port)))
        target = self._target(host, port)
        return len(data) if target is None else super().sendto(data, target)

    def _target(self, host: str, port: int) -> tuple[str, int] | None:
        for endpoint, real in self.reach.items():
            if (str(endpoint.address), endpoint.port) == (host, port):
                return real
        return (host, port) if host.startswith("127.") else None


class SilentSocket(net.socket):
    """A raw socket that records what it sends, and lets nothing out of this process; ``fail`` is what sending raises."""

    sent: list[tuple[bytes, str]]
    fail: OSError | None

    def sendto(self, data: Any, *rest: Any) -> int:
        """Remember the message and the address."""
        if self.fail is not None:
            raise self.fail
        self.sent.append((bytes(data), rest[-1][0]))
        return len(data)


@dataclass(frozen=True, slots=True)
class UdpOpening:
    """One ``bind_udp``: what was asked for and the socket that was given."""

    endpoint: Endpoint
    interface: str | None
    mark: int
    broadcast: bool
    socket: LocalUdpSocket

    @property
    def real(self) -> tuple[str, int]:
        """Where a test sends datagrams to reach the plugin."""
        host, port = self.socket.getsockname()[:2]
        return host, port


@dataclass(frozen=True, slots=True)
class FrameOpening:
    """One ``open_packet`` or ``open_tun``: the plugin's end (``socket``) and the test's end (``peer``)."""

    interface: str
    filter: PacketFilter | None
    socket: net.socket
    peer: net.socket

    def frames(self) -> list[bytes]:
        """Everything the plugin sent since the last call, oldest first."""
        found: list[bytes] = []
        while True:
            try:
                found.append(self.peer.recv(MAX_FRAME))
            except BlockingIOError:
                return found


@dataclass(frozen=True, slots=True)
class TcpOpening:
    """One ``listen`` or ``connect``: what was asked for and the socket that was given."""

    endpoint: Endpoint
    interface: str | None
    socket: net.socket


@implementer(IHost)
class FakeHost:
    """See the module's docstring.  ``interfaces`` and ``neighbours`` are the facts; change them through ``set_interface``."""

    def __init__(self, clock: Clock) -> None:
        self.interfaces: dict[str, InterfaceInfo] = {}
        self.neighbours: dict[Address, str] = {}
        self.probed: list[tuple[str, Address, float]] = []
        self.probing: list[IDelayedCall] = []
        self.fail: dict[str, Exception] = {}
        self.reach: dict[Endpoint, tuple[str, int]] = {}
        self.udp: list[UdpOpening] = []
        self.packet: list[FrameOpening] = []
        self.tun: list[FrameOpening] = []
        self.icmp: list[SilentSocket] = []
        self.serial: list[FakeSerialLine] = []
        self.carrier: bool | None = None
        """What serial lines that are opened from now on say of their carrier; None: they cannot tell."""
        self.connected: list[tuple[Endpoint, int, Endpoint | None]] = []
        self.tcp: list[TcpOpening] = []
        self._clock = clock
        self.watchers: list[tuple[str, Callable[[InterfaceInfo | None], None]]] = []
        self.all_watchers: list[Callable[[Sequence[InterfaceInfo]], None]] = []

    # --- for the test

    def set_interface(self, name: str, info: InterfaceInfo | None) -> None:
        """The interface appears, changes or (None) vanishes; watchers hear of it."""
        if info is None:
            self.interfaces.pop(name, None)
        else:
            self.interfaces[name] = info
        for watched, observer in list(self.watchers):
            if watched == name:
                observer(info)
        self.look()

    def rename_interface(self, old: str, new: str) -> None:
        """The interface gets another name; who watches it hears of that, and goes on watching it."""
        info = replace(self.interfaces.pop(old), name=new)
        self.interfaces[new] = info
        for watched, observer in list(self.watchers):
            if watched in (old, new):
                observer(info)
        self.look()

    @property
    def open_sockets(self) -> list[net.socket]:
        """What the plugin has opened and not closed."""
        openings: list[UdpOpening | FrameOpening | TcpOpening]
        openings = [*self.udp, *self.packet, *self.tun, *self.tcp]
        sockets = [*(opening.socket for opening in openings), *self.icmp]
        return [sock for sock in sockets if sock.fileno() >= 0]

    def close_all(self) -> None:
        """Close every descriptor, the test's ends too."""
        for opening in (*self.packet, *self.tun):
            opening.peer.close()
        for line in self.serial:
            line.close()
            line.peer.close()
        for sock in self.open_sockets:
            sock.close()

    # --- IHost

    def interface(self, name: str) -> Deferred[InterfaceInfo]:
        """See IHost."""
        if refused := self._refusal("interface"):
            return refused
        if name not in self.interfaces:
            return fail(InterfaceMissing(f"There is no interface {name} here; ip link shows those that are."))
        return succeed(self.interfaces[name])

    def watch_interface(self, name: str, observer: Callable[[InterfaceInfo | None], None]) -> Unwatch:
        """See IHost."""
        entry = (name, observer)
        self.watchers.append(entry)
        observer(self.interfaces.get(name))
        return lambda: self.watchers.remove(entry) if entry in self.watchers else None

    def watch_interfaces(self, observer: Callable[[Sequence[InterfaceInfo]], None]) -> Unwatch:
        """See IOwnedHost."""
        self.all_watchers.append(observer)
        observer(list(self.interfaces.values()))
        return lambda: self.all_watchers.remove(observer) if observer in self.all_watchers else None

    def look(self) -> None:
        """See IOwnedHost."""
        for observer in list(self.all_watchers):
            observer(list(self.interfaces.values()))

    def open_packet(self, interface: str, filter: PacketFilter) -> Deferred[net.socket]:
        """See IHost."""
        return self._refusal("open_packet") or succeed(self._pair(self.packet, interface, filter))

    def open_tun(self, name: str, mtu: int, persist: bool = False) -> Deferred[Any]:
        """See IHost."""
        return self._refusal("open_tun") or succeed(self._pair(self.tun, name, None))

    def open_icmp(self) -> Deferred[net.socket]:
        """See IHost; what is sent stands in the socket's ``sent``."""
        return self._refusal("open_icmp") or succeed(self._silent())

    def _silent(self) -> net.socket:
        sock = SilentSocket(net.AF_UNIX, net.SOCK_DGRAM)
        sock.sent, sock.fail = [], None
        sock.setblocking(False)
        self.icmp.append(sock)
        return sock

    def open_serial(self, path: str, speed: int) -> Deferred[ISerialLine]:
        """See IHost; the line stands in ``serial``, and its modem is the test."""
        return self._refusal("open_serial") or succeed(self._line(path, speed))

    def _line(self, path: str, speed: int) -> FakeSerialLine:
        self.serial.append(FakeSerialLine(path, speed, self.carrier))
        return self.serial[-1]

    def _pair(self, openings: list[FrameOpening], name: str, filter: PacketFilter | None) -> net.socket:
        ours, peer = net.socketpair(net.AF_UNIX, net.SOCK_DGRAM)
        for sock in (ours, peer):
            sock.setblocking(False)
        openings.append(FrameOpening(name, filter, ours, peer))
        return ours

    def bind_udp(
        self,
        endpoint: Endpoint,
        interface: str | None = None,
        mark: int = 0,
        broadcast: bool = False,
        receive_buffer: int = 0,
    ) -> Deferred[net.socket]:
        """See IHost."""
        if refused := self._refusal("bind_udp"):
            return refused
        sock = LocalUdpSocket(net.AF_INET, net.SOCK_DGRAM)
        sock.sent, sock.reach = [], self.reach
        sock.setblocking(False)
        sock.bind((LOOPBACK, 0))
        self.udp.append(UdpOpening(endpoint, interface, mark, broadcast, sock))
        return succeed(sock)

    def listen(
        self, endpoint: Endpoint, interface: str | None = None, backlog: int = 64
    ) -> Deferred[net.socket]:
        """See IHost."""
        if refused := self._refusal("listen"):
            return refused
        sock = net.create_server((LOOPBACK, 0), backlog=backlog)
        sock.setblocking(False)
        self.reach[endpoint] = sock.getsockname()[:2]
        self.tcp.append(TcpOpening(endpoint, interface, sock))
        return succeed(sock)

    def connect(
        self, endpoint: Endpoint, mark: int = 0, source: Endpoint | None = None, timeout: float = 10.0
    ) -> Deferred[net.socket]:
        """See IHost.  Reaches what ``reach`` knows for the endpoint, else is refused as by a closed port."""
        if refused := self._refusal("connect"):
            return refused
        self.connected.append((endpoint, mark, source))
        if endpoint not in self.reach:
            return fail(ConnectFailed(f"Cannot connect to {endpoint}: Connection refused.", ECONNREFUSED))
        sock = net.create_connection(self.reach[endpoint], timeout)
        sock.setblocking(False)
        self.tcp.append(TcpOpening(endpoint, None, sock))
        return succeed(sock)

    def neighbour_in_use(self, interface: str, address: Address, timeout: float) -> Deferred[str | None]:
        """See IHost.  Answers at once for an address in ``neighbours``, else None when ``timeout`` has passed."""
        if refused := self._refusal("neighbour_in_use"):
            return refused
        self.probed.append((interface, address, timeout))
        if address in self.neighbours:
            return succeed(self.neighbours[address])
        answer: Deferred[str | None] = Deferred(lambda _: timer.cancel())
        timer = self._clock.callLater(timeout, answer.callback, None)
        self.probing = [one for one in self.probing if one.active()] + [timer]
        return answer

    def _refusal(self, method: str) -> Deferred[Any] | None:
        error = self.fail.get(method)
        return None if error is None else fail(error)
