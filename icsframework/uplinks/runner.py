"""One uplink: its plugin, its policy, and the callers who wait for it.

What the plugin reports goes into ``policy.step``; ``connect`` and ``disconnect`` are
called as the policy says.  A link that the plugin announces is shown as up only
when the core has it in force (``settle``); until then it is ``connecting``, stage
``configuring``.  When a link is lost the new state is put in force first and told
afterwards.

A link that an earlier process left counts as announced until the plugin has said
whether it goes on: the machine keeps its addresses and routes for that moment.
A link that was lost with its carrier leaves its addresses (``lingering``), so that
a cable plugged in again finds every flow as it was; how long, and that nobody else
carries the flows meanwhile, is decided here and by the supervisor.

The meter counts what the link costs; what it permits is asked before every wish,
and whenever it says that its answer may have changed.
"""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, inlineCallbacks, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError, UplinkFailed, UplinkRefused
from icsframework.frozen import dataclass
from icsframework.interfaces import IClock, IEvents, IUplink
from icsframework.patience import PATIENCE, after, within
from icsframework.status import cause_to_json
from icsframework.uplinks import policy as rules
from icsframework.uplinks.lingering import Lingering
from icsframework.uplinks.permission import IMeter, Unmetered
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.uplinks.refusals import Refusals
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.steps import Steps
from icsframework.uplinks.traffic import TrafficRule
from icsframework.uplinks.wishes import ruled
from icsframework.values import (
    Absent,
    Cause,
    Connecting,
    Down,
    Failed,
    Link,
    Refused,
    ShownState,
    Up,
    UplinkState,
    UplinkView,
)

ADOPT_PATIENCE = 10.0
"""Seconds a plugin may take to say whether its link goes on; it looks at what is there and asks nobody."""

PluginMaker = Callable[[Callable[[UplinkState], None]], IUplink]
"""Makes the plugin, given its observer."""


@dataclass(frozen=True, slots=True)
class UplinkSpec:
    """What must be known of one entry of ``uplinks:``.

    ``quiet``: when it is hung up; ``wake``: the rules of what may dial it, empty for everything; ``meter`` counts for
    its limits.
    """

    name: str
    plugin: str
    connect: rules.ConnectMode
    interface: str
    metered: bool
    mark: int
    make: PluginMaker
    quiet: Quiet = NEVER_QUIET
    wake: tuple[TrafficRule, ...] = ()
    meter: IMeter = field(default_factory=Unmetered)


