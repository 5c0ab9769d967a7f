"""The DNS proxy as a service: puts the pure parts on sockets, timers and the rest of the gateway."""

from collections import deque
from dataclasses import asdict, dataclass
from secrets import randbelow
from socket import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.python.failure import Failure
from zope.interface import implementer

from ics_plugins.lan.dns.actions import (
    Abandon,
    Action,
    Answer,
    Dial,
    Forward,
    ForwardTcp,
    Happened,
    Resolved,
)
from ics_plugins.lan.dns.config import DNS_PORT, DnsConfig
from ics_plugins.lan.dns.listener import RECEIVE_BUFFER, UdpListener
from ics_plugins.lan.dns.proxy import DnsProxy
from ics_plugins.lan.dns.tcp import TcpListener
from ics_plugins.lan.dns.upstream import TcpQuestions, UdpPool
from icsframework.errors import IcsError, UplinkRefused
from icsframework.fields import PluginConfig
from icsframework.interfaces import IGateway, ILanService, Unwatch
from icsframework.values import Address, Applied, Cause, Endpoint, Lan, Link, RestartMe, UplinkView

__all__ = ["DnsService"]

TICK = 0.1
"""Seconds between looks at what is overdue while anything is; a tenth of the shortest time-out."""
RULE = "dns"
"""The rule that a request for a name comes with; the supervisor puts the one that decides in its place."""


@dataclass(slots=True)
class _Served:
    """A LAN with its sockets."""

    lan: Lan
    udp: UdpListener
    tcp: TcpListener
    port: IListeningPort


