"""An Ethernet interface as a way to the Internet: watches the cable, gets or takes its address, announces the link."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet
from zope.interface import implementer

from ics_plugins.uplinks.ethernet.actions import Lost
from ics_plugins.uplinks.ethernet.cable import another_device, grace, trouble
from ics_plugins.uplinks.ethernet.lease import Lease
from ics_plugins.uplinks.ethernet.link import make_link
from ics_plugins.uplinks.ethernet.memory import LeaseMemory
from ics_plugins.uplinks.ethernet.session import DhcpSession, Told
from icsframework.errors import UplinkFailed
from icsframework.interfaces import IGateway, IUplink, Unwatch
from icsframework.values import (
    Absent,
    Applied,
    Cause,
    Connecting,
    Down,
    Failed,
    InterfaceInfo,
    Link,
    RestartMe,
    Up,
    UplinkSettings,
    UplinkState,
)

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
        self._device_mtu = 0
        self._state: UplinkState = self._unknown()
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
        self._watch()

    def _watch(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
        self._unwatch = self._gateway.host.watch_interface(self._settings.interface, self._seen)

    def stopService(self) -> Deferred[None]:
        """See IPlugin.  The lease is kept and nobody is told: whoever stops us for good disconnects first."""
        Service.stopService(self)
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._cancel_grace()
        ended = self._end_session(release=False)
        self._down("the gateway stops")
        self._info, self._state = None, self._unknown()
        return ended.addCallback(lambda _: self._memory.close())

    def reconfigure(self, new: UplinkSettings) -> Deferred[Applied | RestartMe]:
        """See IPlugin: DNS servers, MTU, the metered flag and another name of the same device are taken in place."""
        old = self._settings
        if (new.own, new.mac, new.mark) != (old.own, old.mac, old.mark):
            return succeed(RestartMe())
        if new.interface != old.interface:
            if self._info is not None and self._info.name != new.interface:
                return succeed(RestartMe())
            self._settings = new  # the same device by another name, or none is there
            self._watch()
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
        waiter: Deferred[Link] = Deferred(self._forget_waiter)
        self._waiters.append(waiter)
        if not isinstance(self._state, Connecting):
            self._begin()
        return waiter

    def disconnect(self, reason: str) -> Deferred[None]:
        """See IUplink: the lease is given back (RFC 2131 section 4.4.6), and its address remembered as a wish."""
        if self._lease is not None and self._session is not None:
            self._memory.keep(self._lease, self._session.info.mac, held=False)
        # First the RELEASE, which needs the address, then the news, which takes it away.
        return self._end_session(release=True).addCallback(lambda _: self._down(reason))

    @inlineCallbacks
    def adopt(self, saved: Link) -> Any:
        """See IUplink: a static address goes on, a leased one if its lease does."""
        yield self._memory.open()
        info = self._info
        if info is None or not isinstance(self._state, Down) or saved.interface != info.name:
            return None
        if self._settings.own.address is not None:
            self._since = saved.since
            return self._announce()
        found = self._memory.recall(info.mac)
        if found is None or not found.held or found.since != saved.since:
            return None
        if self._gateway.clock.now() >= found.lease.expires:
            return None
        if saved.v4 is None or found.lease.address not in saved.v4.addresses:
            return None
        self._since = saved.since
        session = self._new_session(info)
        yield session.resume(found.lease).addErrback(self._broke, session)
        return self._announced()

    # --- the cable

    def _seen(self, info: InterfaceInfo | None) -> None:
        before, self._info = self._info, info
        if another_device(before, info):
            self._fail(f"{self._settings.interface} is another device than before")
        if info is not None:
            self._take_name(before, info)
            self._take_mtu(info)
        if trouble(self._settings.interface, info) is None:
            self._cancel_grace()
            if isinstance(self._state, Absent):
                self._report(Down())
        elif info is not None and isinstance(self._state, Up):
            if self._grace is None:
                wait = grace(self._state.link.mtu, self._device_mtu)
                self._grace = self._gateway.clock.call_later(wait, self._gone)
        else:
            self._gone()

    def _take_name(self, before: InterfaceInfo | None, info: InterfaceInfo) -> None:
        """The device may be called something else by now: lease and link go on under that name."""
        if before is None or before.name == info.name or another_device(before, info):
            return
        if self._session is not None:
            self._session.info = info
        if isinstance(self._state, Up):
            self._announce()

    def _take_mtu(self, info: InterfaceInfo) -> None:
        """Remember the device's own MTU; what the core set because of our link is not it."""
        if not isinstance(self._state, Up):
            self._device_mtu = info.mtu
        elif info.mtu not in (self._state.link.mtu, self._device_mtu):
            self._device_mtu = info.mtu
            self._announce()

    def _gone(self) -> None:
        self._cancel_grace()
        reason = trouble(self._settings.interface, self._info)
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
        self._memory.open().addCallback(self._begin_dhcp)

    def _begin_dhcp(self, _: object) -> None:
        info = self._info
        if info is None or not isinstance(self._state, Connecting) or self._session is not None:
            return  # meanwhile stopped, or begun by somebody else
        found = self._memory.recall(info.mac)
        session = self._new_session(info)
        if found is None:
            started = session.start()
        elif found.held and not found.expired:
            started = session.start(found.lease)
        else:
            started = session.start(hint=found.lease.address.ip)
        started.addErrback(self._broke, session)

    def _new_session(self, info: InterfaceInfo) -> DhcpSession:
        told = Told(self._stage, self._bound, lambda: self._memory.forget(info.mac), self._lost)
        own, mark = self._settings.own, self._settings.mark
        self._session = DhcpSession(self._gateway, self._reactor, info, own.hostname, mark, told)
        return self._session

    def _end_session(self, release: bool) -> Deferred[None]:
        session, self._session = self._session, None
        self._lease = None
        return session.stop(release) if session is not None else succeed(None)

    def _stage(self, words: str) -> None:
        if isinstance(self._state, Connecting) and self._state.stage != words:
            self._report(Connecting(words))

    def _bound(self, lease: Lease) -> None:
        self._lease = lease
        if self._session is not None:
            self._memory.keep(lease, self._session.info.mac, since=self._since)
        self._announce()

    def _lost(self, lost: Lost) -> None:
        retry_at = self._gateway.clock.now() + lost.pause if lost.pause else None
        self._fail(f"{lost.reason} on {self._settings.interface}", retry_at)

    def _broke(self, failure: Any, session: DhcpSession) -> None:
        if session is self._session:
            self._fail(failure.getErrorMessage())

    def _fail(self, reason: str, retry_at: float | None = None) -> None:
        self._end_session(release=False)
        if isinstance(self._state, (Connecting, Up)):
            self._report(Failed(reason, retry_at))

    def _announce(self) -> Link:
        assert self._info is not None
        link = make_link(self._settings, self._info, self._device_mtu, self._lease, self._since)
        if self._state != Up(link):
            self._report(Up(link))
        return link

    # --- telling

    def _announced(self) -> Link | None:
        return self._state.link if isinstance(self._state, Up) else None

    def _unknown(self) -> UplinkState:
        return Absent(f"{self._settings.interface} has not been looked at yet")

    def _down(self, reason: str) -> None:
        if isinstance(self._state, (Connecting, Up)):
            self._report(Down(reason))

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

    def _forget_waiter(self, waiter: Deferred[Link]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def _details(self) -> dict[str, Any]:
        found: dict[str, Any] = self._session.details() if self._session is not None else {}
        if self._lease is not None:
            left = self._lease.expires - self._gateway.clock.now()
            found |= {"server": str(self._lease.server), "lease_seconds_left": max(0, round(left))}
        return found
