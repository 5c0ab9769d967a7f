"""Brings a link about: one round of calls, number after number, and ends it again.

What an attempt that somebody has ended still says is not about the present: each
carries a token, and only the newest counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IReactorFDSet

from ics_plugins.uplinks.dialup.call import Call
from ics_plugins.uplinks.dialup.device import Device
from ics_plugins.uplinks.dialup.hangup import hang_up
from ics_plugins.uplinks.dialup.modem import Modem
from ics_plugins.uplinks.dialup.peer import link_settings
from ics_plugins.uplinks.dialup.pins import PinMemory
from ics_plugins.uplinks.dialup.plan import Numbers, Remedy, joined
from ics_plugins.uplinks.dialup.scripts import order, script_of
from ics_plugins.uplinks.dialup.steps import Connected, Fact, Failed, Fault, PinRefused, Stage
from icsframework.fields import SecretUnavailable
from icsframework.interfaces import IGateway
from icsframework.protocols.ppp.actions import Cause, Down, Result
from icsframework.protocols.ppp.link import PppLink
from icsframework.values import UplinkSettings

KEPT_FACTS = ("signal", "operator")
"""Facts that are of interest also when the try that found them is over."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of it: ``stage(words)``, ``up(result, ifindex)`` at each agreement, ``lost(down)`` after it."""

    stage: Callable[[str], None]
    up: Callable[[Result, int], None]
    lost: Callable[[Down], None]


@dataclass(frozen=True, slots=True)
class RoundFailed:
    """No number of this round led to a link."""

    reason: str
    refused: bool = False
    """The provider refused name or password."""
    settings: bool = False
    """Somebody must change something first."""
    silent: bool = False
    """The modem did not answer at all."""


class Dialer:
    """See the module's docstring.  ``octets(n)`` gives n random octets that cannot be guessed."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        settings: UplinkSettings,
        device: Device,
        told: Told,
        octets: Callable[[int], bytes],
    ) -> None:
        self.number = ""
        self.call: Call | None = None
        self.facts: dict[str, str | int] = {}
        """What the modem said, for status."""
        self._gateway = gateway
        self._reactor = reactor
        self._settings = settings
        self._device = device
        self._told = told
        self._octets = octets
        self._pins = PinMemory(gateway, octets)
        self._numbers = Numbers(settings.own.called)
        self._attempt: object | None = None
        self._over: Deferred[None] | None = None

    # --- what the uplink asks for

    def configure(self, settings: UplinkSettings) -> None:
        """Settings for the next round; a call that is up keeps what it has agreed on."""
        if settings.own.called != self._settings.own.called:
            self._numbers = Numbers(settings.own.called)
        self._settings = settings

    def dial(self, remedy: Remedy) -> Deferred[Any]:
        """One round; Deferred of RoundFailed, or of None: a link is up, or somebody ended it."""
        self._attempt = attempt = object()
        self.facts = {name: value for name, value in self.facts.items() if name in KEPT_FACTS}
        result: Deferred[Any] = self._round(attempt, remedy)
        return result

    @inlineCallbacks
    def end(self, reason: str) -> Any:
        """Tell the provider, hang up; Deferred fires when that is done."""
        idle = self._attempt is None
        self._attempt = None
        call, modem = self.call, self._device.modem
        if call is not None:
            over: Deferred[None] = Deferred()
            self._over = over
            call.close(reason)
            yield over
        if not idle and self._device.modem is not None and self._device.modem is modem:
            yield self._hang_up(modem)

    def drop(self) -> None:
        """It is over without a word: the device is gone, or the gateway stops."""
        self._attempt = None
        call, self.call = self.call, None
        if call is not None:
            call.drop()
        self._is_over()

    def close(self) -> Deferred[None]:
        """Drop all, and close the journal; Deferred."""
        self.drop()
        return self._pins.close()

    # --- a round

    @inlineCallbacks
    def _round(self, attempt: object, remedy: Remedy) -> Any:
        if self._settings.own.pin is not None:
            yield self._pins.open()
        if remedy.reopen and attempt is self._attempt:
            yield self._device.reopen()
        reasons: list[str] = []
        failed = RoundFailed("")
        number: str | None = self._numbers.begin()
        while number is not None and attempt is self._attempt:
            self.number = number
            outcome = yield self._try(number, remedy.reset, attempt)
            if outcome is None or attempt is not self._attempt:
                return None
            failed, another = outcome
            reasons.append(failed.reason)
            following = self._numbers.following()
            number = following if another else None
        if attempt is not self._attempt:
            return None
        self._attempt = None
        return RoundFailed(joined(reasons), failed.refused, failed.settings, failed.silent)

    @inlineCallbacks
    def _try(self, number: str, reset: bool, attempt: object) -> Any:
        """One number: None if it is up or ended, else RoundFailed, and whether another number may do better."""
        own, modem = self._settings.own, self._device.modem
        if modem is None:
            return RoundFailed(f"the modem {own.device} could not be opened"), False
        try:
            told = order(own, number, reset, self._pins.refused)
        except SecretUnavailable as error:
            return RoundFailed(str(error), settings=True), False
        modem.ready(own.flow_control)
        outcome = yield modem.converse(script_of(own, told), self._hear)
        if attempt is not self._attempt:
            return None
        if isinstance(outcome, Connected):
            return (yield self._link(modem, outcome, own.user and told.password, attempt))
        assert isinstance(outcome, Failed)
        fault = outcome.fault
        failed = RoundFailed(outcome.reason, settings=fault is Fault.SETTINGS, silent=fault is Fault.SILENT)
        return failed, fault is Fault.CALL

    @inlineCallbacks
    def _link(self, modem: Modem, connected: Connected, password: str, attempt: object) -> Any:
        """PPP on a line that is through."""
        settings = self._settings
        came: Deferred[Down | None] = Deferred()

        def up(result: Result, ifindex: int) -> None:
            self._told.up(result, ifindex)
            if not came.called:
                came.callback(None)

        def ended(down: Down) -> None:
            self.call = None
            if not came.called:
                came.callback(down)
            elif attempt is self._attempt:
                self._attempt = None
                self._hang_up(modem)
                self._told.lost(down)
            self._is_over()

        link = PppLink(link_settings(settings.own, password or None, settings.mtu), self._octets)
        stage = self._told.stage
        self.call = Call(
            self._gateway, self._reactor, modem, link, settings.interface, connected.speed, up, ended, stage
        )
        self.call.start(connected.rest)
        down = yield came
        if down is None or attempt is not self._attempt:
            return None
        yield self._hang_up(modem)
        where = f"{self.number}: " if self.number else ""
        refused = down.cause is Cause.REFUSED
        return RoundFailed(where + down.reason, refused=refused), not refused

    # --- the end

    def _hang_up(self, modem: Modem) -> Deferred[Any]:
        if self._device.modem is not modem:
            return succeed(None)
        at = self._settings.own.kind in ("hayes", "cellular")
        return modem.converse(hang_up(modem.speed, at))

    def _is_over(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            over.callback(None)

    def _hear(self, action: Any) -> None:
        match action:
            case Stage(words):
                self._told.stage(words)
            case Fact(name, value):
                self.facts[name] = value
            case PinRefused(pin):
                self._pins.remember(pin)