@implementer(ILanService)
class DnsService(Service):
    """Answers DNS on every LAN it is told to serve.  ``reactor`` is Twisted's unless a test says otherwise."""

    def __init__(self, gateway: IGateway, reactor: Any = None) -> None:
        self._gateway = gateway
        self._reactor = reactor
        self._proxy = DnsProxy(randbelow)
        self._wanted: dict[str, Lan] = {}
        self._served: dict[str, _Served] = {}
        self._pool: UdpPool | None = None
        self._opening: UdpPool | None = None
        self._tcp: TcpQuestions | None = None
        self._uplink: UplinkView | None = None
        self._unwatch: list[Unwatch] = []
        self._dials: deque[Dial] = deque()
        self._dialling = False
        self._tick: IDelayedCall | None = None

    # --- life

    def startService(self) -> None:
        """Follow the uplinks and the names."""
        super().startService()  # type: ignore[no-untyped-call]
        if self._reactor is None:
            from twisted.internet import reactor

            self._reactor = reactor
        self._tcp = TcpQuestions(self._reactor, self._proxy, self._gateway.clock, self.perform)
        self._unwatch = [
            self._gateway.names.watch(self._proxy.name_changed),
            self._gateway.uplinks.watch(self._uplink_changed),
        ]
        self._gateway.status.details(self.details)

    def stopService(self) -> Deferred[None]:
        """Withdraw from every LAN and close everything."""
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch = []
        if self._tick is not None and self._tick.active():
            self._tick.cancel()
        self._tick = None
        withdrawn = [self.withdraw(lan) for lan in list(self._wanted.values())]
        self._uplink = None
        self._close_upstream()
        self._proxy = DnsProxy(randbelow)
        super().stopService()  # type: ignore[no-untyped-call]
        return gatherResults(withdrawn).addCallback(lambda _: None)

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """What can change comes with ``serve``."""
        return succeed(Applied())

    # --- LANs

    def serve(self, lan: Lan, config: PluginConfig) -> Deferred[None]:
        """See ILanService.  A LAN that only changes its configuration keeps its sockets."""
        assert isinstance(config, DnsConfig)
        old = self._served.get(lan.name)
        self._wanted[lan.name] = lan
        if old is not None and _place(old.lan) == _place(lan):
            self._proxy.set_lan(lan, config)
            old.lan = lan
            return succeed(None)
        return Deferred.fromCoroutine(self._open(lan, config))

    async def _open(self, lan: Lan, config: DnsConfig) -> None:
        endpoint, host = Endpoint(lan.address.ip, DNS_PORT), self._gateway.host
        udp = await host.bind_udp(endpoint, lan.interface, receive_buffer=RECEIVE_BUFFER)
        try:
            tcp = await host.listen(endpoint, lan.interface)
        except BaseException:
            udp.close()
            raise
        if self._wanted.get(lan.name) is lan:
            self._opened(lan, config, udp, tcp)
        else:  # withdrawn, or served otherwise, meanwhile
            udp.close()
            tcp.close()

    def _opened(self, lan: Lan, config: DnsConfig, udp: socket, tcp: socket) -> None:
        self._stop_listening(lan.name)
        self._proxy.set_lan(lan, config)
        clock = self._gateway.clock
        listener = UdpListener(udp, lan, self._proxy, clock, self.perform, self._gateway.names.resolved)
        factory = TcpListener(lan, self._proxy, clock, self.perform)
        port = self._reactor.adoptStreamPort(tcp.fileno(), tcp.family, factory)
        tcp.close()  # the port has a descriptor of its own
        self._served[lan.name] = _Served(lan, listener, factory, port)
        self._reactor.addReader(listener)

    def withdraw(self, lan: Lan) -> Deferred[None]:
        """See ILanService."""
        self._wanted.pop(lan.name, None)
        self._proxy.drop_lan(lan.name)
        return self._stop_listening(lan.name)

    def _stop_listening(self, name: str) -> Deferred[None]:
        served = self._served.pop(name, None)
        if served is None:
            return succeed(None)
        self._reactor.removeReader(served.udp)
        served.udp.connectionLost(None)
        served.tcp.close()
        stopped: Deferred[None] = succeed(None)
        return stopped.addCallback(lambda _: served.port.stopListening()).addCallback(lambda _: None)

    # --- uplinks

    def _uplink_changed(self, view: UplinkView | None) -> None:
        """Open sockets towards the servers of the active uplink; the old ones close when the new ones are there."""
        if view is None or view.link is None:
            self._uplink = view
            self._close_upstream()
            self.perform(self._proxy.forwarder.uplink_down(self._gateway.clock.now()))
            return
        before, self._uplink = self._uplink, view
        if before is not None and self._pool is not None and _way(before) == _way(view):
            if self._servers(before) != self._servers(view):
                self._uplink_ready(view)
            return
        pool = self._opening = UdpPool(self._reactor, self._proxy, self._gateway.clock, self.perform)
        versions = [4, *(server.address.version for server in self._servers(view))]
        opened = pool.open(self._gateway.host, versions, view.mark)
        opened.addCallbacks(
            lambda _: self._pool_ready(view, pool), lambda f: self._pool_failed(view, pool, f)
        )

    def _servers(self, view: UplinkView) -> list[Endpoint]:
        families = view.link.families if view.link else ()
        return [Endpoint(address, DNS_PORT) for family in families for address in family.dns]

    def _pool_ready(self, view: UplinkView, pool: UdpPool) -> None:
        if self._opening is not pool:
            pool.close()  # the uplink has changed again meanwhile
            return
        self._opening = None
        old, self._pool = self._pool, pool
        if self._tcp is not None:
            self._tcp.close()
        self._uplink_ready(view)
        if old is not None:
            old.close()

    def _pool_failed(self, view: UplinkView, pool: UdpPool, failure: Failure) -> None:
        failure.trap(IcsError, OSError)
        if self._opening is pool:
            self._opening = None
            reason = failure.getErrorMessage()
            self._gateway.events.emit("dns.upstream.unusable", uplink=view.name, reason=reason)
            self.perform(self._proxy.forwarder.unusable(reason, self._gateway.clock.now()))

    def _uplink_ready(self, view: UplinkView) -> None:
        self.perform(self._proxy.uplink_up(self._servers(view), self._gateway.clock.now()))

    def _close_upstream(self) -> None:
        for pool in (self._pool, self._opening):
            if pool is not None:
                pool.close()
        self._pool = self._opening = None
        if self._tcp is not None:
            self._tcp.close()

    # --- wishes for a link

    def _dial(self, wish: Dial) -> None:
        """Ask for a link.  A refusal may come at once and lead to the next wish: one after the other, not one in the other."""
        self._dials.append(wish)
        if self._dialling:
            return
        self._dialling = True
        try:
            while self._dials:
                self._request(self._dials.popleft())
        finally:
            self._dialling = False

    def _request(self, wish: Dial) -> None:
        # Of a service that was stopped and started meanwhile it is another one.
        forwarder = self._proxy.forwarder

        def granted(_: Link) -> None:
            self.perform(forwarder.dial_granted(wish))

        def failed(failure: Failure) -> Failure | None:
            if failure.check(CancelledError):
                return failure  # we stop: nobody waits any more
            if failure.check(IcsError) is None:
                self._gateway.log.failure("a link was asked for", failure)
            reason, now = _one_line(failure.getErrorMessage()), self._gateway.clock.now()
            told = forwarder.dial_refused if failure.check(UplinkRefused) else forwarder.dial_failed
            self.perform(told(wish, reason, now))
            return None

        self._gateway.uplinks.request(self._cause(wish)).addCallbacks(granted, failed)

    def _cause(self, wish: Dial) -> Cause:
        lease = self._gateway.leases.find(wish.client)
        return Cause(
            rule=RULE,
            client=wish.client,
            mac=lease.mac if lease else "",
            hostname=lease.hostname if lease else "",
            protocol="udp",
            name=wish.name,
        )

    # --- carrying out

    def perform(self, actions: list[Action]) -> None:
        """Carry out what the proxy wants."""
        answered: set[tuple[str, int]] = set()
        for action in actions:
            if isinstance(action, Answer):
                self._answer(action, answered)
            elif isinstance(action, Forward):
                if self._pool is not None:
                    self._pool.send(action)
            elif isinstance(action, Resolved):
                self._gateway.names.resolved(action.client, action.name, action.addresses, action.ttl)
            else:
                self._perform_rare(action)
        for lan, number in answered:
            connection = self._served[lan].tcp.connections.get(number) if lan in self._served else None
            if connection is not None:
                connection.answered()
        self._watch_time()

    def _answer(self, action: Answer, answered: set[tuple[str, int]]) -> None:
        asker = action.asker
        served = self._served.get(asker.lan)
        if served is None:
            return
        if asker.connection:
            served.tcp.send(asker, action.message)
            answered.add((asker.lan, asker.connection))
        else:
            served.udp.send(asker, action.message)

    def _perform_rare(self, action: ForwardTcp | Abandon | Dial | Happened) -> None:
        if isinstance(action, Happened):
            self._gateway.events.emit(action.id, **action.fields)
        elif isinstance(action, Dial):
            self._dial(action)
        elif self._tcp is None:
            return
        elif isinstance(action, ForwardTcp):
            self._tcp.ask(self._gateway.host, action, self._uplink.mark if self._uplink else 0)
        else:
            self._tcp.abandon(action.token)

    def _watch_time(self) -> None:
        if self._tick is None and self._proxy.forwarder.deadline() is not None:
            self._tick = self._gateway.clock.call_later(TICK, self._time)

    def _time(self) -> None:
        self._tick = None
        self.perform(self._proxy.forwarder.timeout(self._gateway.clock.now()))

    # --- status

    def details(self) -> dict[str, Any]:
        """Counters and servers for ``ics status``."""
        proxy = self._proxy
        return {
            **asdict(proxy.counters),
            "waiting": proxy.room.total,
            "cached": len(proxy.cache),
            "names": len(proxy.names),
            "connections": sum(len(served.tcp.connections) for served in self._served.values()),
            "servers": proxy.forwarder.servers.details(),
        }


def _one_line(reason: str) -> str:
    """As it fits into an extended error."""
    return " ".join(reason.split())


def _way(view: UplinkView) -> tuple[str, int, tuple[Address, ...]]:
    """What sockets towards servers depend on: uplink, mark, and which addresses the link has."""
    families = view.link.families if view.link else ()
    return view.name, view.mark, tuple(a.ip for family in families for a in family.addresses)


def _place(lan: Lan) -> tuple[Any, ...]:
    """What the LAN's sockets depend on."""
    return lan.address, lan.ifindex  # a rename changes nothing: sockets are bound to the index
