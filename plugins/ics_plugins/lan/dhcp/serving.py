"""One LAN being served: carries out what its DhcpServer decides."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from socket import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet
from twisted.python.failure import Failure

from ics_plugins.lan.dhcp.actions import Action, LeaseChanged, LeaseEnded, Probe, Reply, Say, Seek
from ics_plugins.lan.dhcp.hostnames import NameBook
from ics_plugins.lan.dhcp.leases import Lease, Moment, dotted, record_of, removal_of
from ics_plugins.lan.dhcp.ports import BatchReader, FrameSender
from ics_plugins.lan.dhcp.replies import wire_of
from ics_plugins.lan.dhcp.server import DhcpServer
from ics_plugins.lan.dhcp.settings import Settings
from icsframework.errors import HostError, StoreError, WireError
from icsframework.interfaces import IClock, IGateway
from icsframework.protocols.dhcp.frame import BROADCAST_ADDRESS, BROADCAST_MAC, parse_frame
from icsframework.protocols.dhcp.message import BOOTREPLY, Message
from icsframework.values import Lan, LeaseView

NAME_TTL = 60
"""Seconds that DNS may keep a client's name: it may have another address after its next DHCP exchange."""

Append = Callable[[dict[str, Any]], Deferred[int]]


def moment(clock: IClock) -> Moment:
    """What the clock shows."""
    return Moment(clock.now(), clock.wall(), clock.wall_trusted, clock.boot)


