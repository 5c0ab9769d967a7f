"""One DHCP client at work on one interface: the pure client, its packet socket, its timer and its journal."""

import secrets
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from random import random
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet

from ics_plugins.uplinks.ethernet.client import Action, Bound, Check, DhcpClient, Lost, Transmit
from ics_plugins.uplinks.ethernet.lease import Lease, from_record, to_record
from ics_plugins.uplinks.ethernet.wire import DhcpWire
from icsframework.errors import IcsError
from icsframework.interfaces import IGateway, IJournal
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import CLIENT_PORT, SERVER_PORT, Message
from icsframework.values import Endpoint, InterfaceInfo, PacketFilter

CHECK_TIME = 0.2
"""Seconds to wait for somebody who answers for the offered address: enough on a wire, short beside the rest."""
KEPT_RECORDS = 50
"""Journal records before it is compacted to the last one."""
SAME_BOOT = 5.0
"""Seconds by which wall clock and boot clock may have drifted apart within one boot."""
FORMAT = 1


def identity(mac: bytes, interface: str, hostname: str | None) -> dict[int, bytes]:
    """Who we are: a client identifier of type 255 with IAID and DUID (RFC 4361), and the host name if wanted.

    The DUID is made of the hardware address (DUID-LL, RFC 8415 section 11.4), the IAID of
    the interface's name, so that both survive reboots without being stored.
    """
    iaid = crc32(interface.encode()).to_bytes(4, "big")
    found = {options.CLIENT_IDENTIFIER: b"\xff" + iaid + b"\x00\x03\x00\x01" + mac}
    if hostname:
        found[options.HOST_NAME] = hostname.encode("ascii")
    return found


