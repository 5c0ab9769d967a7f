"""One DHCP client at work on one interface: the pure client, its packet socket, its timer, its probes."""

import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from random import random
from typing import Any
from zlib import crc32

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet

from ics_plugins.uplinks.ethernet.actions import Action, Bound, Check, Forget, Lost, State, Transmit
from ics_plugins.uplinks.ethernet.client import DhcpClient
from ics_plugins.uplinks.ethernet.lease import Lease
from ics_plugins.uplinks.ethernet.messages import client_identifier
from ics_plugins.uplinks.ethernet.wire import DhcpWire
from icsframework.errors import IcsError
from icsframework.interfaces import IGateway
from icsframework.protocols.arp import announcement
from icsframework.protocols.dhcp.message import CLIENT_PORT, SERVER_PORT, Message, MessageType
from icsframework.values import Endpoint, InterfaceInfo, PacketFilter

CHECK_TIME = 0.2
"""Seconds to wait for somebody who answers for the offered address: enough on a wire, short beside the rest.
RFC 5227 waits up to 9 s, in which nobody behind the gateway could work."""
ANNOUNCEMENTS = 2
"""ARP announcements of a new address (ANNOUNCE_NUM of RFC 5227 section 1.1)."""
ANNOUNCE_INTERVAL = 2.0
"""Seconds between them (ANNOUNCE_INTERVAL)."""

STAGES = {
    State.SELECTING: "dhcp discover",
    State.REQUESTING: "dhcp request",
    State.REBOOTING: "dhcp request of the last address",
    State.CHECKING: "dhcp address check",
}
"""What people read of the states in which there is no address yet."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a session tells: how far it is; the lease may be used; it must not be asked for again; the session is over."""

    stage: Callable[[str], None]
    bound: Callable[[Lease], None]
    forgotten: Callable[[], None]
    lost: Callable[[Lost], None]