class LanServing:
    """See the module's docstring.  Made with open sockets; ``close`` leaves nothing."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        append: Append,
        lan: Lan,
        server: DhcpServer,
        sockets: tuple[socket, socket],
    ) -> None:
        self.lan = lan
        self.server = server
        self._gateway = gateway
        self._reactor = reactor
        self._append = append
        self._names = NameBook()
        self._timer: IDelayedCall | None = None
        self._rings = 0.0  # when the timer does
        self._owner = f"{gateway.owner}.{lan.name}"
        self._closed = False
        self._attach(lan, server.settings, sockets)

    def _attach(self, lan: Lan, settings: Settings, sockets: tuple[socket, socket]) -> None:
        self._sockets = sockets
        udp, packet = sockets
        self._send = FrameSender(packet, settings.mac, settings.server)
        self._readers = (
            BatchReader(udp, self._requests, self._read_failed),
            BatchReader(packet, self._frames, self._read_failed),
        )
        for reader in self._readers:
            self._reactor.addReader(reader)

    def start(self) -> None:
        """Tell others of the leases that are there, and begin."""
        now = self._gateway.clock.now()
        for lease in self.server.table:
            if self.server.table.is_live(lease.address):
                self._publish(lease)
        self._perform(self.server.expire(now))
        self._wind()

    def change(self, lan: Lan, settings: Settings, sockets: tuple[socket, socket] | None) -> None:
        """Go on with another configuration, and other sockets if they are given, without a gap."""
        old_sockets = self._sockets
        self._detach()
        self.lan = lan
        self._attach(lan, settings, sockets or old_sockets)
        if sockets:
            for sock in old_sockets:
                sock.close()
        now = self._gateway.clock.now()
        self._perform(self.server.reconfigure(settings, now))
        for lease in self.server.table:
            if self.server.table.is_live(lease.address):
                self._publish(lease)
        self._wind()

    def close(self) -> None:
        """Close the sockets and take back what was published; the leases stay in the journal."""
        self._closed = True
        self._detach()
        for sock in self._sockets:
            sock.close()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._gateway.names.withdraw(self._owner)
        for lease in self.server.table:
            self._gateway.leases.withdraw(IPv4Address(lease.address), self.lan.name)

    def _detach(self) -> None:
        for reader in self._readers:
            self._reactor.removeReader(reader)

    def details(self) -> dict[str, Any]:
        """The figures for ``ics status``."""
        return self.server.details(self._gateway.clock.now())

    # --- in

    def _requests(self, datagrams: Sequence[bytes]) -> None:
        now = self._gateway.clock.now()
        for datagram in datagrams:
            try:
                message = Message.from_wire(datagram)
            except WireError:
                self.server.counters["malformed"] += 1
                continue
            self._take(self.server.receive, message, now)
        self._wind()

    def _frames(self, frames: Sequence[bytes]) -> None:
        """Frames to port 68: other servers' replies, of which only those matter that anybody can hear."""
        now = self._gateway.clock.now()
        for frame in frames:
            try:
                message = Message.from_wire(parse_frame(frame, checksum_ready=False).payload)
            except WireError:
                self.server.counters["malformed"] += 1
                continue
            if message.op == BOOTREPLY:
                self._take(self.server.overheard, message, now)
        self._wind()

    def _take(
        self, decide: Callable[[Message, float], Sequence[Action]], message: Message, now: float
    ) -> None:
        """One message; a defect that it meets costs an answer, not everybody's service."""
        try:
            self._perform(decide(message, now))
        except Exception:  # noqa: BLE001 - the reactor would never read this socket again
            self.server.counters["defects"] += 1
            count = self.server.counters["defects"]
            if count & (count - 1) == 0:  # the 1st, 2nd, 4th ...: whoever sends one sends more
                self._gateway.log.failure("a DHCP message met a defect ({count} so far)", count=count)

    def _read_failed(self) -> None:
        self.server.counters["read_errors"] += 1

    # --- time

    def _wind(self) -> None:
        """Let the timer ring at the server's deadline, or earlier: then it is wound again."""
        deadline = self.server.deadline
        now = self._gateway.clock.now()
        if self._timer is not None and self._timer.active():
            if self._rings <= deadline:
                return
            self._timer.cancel()
        self._rings = max(deadline, now)
        self._timer = self._gateway.clock.call_later(self._rings - now, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._perform(self.server.expire(self._gateway.clock.now()))
        self._wind()

    # --- out

    def _perform(self, actions: Sequence[Action]) -> None:
        """Carry actions out in order; replies that follow a granted lease wait until it is on disk."""
        durable: Deferred[int] | None = None
        for action in actions:
            if isinstance(action, Reply):
                if durable is None:
                    self._reply(action)
                else:
                    durable.addCallback(self._when_durable, action)
            elif isinstance(action, LeaseChanged):
                durable = self._grant(action)
            else:
                self._perform_rare(action)
        if durable is not None:
            durable.addErrback(self._not_durable)

    def _perform_rare(self, action: Action) -> None:
        if isinstance(action, LeaseEnded):
            self._end(action)
        elif isinstance(action, Say):
            self._gateway.events.emit(action.event, **action.fields)
        elif isinstance(action, Probe):
            address = IPv4Address(action.address)
            answer = self._gateway.host.neighbour_in_use(self.lan.interface, address, action.timeout)
            answer.addErrback(self._probe_failed)
            answer.addCallback(self._probed, action.address)
        elif isinstance(action, Seek):
            sent = self._send.as_client(BROADCAST_MAC, BROADCAST_ADDRESS, action.message.to_wire())
            self.server.counters["looks" if sent else "unsent"] += 1

    def _reply(self, reply: Reply) -> None:
        payload = wire_of(reply)
        if reply.target_mac:
            sent = self._send.to_client(reply.target_mac, reply.destination, payload)
        else:
            sent = self._to_relay(reply, payload)
        self.server.counters["sent" if sent else "unsent"] += 1

    def _to_relay(self, reply: Reply, payload: bytes) -> bool:
        try:
            self._sockets[0].sendto(payload, (str(IPv4Address(reply.destination)), reply.port))
        except OSError:
            return False
        return True

    def _when_durable(self, seq: int, reply: Reply) -> int:
        if not self._closed:
            self._reply(reply)
        return seq

    def _grant(self, change: LeaseChanged) -> Deferred[int]:
        durable = self._append(record_of(self.lan.name, change.lease, moment(self._gateway.clock)))
        durable.addCallback(self._granted, change)
        return durable

    def _granted(self, seq: int, change: LeaseChanged) -> int:
        lease = change.lease
        # While it was being written the lease may have ended, or this LAN may no longer be served.
        if not self._closed and self.server.table.at(lease.address) is lease:
            self._publish(lease)
            self._gateway.events.emit(
                "dhcp.lease.renewed" if change.renewed else "dhcp.lease.granted", **self._described(lease)
            )
        return seq

    def _not_durable(self, failure: Failure) -> None:
        """The disk failed: no acknowledgement leaves, the client asks again (the store has said why)."""
        failure.trap(StoreError)
        self.server.counters["not_durable"] += 1

    def _end(self, ended: LeaseEnded) -> None:
        lease = ended.lease
        address = IPv4Address(lease.address)
        if ended.reason != "expired":  # that an expired lease is over needs no record: it says when it ends
            record = (
                removal_of(self.lan.name, lease.address)
                if ended.forget
                else record_of(self.lan.name, lease, moment(self._gateway.clock))
            )
            self._append(record).addErrback(self._not_durable)
        name = self._names.release(lease.address)
        if name:
            self._gateway.names.publish(self._owner, name, (), 0)
        self._gateway.leases.withdraw(address, self.lan.name)
        if ended.reason in ("released", "expired"):
            self._gateway.events.emit(f"dhcp.lease.{ended.reason}", **self._described(lease))

    def _described(self, lease: Lease) -> dict[str, Any]:
        return {
            "address": dotted(lease.address),
            "mac": lease.chaddr.hex(":"),
            "hostname": lease.hostname,
            "lan": self.lan.name,
        }

    def _publish(self, lease: Lease) -> None:
        """Lease and name, as others see them."""
        address = IPv4Address(lease.address)
        self._gateway.leases.publish(
            LeaseView(
                address=address,
                mac=lease.chaddr.hex(":"),
                client_id=lease.client.hex(":"),
                hostname=lease.hostname,
                expires=lease.expires,
                lan=self.lan.name,
            )
        )
        reserved = self.server.settings.reserved_for(lease.client, lease.chaddr)
        by_right = reserved is not None and reserved.hostname == lease.hostname
        before = self._names.name_of(lease.address)
        name = self._names.claim(lease.address, lease.hostname, by_right)
        if before and before != name:
            self._gateway.names.publish(self._owner, before, (), 0)
        if name and name != before:
            self._gateway.names.publish(self._owner, name, (address,), NAME_TTL)

    # --- probes

    def _probe_failed(self, failure: Failure) -> None:
        """The host could not ask: the client's own probe has to do (RFC 2131 section 4.4.1)."""
        failure.trap(HostError)
        self.server.counters["probes_failed"] += 1

    def _probed(self, mac: str | None, address: int) -> None:
        if not self._closed:
            used_by = bytes.fromhex(mac.replace(":", "")) if mac else None
            self._perform(self.server.probed(address, used_by, self._gateway.clock.now()))
            self._wind()
