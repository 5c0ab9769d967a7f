"""The uplink: watches the device, has the numbers called, and tells how it stands."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.interfaces import IReactorFDSet
from zope.interface import implementer

from ics_plugins.uplinks.dialup import plan
from ics_plugins.uplinks.dialup.device import Device
from ics_plugins.uplinks.dialup.dialer import Dialer, RoundFailed, Told
from ics_plugins.uplinks.dialup.peer import make_link
from icsframework.errors import IcsError, InterfaceMissing, UplinkFailed
from icsframework.interfaces import IGateway, IUplink
from icsframework.protocols.ppp import actions as ppp
from icsframework.values import (
    Absent,
    Applied,
    Cause,
    Connecting,
    Down,
    Failed,
    Link,
    RestartMe,
    Up,
    UplinkSettings,
    UplinkState,
)

LINE_KEYS = ("device", "speed", "rtscts", "modem")
"""Keys of the line and what is at its end: a change of these ends a call."""
LASTED = 60.0
"""Seconds that a link must last to end a row of failures: a provider that lets us in and throws us out is a failure."""


@implementer(IUplink)
class DialupUplink(Service):
    """See the module's docstring.  ``octets(n)`` gives n random octets that cannot be guessed, ``random`` a float in [0, 1)."""

    def __init__(
        self,
        settings: UplinkSettings,
        gateway: IGateway,
        observer: Callable[[UplinkState], None],
        reactor: IReactorFDSet,
        octets: Callable[[int], bytes],
        random: Callable[[], float],
    ) -> None:
        own = settings.own
        self._settings = settings
        self._gateway = gateway
        self._observer = observer
        self._random = random
        self._device = Device(gateway, reactor, own.device, own.speed, self._found, self._gone)
        told = Told(self._stage, self._up, self._lost)
        self._dialer = Dialer(gateway, reactor, settings, self._device, told, octets)
        self._state: UplinkState = self._unknown()
        self._failures = self._refusals = 0
        """Rounds that failed in a row, and of these those that ended with a wrong password."""
        self._silent = False
        self._since = 0.0
        self._waiters: list[Deferred[Link]] = []
        self._next: list[Deferred[Link]] = []
        """Who asked while it was being disconnected."""
        self._leaving = False
        self._leavers: list[Deferred[None]] = []
        gateway.status.details(self._details)

    # --- IPlugin

    def startService(self) -> None:
        """See IPlugin."""
        Service.startService(self)
        self._device.start()

    def stopService(self) -> Deferred[None]:
        """See IPlugin.  A link that this process carries ends with it; the provider hears of it from the modem."""
        Service.stopService(self)
        closed = self._dialer.close()
        self._device.stop()
        self._down("the gateway stops")
        self._state = self._unknown()
        return closed

    def reconfigure(self, new: UplinkSettings) -> Deferred[Applied | RestartMe]:
        """See IPlugin: a link that is up stays up, unless the line itself is another; what is about calls holds from the next one."""
        old = self._settings
        if self._needs_restart(old, new):
            return succeed(RestartMe())
        self._settings = new
        if new.own != old.own:
            self._dialer.configure(new)
            self._gateway.log.info("the call goes on; what has changed of it holds from the next one")
        state, call = self._state, self._dialer.call
        if isinstance(state, Up) and call is not None and call.result is not None:
            self._up(call.result, state.link.ifindex)
        return succeed(Applied())

    def _needs_restart(self, old: UplinkSettings, new: UplinkSettings) -> bool:
        if (new.mtu, new.mark, new.interface) != (old.mtu, old.mark, old.interface):
            return True
        if any(getattr(new.own, key) != getattr(old.own, key) for key in LINE_KEYS):
            return True
        # A number or a password that was corrected is tried at once.
        return bool(new.own != old.own) and not isinstance(self._state, Up)

    # --- IUplink

    def connect(self, cause: Cause) -> Deferred[Link]:
        """See IUplink."""
        if isinstance(self._state, Up) and not self._leaving:
            return succeed(self._state.link)
        if isinstance(self._state, Absent):
            return fail(UplinkFailed(self._state.reason))
        waiter: Deferred[Link] = Deferred(self._forget_waiter)
        if self._leaving:
            self._next.append(waiter)
            return waiter
        self._waiters.append(waiter)
        if not isinstance(self._state, Connecting):
            self._begin()
        return waiter

    def disconnect(self, reason: str) -> Deferred[None]:
        """See IUplink: the provider is told, the modem hangs up, and the interface goes."""
        told: Deferred[None] = Deferred()
        self._leavers.append(told)
        asked, self._next = self._next, []
        _fail(asked, reason)
        if not self._leaving:
            self._leaving = True
            self._leave(reason).addErrback(self._not_in_order).addCallback(self._left)
        return told

    def adopt(self, saved: Link) -> Deferred[Link | None]:
        """See IUplink: a link that the daemon carried ended with it."""
        if isinstance(self._state, Down):
            self._report(Down("the call ended with the daemon that carried it"))
        return succeed(None)

    # --- the device

    def _found(self) -> None:
        if isinstance(self._state, Absent):
            self._report(Down())

    def _gone(self, reason: str) -> None:
        self._dialer.drop()
        if self._state != Absent(reason):
            self._report(Absent(reason))

    # --- connecting

    def _begin(self) -> None:
        self._report(Connecting("initialising"))
        remedy = plan.remedy(self._failures, self._silent)
        self._dialer.dial(remedy).addCallbacks(self._round_over, self._broke)

    def _round_over(self, outcome: RoundFailed | None) -> None:
        if outcome is None:
            return
        self._silent = outcome.silent
        self._failures += 1
        self._refusals = self._refusals + 1 if outcome.refused else 0
        pause, reason = self._pause(outcome), outcome.reason
        if outcome.refused:
            reason += f"; the same password is not tried again for {pause / 60:.0f} min, but by ics connect"
        self._failed(reason, pause)

    def _pause(self, outcome: RoundFailed) -> float:
        own, chance = self._settings.own, self._random()
        if outcome.refused:
            return plan.refused_pause(self._refusals, chance)
        if outcome.settings:
            return plan.SETTINGS_PAUSE
        return plan.pause(self._failures, own.redial, own.redial_max, chance)

    def _broke(self, failure: Any) -> None:
        """A defect of ours: said, and tried again like any failure."""
        self._gateway.log.failure("the attempt to dial met a defect", failure)
        self._dialer.drop()
        self._failures += 1
        self._failed(f"a defect: {failure.getErrorMessage()}", self._settings.own.redial_max)

    def _failed(self, reason: str, pause: float) -> None:
        if isinstance(self._state, Connecting | Up):
            self._report(Failed(reason, self._gateway.clock.now() + pause))

    def _stage(self, words: str) -> None:
        if not self._leaving and isinstance(self._state, Connecting) and self._state.stage != words:
            self._report(Connecting(words))

    def _up(self, result: ppp.Result, ifindex: int) -> None:
        if self._leaving:
            return
        if not isinstance(self._state, Up):
            self._since = self._gateway.clock.now()
        link = make_link(self._settings, ifindex, result, self._since)
        if self._state != Up(link):
            self._report(Up(link))

    def _lost(self, down: ppp.Down) -> None:
        if not isinstance(self._state, Up) or self._leaving:
            return
        lasted = self._gateway.clock.now() - self._since
        if lasted >= LASTED:
            self._failures = self._refusals = 0
        self._failures += 1
        own = self._settings.own
        self._failed(down.reason, plan.pause(self._failures, own.redial, own.redial_max, self._random()))

    # --- disconnecting

    @inlineCallbacks
    def _leave(self, reason: str) -> Any:
        yield self._dialer.end(reason)
        self._down(reason)
        yield self._remove_interface()

    @inlineCallbacks
    def _remove_interface(self) -> Any:
        """It was made to outlive us, perhaps by an earlier process; opened once more without that it goes when it is closed."""
        host, name = self._gateway.host, self._settings.interface
        try:
            if (yield host.interface(name)).kind != "tun":
                return
            device = yield host.open_tun(name, 1500, False)
        except InterfaceMissing:
            return
        except IcsError as error:
            self._gateway.log.debug("the interface could not be removed: {why}", why=str(error))
        else:
            device.close()

    def _not_in_order(self, failure: Any) -> None:
        """A defect of ours: the link is down all the same."""
        self._gateway.log.failure("could not disconnect in order", failure)
        self._dialer.drop()
        self._down("disconnected")

    def _left(self, _: object) -> None:
        self._leaving = False
        leavers, self._leavers = self._leavers, []
        for leaver in leavers:
            leaver.callback(None)
        asked, self._next = self._next, []
        if isinstance(self._state, Absent):
            _fail(asked, self._state.reason)
        elif asked:
            self._waiters += asked
            self._begin()

    # --- telling

    def _unknown(self) -> UplinkState:
        return Absent(f"{self._settings.own.device} has not been looked at yet")

    def _down(self, reason: str) -> None:
        self._failures = self._refusals = 0
        if isinstance(self._state, Connecting | Up | Failed):
            self._report(Down(reason))

    def _report(self, state: UplinkState) -> None:
        self._state = state
        if isinstance(state, Connecting):
            self._observer(state)
            return
        waiters, self._waiters = self._waiters, []
        self._observer(state)  # which may ask for the next try at once
        if isinstance(state, Up):
            for waiter in waiters:
                waiter.callback(state.link)
        else:
            _fail(waiters, state.reason)

    def _forget_waiter(self, waiter: Deferred[Link]) -> None:
        for waiting in (self._waiters, self._next):
            if waiter in waiting:
                waiting.remove(waiter)

    def _details(self) -> dict[str, Any]:
        """Numbers and the user's name are shown, passwords and PINs never."""
        own, dialer, modem = self._settings.own, self._dialer, self._device.modem
        found: dict[str, Any] = {"device": own.device, "modem": own.kind, **dialer.facts}
        if dialer.number:
            found["number"] = dialer.number
        if own.user:
            found["user"] = own.user
        if modem is not None and modem.heard:
            found["answer"] = modem.heard
        return found if dialer.call is None else found | dialer.call.details()


def _fail(waiters: Iterable[Deferred[Link]], reason: str) -> None:
    for waiter in waiters:
        waiter.errback(UplinkFailed(reason))