class DhcpSession:
    """From ``start`` until ``stop``."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        info: InterfaceInfo,
        hostname: str | None,
        mark: int,
        told: Told,
    ) -> None:
        self.info = info
        self._gateway = gateway
        self._reactor = reactor
        self._mark = mark
        self._told = told
        self._mac = bytes.fromhex(info.mac.replace(":", ""))
        # The IAID is made of the interface's name, so that it survives reboots without being stored.
        identity = client_identifier(self._mac, crc32(info.name.encode()))
        name = (hostname or "").encode("ascii")
        self.client = DhcpClient(self._mac, identity, name, lambda: secrets.randbits(32), random)
        self._wire: DhcpWire | None = None
        self._renewing: socket.socket | None = None
        self._sending: Deferred[None] = succeed(None)
        self._checking: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._announcer: IDelayedCall | None = None
        self._announced: IPv4Address | None = None
        self._stopped = False

    # --- life

    def start(self, last: Lease | None = None, hint: IPv4Address | None = None) -> Deferred[None]:
        """Begin to get an address (see DhcpClient.start).  Fails with a HostError."""
        return self._open(lambda now: self.client.start(now, last, hint))

    def resume(self, lease: Lease) -> Deferred[None]:
        """Go on with a lease whose address this machine still has.  Fails with a HostError."""
        self._announced = lease.address.ip
        return self._open(lambda now: self.client.resume(lease, now))

    @inlineCallbacks
    def _open(self, begin: Callable[[float], Sequence[Action]]) -> Any:
        sock = yield self._gateway.host.open_packet(self.info.name, PacketFilter(0x0800, CLIENT_PORT))
        if self._stopped:
            sock.close()
            return
        self._wire = DhcpWire(self._reactor, sock, self._mac, self._received, self._gateway.log)
        self._perform(begin(self._gateway.clock.now()))

    def stop(self, release: bool) -> Deferred[None]:
        """End; with ``release`` the server is told that the address is free again.  Deferred fires when it is."""
        if self._stopped:
            return succeed(None)
        if release and self._wire is not None:
            self._perform(self.client.release())
        self._stopped = True
        for timer in (self._timer, self._announcer):
            _cancel(timer)
        if self._checking is not None:
            self._checking.cancel()
        self._close_renewing()
        if self._wire is not None:
            self._wire.close()
        return self._sending

    def details(self) -> dict[str, Any]:
        """For status."""
        return {
            "dhcp": self.client.state.value,
            "unusable": self.client.unusable,
            "complaint": self.client.complaint,
            "malformed": self._wire.malformed if self._wire is not None else 0,
            "defects": self._wire.defects if self._wire is not None else 0,
        }

    # --- the client at work

    def _received(self, message: Message) -> None:
        self._perform(self.client.received(message, self._gateway.clock.now()))

    def _time_came(self) -> None:
        self._perform(self.client.timeout(self._gateway.clock.now()))

    def _perform(self, actions: Sequence[Action]) -> None:
        if self.client.state in STAGES:
            self._told.stage(STAGES[self.client.state])
        for action in actions:
            if not self._stopped:  # whoever is told of one may stop us
                self._do(action)
        _cancel(self._timer)
        deadline = self.client.deadline()
        if deadline is not None and not self._stopped:
            clock = self._gateway.clock
            self._timer = clock.call_later(max(0.0, deadline - clock.now()), self._time_came)

    def _do(self, action: Action) -> None:
        match action:
            case Transmit(message, None):
                if self._wire is not None:
                    self._wire.broadcast(message)
            case Transmit(message, IPv4Address() as server):
                self._sending = self._unicast(message, server)
            case Check(lease):
                self._check(lease)
            case Bound(lease):
                self._close_renewing()
                self._told.bound(lease)
                self._announce(lease.address.ip)
            case Forget():
                self._told.forgotten()
            case Lost():
                self._told.lost(action)

    # --- the address on the wire

    def _check(self, lease: Lease) -> None:
        def failed(failure: Any) -> None:
            # Not knowing is no reason to stay without an address; the server has looked as well.
            if failure.check(CancelledError) is None:
                failure.trap(IcsError)
                self._gateway.log.warn("{why}", why=failure.getErrorMessage())

        def checked(in_use_by: str | None) -> None:
            self._checking = None
            if not self._stopped:
                self._perform(self.client.checked(lease, in_use_by, self._gateway.clock.now()))

        asked = self._gateway.host.neighbour_in_use(self.info.name, lease.address.ip, CHECK_TIME)
        self._checking = asked
        asked.addErrback(failed).addCallback(checked)

    def _announce(self, address: IPv4Address) -> None:
        """Tell the neighbours of a new address, so that nobody sends to who had it before (section 4.4.1)."""
        if address != self._announced and not self._stopped:
            self._announced = address
            _cancel(self._announcer)
            self._repeat_announcement(address, ANNOUNCEMENTS)

    def _repeat_announcement(self, address: IPv4Address, left: int) -> None:
        if self._wire is not None:
            self._wire.send(announcement(self.info.mac, address))
        if left > 1:
            again = self._repeat_announcement
            self._announcer = self._gateway.clock.call_later(ANNOUNCE_INTERVAL, again, address, left - 1)

    # --- to one server

    def _unicast(self, message: Message, server: IPv4Address) -> Deferred[None]:
        """Routed: only the kernel knows the way (RFC 2131 section 4.4.5).  Deferred, which never fails."""
        log = self._gateway.log

        def send(sock: socket.socket) -> None:
            self._close_renewing()
            final = message.message_type is MessageType.RELEASE
            if final or not self._stopped:
                try:
                    sock.sendto(message.to_wire(), (str(server), SERVER_PORT))
                except OSError as error:
                    log.warn("could not ask the DHCP server {server}: {error}", server=server, error=error)
            if final or self._stopped:
                sock.close()
            else:
                self._renewing = sock  # open until the answer, so that the kernel does not refuse it

        def failed(failure: Any) -> None:
            failure.trap(IcsError)
            why = failure.getErrorMessage()
            log.warn("could not ask the DHCP server {server}: {why}", server=server, why=why)

        own = Endpoint(IPv4Address(message.ciaddr), CLIENT_PORT)
        opened = self._gateway.host.bind_udp(own, self.info.name, self._mark)
        sent: Deferred[None] = opened.addCallback(send).addErrback(failed)
        return sent

    def _close_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.close()
            self._renewing = None


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()
