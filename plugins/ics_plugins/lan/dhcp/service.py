"""The allocator as a LAN service: one object, one journal, any number of LANs.

The journal holds every granted lease (see leases.py).  It is compacted when
most of it is out of date; a LAN that is not served now keeps its records.
"""

import secrets
from collections.abc import Callable
from ipaddress import IPv4Address
from socket import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, fail, inlineCallbacks, succeed
from twisted.internet.interfaces import IReactorFDSet
from twisted.python.failure import Failure
from zope.interface import implementer

from ics_plugins.lan.dhcp.config import DhcpConfig
from ics_plugins.lan.dhcp.leases import JOURNAL, JOURNAL_VERSION, record_of, replay
from ics_plugins.lan.dhcp.ports import RECEIVE_BUFFER
from ics_plugins.lan.dhcp.server import DhcpServer
from ics_plugins.lan.dhcp.serving import LanServing, moment
from ics_plugins.lan.dhcp.settings import Settings, settings_for
from icsframework.errors import StoreError
from icsframework.fields import PluginConfig
from icsframework.interfaces import IGateway, IJournal, ILanService
from icsframework.protocols.dhcp.frame import ETHERTYPE_IPV4
from icsframework.protocols.dhcp.message import CLIENT_PORT, SERVER_PORT
from icsframework.values import Applied, Endpoint, Lan, PacketFilter, RestartMe

COMPACT_AFTER = 4096
"""Records appended before the journal is looked at again: some 800 kB."""

_ANY = IPv4Address(0)


@implementer(ILanService)
class DhcpService(Service):
    """See the module's docstring.  ``reactor`` watches the sockets; the global one if none is given."""

    name = "dhcp"

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet | None = None,
        transaction_id: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        self._gateway = gateway
        self._reactor = reactor
        self._transaction_id = transaction_id
        self._serving: dict[str, LanServing] = {}
        self._opened: IJournal | None = None
        self._kept: dict[str, list[dict[str, Any]]] = {}  # by LAN: records of those not served now
        self._appended = 0  # records since the last compaction
        self._compacted = 0  # records that it left
        self._lock = DeferredLock()
        gateway.status.details(self.details)

    # --- life

    def startService(self) -> None:
        """See IService."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor

    def stopService(self) -> Deferred[None]:
        """See IService: every LAN is left and the journal closed; the leases stay in it."""
        super().stopService()  # type: ignore[no-untyped-call]
        # After a serve that is under way, so that what it opens is closed as well.
        stopped: Deferred[None] = self._lock.run(self._stop)
        return stopped

    def _stop(self) -> Deferred[None]:
        for serving in self._serving.values():
            serving.close()
        self._serving.clear()
        journal, self._opened = self._opened, None
        return journal.close() if journal is not None else succeed(None)

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """See IPlugin.  All settings come with ``serve``."""
        return succeed(Applied())

    def details(self) -> dict[str, Any]:
        """The figures for ``ics status``, by LAN."""
        return {name: serving.details() for name, serving in self._serving.items()}

    # --- LANs

    def serve(self, lan: Lan, config: PluginConfig) -> Deferred[None]:
        """See ILanService.  Fails with HostError (PortTaken and others), StoreError or ConfigurationError."""
        assert isinstance(config, DhcpConfig)
        served: Deferred[None] = self._lock.run(self._serve, lan, config)
        return served

    @inlineCallbacks
    def _serve(self, lan: Lan, config: DhcpConfig) -> Any:
        settings = settings_for(lan, config)
        yield self._open_journal()
        serving = self._serving.get(lan.name)
        if serving is not None and serving.lan.ifindex == lan.ifindex:
            serving.change(lan, settings, None)
            return
        sockets = yield self._open_sockets(lan)
        if not self.running or self._reactor is None:
            for sock in sockets:  # stopped while they were being opened
                sock.close()
        elif (serving := self._serving.get(lan.name)) is not None:
            serving.change(lan, settings, sockets)
        else:
            self._start_serving(lan, self._server(lan, settings), sockets, self._reactor)

    def _server(self, lan: Lan, settings: Settings) -> DhcpServer:
        """The decisions for a LAN, with the leases that the journal has for it."""
        clock = self._gateway.clock
        records = self._kept.pop(lan.name, [])
        table, odd = replay(records, lan.name, moment(clock))
        server = DhcpServer(settings, clock.now(), self._transaction_id, table)
        if odd:
            server.counters["odd_records"] = odd
        return server

    def _start_serving(
        self, lan: Lan, server: DhcpServer, sockets: tuple[socket, socket], reactor: IReactorFDSet
    ) -> None:
        serving = LanServing(self._gateway, reactor, self._append, lan, server, sockets)
        self._serving[lan.name] = serving
        serving.start()

    def withdraw(self, lan: Lan) -> Deferred[None]:
        """See ILanService.  The leases stay in the journal for when the LAN is served again."""
        withdrawn: Deferred[None] = self._lock.run(self._withdraw, lan)
        return withdrawn

    def _withdraw(self, lan: Lan) -> None:
        serving = self._serving.pop(lan.name, None)
        if serving is not None:
            self._kept[lan.name] = self._records_of(serving)
            serving.close()

    @inlineCallbacks
    def _open_sockets(self, lan: Lan) -> Any:
        host = self._gateway.host
        udp: socket = yield host.bind_udp(
            Endpoint(_ANY, SERVER_PORT), lan.interface, broadcast=True, receive_buffer=RECEIVE_BUFFER
        )
        try:
            packet: socket = yield host.open_packet(lan.interface, PacketFilter(ETHERTYPE_IPV4, CLIENT_PORT))
        except Exception:
            udp.close()
            raise
        return udp, packet

    # --- the journal

    def _open_journal(self) -> Deferred[IJournal]:
        """The journal, opened with the first LAN; a failure is tried again with the next."""
        if self._opened is not None:
            return succeed(self._opened)
        opening: Deferred[IJournal] = self._gateway.store.open(JOURNAL, JOURNAL_VERSION)
        return opening.addCallback(self._journal_opened)

    def _journal_opened(self, journal: IJournal) -> IJournal:
        if self._opened is None:
            self._opened = journal
            self._kept = {}
            for record in journal.load():
                self._kept.setdefault(str(record.get("lan")), []).append(record)
        return self._opened

    def _append(self, record: dict[str, Any]) -> Deferred[int]:
        if self._opened is None:
            return fail(StoreError("The journal of leases is closed."))
        self._appended += 1
        if self._appended >= max(COMPACT_AFTER, 2 * self._compacted):
            self._compact(self._opened)
        return self._opened.append(record)

    def _compact(self, journal: IJournal) -> None:
        """Replace what is in the journal by what is true now."""
        records = [record for served in self._serving.values() for record in self._records_of(served)]
        records += [record for kept in self._kept.values() for record in kept]
        self._appended, self._compacted = 0, len(records)
        journal.compact(records).addErrback(self._not_compacted)

    def _not_compacted(self, failure: Failure) -> None:
        """The old records are still there; the next try comes with the next thousands."""
        failure.trap(StoreError)

    def _records_of(self, serving: LanServing) -> list[dict[str, Any]]:
        at = moment(self._gateway.clock)
        return [record_of(serving.lan.name, lease, at) for lease in serving.server.table]