class Runner:
    """Runs one uplink.  ``changed`` is called whenever its view may have changed."""

    def __init__(
        self,
        spec: UplinkSpec,
        clock: IClock,
        events: IEvents,
        log: Logger,
        settle: Callable[[], Deferred[Any]],
        changed: Callable[[], None],
        random: Callable[[], float],
    ) -> None:
        self.spec = spec
        self.policy = rules.UplinkPolicy(spec.connect, spec.quiet)
        self.cause: Cause | None = None
        """Why it is or was last up."""
        self._clock = clock
        self._events = events
        self._log = log
        self._settle = settle
        self._changed = changed
        self._random = random
        self.steps = Steps(clock.now, lambda stage: self._emit("uplink.stage", stage=stage))
        self._settled: Link | None = None
        self._saved: Link | None = None
        """The link of an earlier process, until the plugin has said whether it goes on."""
        self._seen: UplinkState = Down()
        """What the plugin said of its device meanwhile."""
        self._lingering = Lingering(clock, self._agree)
        self._waiters: list[Deferred[Link]] = []
        self._timer: IDelayedCall | None = None
        """Fires at the policy's deadline."""
        self._due: float | None = None
        """That deadline."""
        self._feeding = 0
        self._unasked = False
        """True if the meter's answer has changed while something else is being done."""
        self._refusals = Refusals()
        self._unwatch = spec.meter.watch(self._meter_changed)
        self._stopping = False
        self._calls = 0
        """Calls of connect and disconnect so far: what an earlier one says late is not about the present."""
        self._unusable: tuple[Link, Failed] | None = None
        """The link that the machine refused, until the plugin is done with it."""
        self._disconnecting: Deferred[Any] = succeed(None)
        """The last ``disconnect``: fires when the plugin has done it."""
        self._leaving: Deferred[Any] = succeed(None)
        """The last loss of the link: fires when the machine is without it."""
        self._losses = 0
        self.plugin = spec.make(self._observe)

    # --- life ---

    def start(self, saved: SavedUplink | None = None) -> None:
        """Start the plugin and, if the mode says so, connect as soon as the device is there.

        ``saved`` is what an earlier process left: its link is adopted if it goes on, a link that was hung up stays down.
        Raises what the plugin raises; then nothing it says later counts.
        """
        self.ask_meter()
        if saved is not None and saved.link is not None:
            self._adopt(saved.link, saved.cause or Cause(rule="always"), saved.override)
        else:
            self._start_plugin()
        if saved is not None and saved.hung_up is not None:
            self._feed(rules.HungUp(saved.hung_up, saved.until))
        elif saved is None or saved.link is None:
            self._feed(rules.Started())

    def _start_plugin(self) -> None:
        try:
            self.plugin.startService()
        except Exception:
            self._end("its plugin could not be started")
            raise

    @inlineCallbacks
    def stop(self, reason: str) -> Any:
        """Disconnect, stop the plugin; Deferred fires when the machine no longer shows it."""
        self._end(reason)
        was_up = self._settled is not None
        left = was_up or self._saved is not None or self.lingering is not None or self.announced is not None
        yield self._guarded("disconnect", lambda: self.plugin.disconnect(reason), PATIENCE)
        yield self._guarded("stop", self.plugin.stopService, PATIENCE)
        self.policy = rules.UplinkPolicy(self.spec.connect, device=Down(reason))
        self._settled = self._saved = self._lingering.link = None
        self.spec.meter.down()
        if left:
            yield self._agree()
        if was_up or self.steps.connect is not None:
            self._emit("uplink.down", reason=reason, **self.steps.end())

    @inlineCallbacks
    def hand_over(self, reason: str) -> Any:
        """Stop the plugin without a disconnect: the link stays for the next process; Deferred."""
        self._end(reason)
        yield self._guarded("stop", self.plugin.stopService, PATIENCE)

    def _end(self, reason: str) -> None:
        self._stopping = True
        self._unwatch()
        self._cancel_timer()
        self._lingering.stop()
        self._fail_waiters(UplinkFailed(reason))

    def remembered(self, index: int) -> SavedUplink:
        """What the next process must know of this uplink; ``index`` is that of its mark."""
        policy, cause = self.policy, self.cause if self.announced else None
        if policy.barred is not None:
            return SavedUplink(index, self.announced, cause, policy.barred.reason, policy.barred.retry_at)
        hung_up = policy.reason if policy.mode == "always" and policy.wanted is None else None
        return SavedUplink(index, self.announced, cause, hung_up, override=policy.override)

    # --- adoption

    def _adopt(self, link: Link, cause: Cause, override: bool) -> None:
        """Ask the plugin whether ``link`` goes on."""
        self._saved = link
        self.cause = cause
        adopting = rules.Adopting(cause, override)
        self.policy, _ = rules.step(self.policy, adopting, self._clock.now(), self._random)
        self._start_plugin()
        self._guarded("adopt", lambda: self.plugin.adopt(link), ADOPT_PATIENCE).addCallback(self._adopted)

    def _adopted(self, outcome: Link | Failed | None) -> None:
        if self._stopping:
            return
        link = outcome if isinstance(outcome, Link) else None
        if link is None and not isinstance(self.policy.device, Up):
            self._not_adopted()
        elif link is not None and self.policy.device != Up(link):
            # It returned the link and did not report it.
            self._feed(rules.Reported(Up(link)))

    def _not_adopted(self) -> None:
        """Tidy up, then connect anew."""

        def tidy(_: object) -> None:
            if not self._stopping:
                self._feed(rules.NotAdopted(self._seen))
                if isinstance(self.policy.device, Connecting):
                    self._begin(self.policy.device.stage, "anew")

        self._saved = None
        self.spec.meter.down()
        self._emit("uplink.not_adopted", reason=getattr(self._seen, "reason", "") or "so says its plugin")
        self._agree().addCallback(tidy)

    # --- what others see ---

    @property
    def announced(self) -> Link | None:
        """The link that the plugin says is up, in force or not; or the one it is being asked about.

        Not the one that the machine refused: what others want must not fail because of it.
        """
        if not isinstance(self.policy.device, Up):
            return self._saved
        link = self.policy.device.link
        return None if self._unusable is not None and self._unusable[0] == link else link

    @property
    def lingering(self) -> Link | None:
        """The link that went with its carrier and whose addresses stay for a while."""
        return self._lingering.link

    @property
    def losing(self) -> bool:
        """True while a link is lost and the machine still has it."""
        return self._losses > 0

    def shown(self) -> ShownState:
        """The state for people: up only when in force."""
        state = rules.shown(self.policy)
        if not isinstance(state, Up):
            return state
        if self._unusable is not None and self._unusable[0] == state.link:
            return self._unusable[1]
        return Up(self._settled) if self._settled is not None else Connecting("configuring")

    def view(self, active: bool) -> UplinkView:
        """This uplink as plugins see it."""
        return UplinkView(self.spec.name, self.shown(), active, self.spec.mark)

    @property
    def coming(self) -> bool:
        """Is it on its way up, so that who needs the Internet may wait for it?"""
        configuring = self._is_up() and self._settled is None and self._unusable is None
        return not self._stopping and (configuring or rules.coming(self.policy))

    def _is_up(self) -> bool:
        """As far as the plugin is concerned; the machine may be without it yet."""
        return isinstance(self.policy.device, Up) and not self.policy.leaving

    def hangs_up_at(self) -> float | None:
        """When it is hung up for quiet if nothing more keeps it up (IClock.now); None if it is not, or is not up."""
        return rules.hangs_up_at(self.policy)

    def refusal(self) -> Refused | Failed | None:
        """Why a plugin's request would not be granted (policy.refusal), or None."""
        return rules.refusal(self.policy)

    def would_dial(self, cause: Cause) -> Cause | Refused:
        """The cause with the rule of ``wake`` that lets it dial, or why such traffic does not."""
        return ruled(self.spec.wake, cause) if self.spec.connect == "demand" else cause

    # --- wishes ---

    def ask(self, cause: Cause) -> Deferred[Link]:
        """A plugin needs the Internet; Deferred of the link in force, failing with UplinkRefused or UplinkFailed."""
        self.ask_meter()
        why_not = self.refusal()
        if why_not is not None:
            return fail(self._error(why_not))
        return self._wait(rules.Asked(cause))

    def connect(self, cause: Cause, override: bool = False) -> Deferred[Link]:
        """The operator wants it; Deferred of the link in force.

        UplinkFailed when the try failed, UplinkRefused when a limit or hour forbids it, unless ``override`` lifts them.
        """
        self.ask_meter()
        forbidden = rules.command_refusal(self.policy, override)
        if forbidden is None or isinstance(self.policy.device, Absent):
            return self._wait(rules.Commanded(cause, override))
        self._feed(rules.Commanded(cause))
        self.refused(cause, forbidden)
        return fail(self._error(forbidden))

    @inlineCallbacks
    def hang_up(self, reason: str, until: float | None = None) -> Any:
        """The operator wants it down, until wanted again, or until then (IClock.now); Deferred fires when the machine
        is without it.
        """
        self._feed(rules.HungUp(reason, until))
        yield after(self._disconnecting)
        yield after(self._leaving)

    def active(self, when: float) -> None:
        """Traffic that keeps it up was seen at that time (IClock.now)."""
        self._feed(rules.Active(when))

    def rearm(
        self, connect: rules.ConnectMode, quiet: Quiet, wake: tuple[TrafficRule, ...], meter: IMeter
    ) -> None:
        """Go by other settings from now on; a running call goes on."""
        old = self.spec.meter
        self.spec = replace(self.spec, connect=connect, quiet=quiet, wake=wake, meter=meter)
        if meter is not old:
            self._unwatch()
            self._unwatch = meter.watch(self._meter_changed)
            if isinstance(self.policy.device, Up):
                old.down()
                meter.up(self.policy.device.link)
        self.ask_meter()
        self._feed(rules.Rearmed(connect, quiet))

    def refused(self, cause: Cause, why: Refused) -> None:
        """Tell that a wish was refused, if that is news."""
        if self._refusals.worth_telling(why.reason, self._clock.now()):
            self._events.emit(
                "uplink.refused",
                uplink=self.spec.name,
                why=cause_to_json(cause),
                cause=str(cause),
                reason=why.reason,
            )

    def _wait(self, event: rules.Asked | rules.Commanded) -> Deferred[Link]:
        if self._stopping:
            return fail(UplinkFailed(f"uplink {self.spec.name} is being stopped"))
        self._feed(event)
        if self._settled is not None and not self.policy.leaving:
            return succeed(self._settled)
        if not self._promising():  # it failed at once, or cannot even be tried
            return fail(self._why_not())
        waiter: Deferred[Link] = Deferred(self._forget)
        self._waiters.append(waiter)
        return waiter

    def _promising(self) -> bool:
        """Is there anything to wait for?"""
        return self._is_up() or rules.coming(self.policy)

    def _why_not(self) -> IcsError:
        hindered = rules.hindrance(self.policy)
        if hindered is not None:
            return self._error(hindered)
        device = self.policy.device
        return UplinkFailed(getattr(device, "reason", "") or self.policy.reason, self.policy.retry_at)

    def _error(self, why: Refused | Failed) -> IcsError:
        kind = UplinkRefused if isinstance(why, Refused) else UplinkFailed
        return kind(why.reason, why.retry_at)

    def _forget(self, waiter: Deferred[Link]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    # --- the policy at work ---

    def _observe(self, state: UplinkState) -> None:
        if self._stopping:
            return
        if self._saved is not None and not isinstance(self.policy.device, Up) and not isinstance(state, Up):
            self._seen = state  # the device as it is; whether the link goes on is what ``adopt`` answers
            return
        self._feed(rules.Reported(state))

    def _feed(self, event: rules.PolicyEvent) -> None:
        self._feeding += 1
        try:
            self._take(event)
        finally:
            self._feeding -= 1
        if not self._feeding and self._unasked:
            self.ask_meter()

    def _take(self, event: rules.PolicyEvent) -> None:
        before = self.policy
        self.policy, actions = rules.step(before, event, self._clock.now(), self._random)
        lingering = rules.lingering(self.lingering, before.device, self.policy)
        self._lingering.keep(lingering, replaced=isinstance(self.policy.device, Up))
        self._tell(before, event.state if isinstance(event, rules.Reported) else self.policy.device)
        for action in actions:
            self._do(action)
        if self._waiters and not self._promising():
            self._fail_waiters(self._why_not())
        self._set_timer()
        self._changed()

    def _do(self, action: rules.PolicyAction) -> None:
        match action:
            case rules.Connect(cause):
                self._calls += 1
                self.spec.meter.dialled()
                asked = self._guarded("connect", lambda: self.plugin.connect(cause))
                asked.addCallback(self._connect_ended, self._calls)
            case rules.Disconnect(reason):
                self._calls += 1
                asked = self._guarded("disconnect", lambda: self.plugin.disconnect(reason), PATIENCE)
                self._disconnecting = asked.addCallback(self._disconnect_ended, self._calls, reason)

    # --- the meter and the time

    def _meter_changed(self) -> None:
        if self._stopping:
            return
        if self._feeding:
            self._unasked = True  # when what is being done is done
        else:
            self.ask_meter()

    def ask_meter(self) -> None:
        """Go by what limits and hours say now."""
        self._unasked = False
        forbidden = self.spec.meter.permission().refused
        if forbidden == self.policy.forbidden:
            return
        if forbidden is None:
            self._refusals.forget()
        self._feed(rules.Ruled(forbidden))

    def _set_timer(self) -> None:
        due = None if self._stopping else rules.deadline(self.policy)
        if due == self._due:
            return
        self._cancel_timer()
        if due is not None:
            self._due = due
            self._timer = self._clock.call_later(max(0.0, due - self._clock.now()), self._time_came)

    def _time_came(self) -> None:
        self._due = None
        self.ask_meter()
        self._feed(rules.TimeCame())

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._due = None

    # A plugin reports before its Deferred fires; one that forgot must not leave us waiting for ever.

    def _connect_ended(self, outcome: object, call: int) -> None:
        if call != self._calls or self._stopping or not isinstance(self.policy.device, Connecting):
            return
        if isinstance(outcome, Link):
            self._feed(rules.Reported(Up(outcome)))
        elif isinstance(outcome, Failed):
            self._feed(rules.Reported(outcome))
        else:
            self._feed(rules.Reported(Failed("the plugin ended its connect without a link; tell its author")))

    def _disconnect_ended(self, _: object, call: int, reason: str) -> None:
        if call == self._calls and not self._stopping and isinstance(self.policy.device, (Connecting, Up)):
            self._feed(rules.Reported(Down(reason)))

    def _guarded(self, what: str, call: Callable[[], Any], patience: float | None = None) -> Deferred[Any]:
        """Call the plugin; a failure becomes a ``Failed`` with its reason, a defect is logged with its traceback too."""

        def failed(failure: Failure) -> Failed:
            if failure.check(IcsError) is None:
                self._log.failure("uplink {name}: its plugin failed", failure, name=self.spec.name)
                self._events.emit("plugin.broken", plugin=self.spec.plugin, reason=failure.getErrorMessage())
                return Failed(f"plugin {self.spec.plugin} failed ({what}): {failure.getErrorMessage()}")
            return Failed(failure.getErrorMessage())

        answer = maybeDeferred(call)
        if patience is not None:
            whose = f"{what} of uplink {self.spec.name} (plugin {self.spec.plugin})"
            answer = within(self._clock, whose, answer, patience)
        return answer.addErrback(failed)

    def _agree(self) -> Deferred[Any]:
        """Settle; what the machine refuses is told, and tried again with the next change."""

        def refused(failure: Failure) -> None:
            self._events.emit("host.state.failed", reason=failure.getErrorMessage())
            if failure.check(IcsError) is None:
                self._log.failure("uplink {name}", failure, name=self.spec.name)

        return maybeDeferred(self._settle).addErrback(refused)

    # --- telling ---

    def _tell(self, before: rules.UplinkPolicy, reported: UplinkState) -> None:
        """``reported`` is what the plugin said, before the policy drew its conclusions."""
        old, new = before.device, self.policy.device
        if isinstance(new, Up):
            if not isinstance(old, Up) or old.link != new.link:
                self.spec.meter.up(new.link)
                self._put_in_force(new.link)
            return
        if isinstance(old, (Connecting, Up)) and isinstance(reported, (Absent, Down, Failed)):
            self.spec.meter.down()
        # It may have ended and be tried again in one step, because it was wanted again while it went down.
        ended = reported if isinstance(reported, (Down, Failed)) and self.steps.connect is not None else None
        if isinstance(old, Up):
            self._lost(reported)
        elif isinstance(new, (Failed, Absent)) and new != old:
            self._emit(f"uplink.{new.name}", reason=new.reason, **self.steps.end())
        elif ended is not None:
            self._emit("uplink.down", reason=ended.reason or self.policy.reason, **self.steps.end())
        if not isinstance(new, Connecting):
            return
        if ended is not None or not isinstance(old, Connecting):
            self.cause = self.policy.wanted
            self._begin(new.stage, new.stage)
        elif self.steps.connect is not None:  # not while it is asked whether an old link goes on
            self.steps.enter(new.stage)

    def _begin(self, stage: str, told: str) -> None:
        self.steps.begin(stage)
        self._emit("uplink.connecting", stage=told, cause=str(self.cause or "the device"))

    def _lost(self, now: UplinkState) -> None:
        told, self._unusable = self._unusable is not None, None
        self._settled = self._saved = None
        self._losses += 1
        reason = getattr(now, "reason", "") or self.policy.reason or "the link was lost"
        event = "uplink.failed" if isinstance(now, (Failed, Absent)) else "uplink.down"
        why, taken = cause_to_json(self.cause), self.steps.end()

        def tell(_: object) -> None:
            self._losses -= 1
            if not told:
                self._events.emit(event, uplink=self.spec.name, why=why, reason=reason, **taken)
            self._changed()

        # First the state without it, then the news: whoever hears of it finds the other link in use.
        self._leaving = self._agree().addCallback(tell)

    def _put_in_force(self, link: Link) -> None:
        def done(_: object) -> None:
            if self.announced != link or self._stopping:
                return  # something newer is on its way
            event = "uplink.up" if self._settled is None else "uplink.changed"
            if self._saved is not None:
                event, self._saved = "uplink.adopted", None
            self._settled = link
            self._emit(event, addresses=_addresses(link), interface=link.interface, **self.steps.end())
            self._feed(rules.InForce())
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                waiter.callback(link)

        def failed(failure: Failure) -> None:
            if self.announced != link or self._stopping:
                return
            if failure.check(IcsError) is None:
                self._log.failure("uplink {name}", failure, name=self.spec.name)
            reason = f"could not be configured: {failure.getErrorMessage()}"
            self._unusable, self._settled = (link, Failed(reason)), None
            self._emit("uplink.failed", reason=reason, **self.steps.end())
            self._fail_waiters(UplinkFailed(reason))
            self._do(rules.Disconnect(reason))

        if self._settled is None and self._saved is None:
            self.steps.enter("configuring")
        maybeDeferred(self._settle).addCallbacks(done, failed).addErrback(
            lambda failure: self._log.failure("uplink {name}", failure, name=self.spec.name)
        )

    def _emit(self, event: str, **fields: object) -> None:
        self._events.emit(event, uplink=self.spec.name, why=cause_to_json(self.cause), **fields)

    def _fail_waiters(self, error: IcsError) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.errback(error)


def _addresses(link: Link) -> str:
    return ", ".join(str(address) for family in link.families for address in family.addresses) or "no address"
