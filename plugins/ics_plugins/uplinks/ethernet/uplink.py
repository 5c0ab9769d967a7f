"""An Ethernet interface as a way to the Internet: watches the cable, gets or takes its address, announces the link."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet
from zope.interface import implementer

from ics_plugins.uplinks.ethernet.lease import Lease
from ics_plugins.uplinks.ethernet.session import DhcpSession, LeaseMemory
from icsframework.errors import UplinkFailed
from icsframework.interfaces import IGateway, IUplink, Unwatch
from icsframework.values import (
    Absent,
    Applied,
    Cause,
    Connecting,
    Down,
    Failed,
    Family,
    InterfaceInfo,
    Link,
    RestartMe,
    Up,
    UplinkSettings,
    UplinkState,
)

CARRIER_GRACE = 1.0
"""Seconds without carrier before the link counts as lost: a switch that negotiates anew is shorter, a person waits longer."""

Observer = Callable[[UplinkState], None]


@implementer(IUplink)
class EthernetUplink(Service):
    """One entry of ``uplinks:`` with ``plugin: ethernet``."""

    def __init__(
        self, settings: UplinkSettings, gateway: IGateway, observer: Observer, reactor: IReactorFDSet
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._observer = observer
        self._reactor = reactor
        self._memory = LeaseMemory(gateway)
        self._info: InterfaceInfo | None = None
        self._state: UplinkState = Absent(f"{settings.interface} has not been looked at yet")
        self._since = 0.0
        self._session: DhcpSession | None = None
        self._lease: Lease | None = None
        self._waiters: list[Deferred[Link]] = []
        self._unwatch: Unwatch | None = None
        self._grace: IDelayedCall | None = None
        gateway.status.details(self._details)

    # --- IPlugin

    def startService(self) -> None:
        """See IPlugin."""
        Service.startService(self)
        self._unwatch = self._gateway.host.watch_interface(self._settings.interface, self._seen)

    def stopService(self) -> Deferred[None] | None:
        """See IPlugin."""
        Service.stopService(self)
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._cancel_grace()
        self._end_session(release=False)
        return self._memory.close()

    def reconfigure(self, new: UplinkSettings) -> Deferred[Applied | RestartMe]:
        """See IPlugin: DNS servers, MTU and the metered flag are taken in place."""
        old = self._settings
        if (new.interface, new.own, new.mac, new.mark) != (old.interface, old.own, old.mac, old.mark):
            return succeed(RestartMe())
        self._settings = new
        if isinstance(self._state, Up):
            self._announce()
        return succeed(Applied())

    # --- IUplink

    def connect(self, cause: Cause) -> Deferred[Link]:
        """See IUplink."""
        if isinstance(self._state, Up):
            return succeed(self._state.link)
        if isinstance(self._state, Absent):
            return fail(UplinkFailed(self._state.reason))
        waiter: Deferred[Link] = Deferred()
        self._waiters.append(waiter)
        if not isinstance(self._state, Connecting):
            self._begin()
        return waiter

    def disconnect(self, reason: str) -> Deferred[None]:
        """See IUplink."""
        self._end_session(release=True)
        if isinstance(self._state, (Connecting, Up)):
            self._report(Down(reason))
        return succeed(None)

    @inlineCallbacks
    def adopt(self, saved: Link) -> Any:
        """See IUplink: a static address goes on, a leased one if its lease does."""
        info = self._info
        if info is None or not info.carrier or saved.interface != info.name:
            return None
        self._since = saved.since
        if self._settings.own.address is not None:
            return self._announce()
        yield self._memory.open()
        lease = self._memory.still_valid(info.mac)
        if lease is None or saved.v4 is None or lease.address not in saved.v4.addresses:
            return None
        yield self._start_session(info, lease, resume=True)
        return self._state.link if isinstance(self._state, Up) else None

    # --- the cable

    def _seen(self, info: InterfaceInfo | None) -> None:
        self._info = info
        trouble = self._trouble(info)
        if trouble is None:
            self._cancel_grace()
            if isinstance(self._state, Absent):
                self._report(Down())
        elif info is not None and isinstance(self._state, Up):
            if self._grace is None:
                self._grace = self._gateway.clock.call_later(CARRIER_GRACE, self._gone)
        else:
            self._gone()

    def _trouble(self, info: InterfaceInfo | None) -> str | None:
        name = self._settings.interface
        if info is None:
            return f"there is no interface {name}; plug it in, or correct interface: (ip link lists them)"
        return None if info.up and info.carrier else f"{name} has no carrier; is the cable plugged in?"

    def _gone(self) -> None:
        self._grace = None
        reason = self._trouble(self._info)
        if reason is not None and self._state != Absent(reason):
            self._end_session(release=False)
            self._report(Absent(reason))

    def _cancel_grace(self) -> None:
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        self._grace = None

    # --- connecting

    def _begin(self) -> None:
        self._since = self._gateway.clock.now()
        if self._settings.own.address is not None:
            self._announce()
            return
        self._report(Connecting("dhcp"))
        self._begin_dhcp().addErrback(self._broke)

    @inlineCallbacks
    def _begin_dhcp(self) -> Any:
        yield self._memory.open()
        info = self._info
        if info is not None and isinstance(self._state, Connecting) and self._session is None:
            yield self._start_session(info, self._memory.last(info.mac))

    def _start_session(self, info: InterfaceInfo, last: Lease | None, resume: bool = False) -> Deferred[Any]:
        hostname = self._settings.own.hostname
        session = DhcpSession(
            self._gateway, self._reactor, info, hostname, self._settings.mark, self._bound, self._lost
        )
        self._session = session
        return session.start(last, resume)

    def _end_session(self, release: bool) -> None:
        session, self._session = self._session, None
        self._lease = None
        if session is not None:
            session.stop(release)

    def _bound(self, lease: Lease) -> None:
        known = self._lease
        self._lease = lease
        if self._info is not None and (known is None or known.obtained != lease.obtained):
            self._memory.save(lease, self._info.mac)
        self._announce()

    def _lost(self, reason: str) -> None:
        self._end_session(release=False)
        self._report(Failed(f"{reason} on {self._settings.interface}"))

    def _broke(self, failure: Any) -> None:
        self._end_session(release=False)
        self._report(Failed(failure.getErrorMessage()))

    def _announce(self) -> Link:
        link = self._link()
        if self._state != Up(link):
            self._report(Up(link))
        return link

    def _link(self) -> Link:
        info, settings = self._info, self._settings
        assert info is not None
        return Link(
            interface=info.name,
            ifindex=info.ifindex,
            parent=None,
            kind="ethernet",
            carrier="kernel",
            mtu=settings.mtu or (self._lease.mtu if self._lease is not None else None) or info.mtu,
            metered=settings.metered,
            since=self._since,
            v4=self._family(),
        )

    def _family(self) -> Family:
        settings = self._settings
        static = settings.own.address
        if static is not None:
            return Family((static.address,), static.gateway, settings.dns or static.dns)
        assert self._lease is not None
        return self._lease.family(settings.dns)

    # --- telling

    def _report(self, state: UplinkState) -> None:
        self._state = state
        self._observer(state)
        if isinstance(state, Connecting):
            return
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if isinstance(state, Up):
                waiter.callback(state.link)
            else:
                waiter.errback(UplinkFailed(state.reason))

    def _details(self) -> dict[str, Any]:
        lease = self._lease
        found: dict[str, Any] = self._session.details() if self._session is not None else {}
        if lease is not None:
            left = lease.expires - self._gateway.clock.now()
            found |= {"server": str(lease.server), "lease_seconds_left": max(0, round(left))}
        return found