class DhcpSession:
    """From ``start`` until ``stop``.  ``bound(lease)`` and ``lost(reason)`` tell what became of it."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        info: InterfaceInfo,
        hostname: str | None,
        mark: int,
        bound: Callable[[Lease], None],
        lost: Callable[[str], None],
    ) -> None:
        self._gateway = gateway
        self._reactor = reactor
        self._info = info
        self._mark = mark
        self._bound = bound
        self._lost = lost
        self._mac = bytes.fromhex(info.mac.replace(":", ""))
        self.client = DhcpClient(
            self._mac, identity(self._mac, info.name, hostname), lambda: secrets.randbits(32), random
        )
        self._wire: DhcpWire | None = None
        self._renewing: socket.socket | None = None
        self._timer: IDelayedCall | None = None
        self._stopped = False

    @inlineCallbacks
    def start(self, last: Lease | None, resume: bool = False) -> Any:
        """Open the socket and begin; ``resume`` goes on with ``last`` without asking.  Fails with a HostError."""
        sock = yield self._gateway.host.open_packet(self._info.name, PacketFilter(0x0800, CLIENT_PORT))
        if self._stopped:
            sock.close()
            return
        self._wire = DhcpWire(self._reactor, sock, self._mac, self._received, self._gateway.log)
        now = self._gateway.clock.now()
        if resume and last is not None:
            self._perform(self.client.resume(last, now))
        else:
            self._perform(self.client.start(now, last))

    def stop(self, release: bool) -> None:
        """End; with ``release`` the server is told that the address is free again."""
        if release and self._wire is not None:
            self._perform(self.client.release(self._gateway.clock.now()))
        self._stopped = True
        self._cancel_timer()
        self._close_renewing()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    @property
    def stage(self) -> str:
        """The client's state for people."""
        return f"dhcp {self.client.state.value}"

    def details(self) -> dict[str, Any]:
        """For status."""
        wire = self._wire
        return {
            "dhcp": self.client.state.value,
            "unusable": self.client.unusable,
            "complaint": self.client.complaint,
            "malformed": wire.malformed if wire is not None else 0,
        }

    # --- the client at work

    def _received(self, message: Message) -> None:
        self._perform(self.client.received(message, self._gateway.clock.now()))

    def _time_came(self) -> None:
        self._timer = None
        self._perform(self.client.timeout(self._gateway.clock.now()))

    def _perform(self, actions: Any) -> None:
        for action in actions:
            if not self._stopped:
                self._do(action)
        self._set_timer()

    def _do(self, action: Action) -> None:
        match action:
            case Transmit(message, None):
                if self._wire is not None:
                    self._wire.broadcast(message)
            case Transmit(message, IPv4Address() as server):
                self._unicast(message, server)
            case Check(lease):
                host = self._gateway.host
                asked = host.neighbour_in_use(self._info.name, lease.address.ip, CHECK_TIME)
                asked.addErrback(self._check_failed).addCallback(self._checked, lease)
            case Bound(lease):
                self._close_renewing()
                self._bound(lease)
            case Lost(reason):
                self._lost(reason)

    def _checked(self, in_use_by: str | None, lease: Lease) -> None:
        if not self._stopped:
            self._perform(self.client.checked(lease, in_use_by, self._gateway.clock.now()))

    def _check_failed(self, failure: Any) -> None:
        # Not knowing is no reason to stay without an address; the server has looked as well.
        self._gateway.log.warn("could not look for {what}", what=failure.getErrorMessage())

    def _unicast(self, message: Message, server: IPv4Address) -> None:
        """To one server, routed: only the kernel knows the way (RFC 2131 section 4.4.5)."""
        wire = message.to_wire()

        def send(sock: socket.socket) -> None:
            self._close_renewing()
            try:
                sock.sendto(wire, (str(server), SERVER_PORT))
            except OSError as error:
                self._gateway.log.debug("could not ask {server}: {error}", server=server, error=error)
            if self._stopped:
                sock.close()
            else:
                self._renewing = sock  # open until the answer, so that the kernel does not refuse it

        def failed(failure: Any) -> None:
            failure.trap(IcsError)
            self._gateway.log.warn(
                "could not ask {server}: {why}", server=server, why=failure.getErrorMessage()
            )

        own = Endpoint(IPv4Address(message.ciaddr), CLIENT_PORT)
        self._gateway.host.bind_udp(own, self._info.name, self._mark).addCallbacks(send, failed)

    def _close_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.close()
            self._renewing = None

    def _set_timer(self) -> None:
        self._cancel_timer()
        deadline = self.client.deadline()
        if deadline is not None and not self._stopped:
            clock = self._gateway.clock
            self._timer = clock.call_later(max(0.0, deadline - clock.now()), self._time_came)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class LeaseMemory:
    """The lease of last time, on disk."""

    def __init__(self, gateway: IGateway) -> None:
        self._gateway = gateway
        self._journal: IJournal | None = None

    @inlineCallbacks
    def open(self) -> Any:
        """Read the journal; Deferred."""
        if self._journal is None:
            self._journal = yield self._gateway.store.open("lease", FORMAT)

    def close(self) -> Deferred[None] | None:
        """Close the journal."""
        journal, self._journal = self._journal, None
        return journal.close() if journal is not None else None

    def save(self, lease: Lease, mac: str) -> None:
        """Remember a lease.  It is in use already, so a disk that refuses is only logged."""
        if self._journal is None:
            return
        clock = self._gateway.clock
        record = to_record(lease, mac, clock.wall() - (clock.now() - lease.obtained))
        crowded = len(self._journal.load()) >= KEPT_RECORDS
        written: Deferred[Any] = self._journal.compact([record]) if crowded else self._journal.append(record)
        written.addErrback(lambda failure: self._gateway.log.warn("{why}", why=failure.getErrorMessage()))

    def last(self, mac: str) -> Lease | None:
        """The last lease of this hardware address, to be asked about (its times mean nothing after a reboot)."""
        found = self._last_record(mac)
        return found[1] if found is not None else None

    def still_valid(self, mac: str) -> Lease | None:
        """The last lease if it was obtained in this boot and has not run out."""
        found = self._last_record(mac)
        if found is None:
            return None
        record, lease = found
        clock = self._gateway.clock
        now = clock.now()
        same_boot = abs((clock.wall() - now) - (record["wall"] - lease.obtained)) < SAME_BOOT
        return lease if same_boot and lease.obtained <= now < lease.expires else None

    def _last_record(self, mac: str) -> tuple[dict[str, Any], Lease] | None:
        records = self._journal.load() if self._journal is not None else ()
        for record in reversed(records):
            if record.get("mac") == mac:
                try:
                    return record, from_record(record)
                except (ValueError, KeyError, TypeError):
                    self._gateway.log.warn(
                        "a record of the lease journal makes no sense and is passed over"
                    )
        return None
