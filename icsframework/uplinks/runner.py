"""One uplink: its plugin, its policy, and the callers who wait for it.

What the plugin reports goes into ``policy.step``; ``connect`` and ``disconnect`` are called as the policy says.  A link
that the plugin announces is shown as up only when the core has it in force (``settle``); until then it is
``connecting``, stage ``configuring``.  When a link is lost the new state is put in force first and told afterwards.

A link that an earlier process left counts as announced until the plugin has said whether it goes on: the machine keeps
its addresses and routes for that moment.  A link that was lost with its carrier leaves its addresses (``lingering``),
so that a cable plugged in again finds every flow as it was; how long, and that nobody else carries the flows
meanwhile, is decided here and by the supervisor.

The meter counts what the link costs; what it permits is asked before every wish, when a call has ended, and whenever it
says that its answer may have changed.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.logger import Logger

from icsframework.errors import UplinkFailed
from icsframework.interfaces import IClock, IEvents
from icsframework.patience import PATIENCE, after
from icsframework.uplinks import occasions, standing
from icsframework.uplinks.alarm import Alarm
from icsframework.uplinks.guard import Guard, agree, connected
from icsframework.uplinks.inforce import MachineLink
from icsframework.uplinks.lingering import Lingering
from icsframework.uplinks.metering import Metering
from icsframework.uplinks.permission import IMeter
from icsframework.uplinks.policy import step
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.saved import SavedUplink, saved_of
from icsframework.uplinks.spec import PluginMaker, UplinkSpec
from icsframework.uplinks.telling import Telling
from icsframework.uplinks.traffic import TrafficRule
from icsframework.uplinks.waiters import Waiters
from icsframework.uplinks.wishes import error_of, ruled
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

__all__ = ["ADOPT_PATIENCE", "PluginMaker", "Runner", "UplinkSpec"]

ADOPT_PATIENCE = 10.0
"""Seconds a plugin may take to say whether its link goes on; it looks at what is there and asks nobody."""


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
        self.policy = occasions.UplinkPolicy(spec.connect, spec.quiet)
        self._clock = clock
        self._agree: Callable[[], Deferred[Any]] = partial(agree, settle, events, log, f"uplink {spec.name}")
        self._machine = MachineLink(settle, self._agree, log, f"uplink {spec.name}")
        self._changed = changed
        self._random = random
        self.told = Telling(spec.name, clock, events)  # its news, and the cause and steps that they tell
        self._guard = Guard(spec, clock, events, log)
        self._saved: Link | None = None
        """The link of an earlier process, until the plugin has said whether it goes on."""
        self._seen: UplinkState = Down()  # what the plugin said of its device meanwhile
        self._lingering = Lingering(clock, self._agree)
        self._waiters = Waiters()
        self._alarm = Alarm(clock, self._time_came)  # set to the policy's deadline
        self._feeding = 0
        self._metering = Metering(spec.meter, lambda: self._feeding > 0, self.ask_meter)
        self._stopping = False
        self.hanging_up = False
        """True while those who wait are told that the operator hangs up."""
        self._calls = 0
        """Calls of connect and disconnect so far: what an earlier one says late is not about the present."""
        self._disconnecting: Deferred[Any] = succeed(None)
        """The last ``disconnect``: fires when the plugin has done it."""
        self._parting = ""  # the reason of the last disconnect
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
            self._feed(occasions.HungUp(saved.hung_up, saved.until))
        elif saved is None or saved.link is None:
            self._feed(occasions.Started())

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
        was_up = self._machine.link is not None
        left = was_up or self._saved is not None or self.lingering is not None or self.announced is not None
        yield self._guard.call("disconnect", lambda: self.plugin.disconnect(reason), PATIENCE)
        yield self._guard.call("stop", self.plugin.stopService, PATIENCE)
        self.policy = occasions.UplinkPolicy(self.spec.connect, device=Down(reason))
        self._machine.link = self._saved = self._lingering.link = None
        self._metering.meter.down()
        if left:
            yield self._agree()
        if was_up or self.told.steps.connect is not None:
            self.told.ended("uplink.down", reason)

    @inlineCallbacks
    def hand_over(self, reason: str) -> Any:
        """Stop the plugin without a disconnect: the link stays for the next process; Deferred."""
        self._end(reason)
        yield self._guard.call("stop", self.plugin.stopService, PATIENCE)
        if self.told.steps.connect is not None:  # no next process takes over a link that is not up yet
            self.told.ended("uplink.down", reason)

    def _end(self, reason: str) -> None:
        self._stopping = True
        self._metering.stop()
        self._alarm.set(None)
        self._lingering.stop()
        self._waiters.refuse(UplinkFailed(reason))

    def remembered(self, index: int) -> SavedUplink:
        """What the next process must know of this uplink; ``index`` is that of its mark."""
        return saved_of(index, self.policy, self.announced, self.told.cause)

    # --- adoption

    def _adopt(self, link: Link, cause: Cause, override: bool) -> None:
        """Ask the plugin whether ``link`` goes on."""
        self._saved = link
        self.told.cause = cause
        adopting = occasions.Adopting(cause, override)
        self.policy, _ = step(self.policy, adopting, self._clock.now(), self._random)
        self._start_plugin()
        self._guard.call("adopt", lambda: self.plugin.adopt(link), ADOPT_PATIENCE).addCallback(self._adopted)

    def _adopted(self, outcome: Link | Failed | None) -> None:
        if self._stopping:
            return
        link = outcome if isinstance(outcome, Link) else None
        if link is None and not isinstance(self.policy.device, Up):
            self._not_adopted()
        elif link is not None and self.policy.device != Up(link):
            # It returned the link and did not report it.
            self._report(Up(link))

    def _not_adopted(self) -> None:
        """Tidy up, then connect anew."""

        def tidy(_: object) -> None:
            if not self._stopping:
                self._feed(occasions.NotAdopted(self._seen))
                if isinstance(self.policy.device, Connecting):
                    self.told.begin(self.policy.device.stage, "anew")

        self._saved = None
        self._metering.meter.down()
        self.told.emit("uplink.not_adopted", reason=getattr(self._seen, "reason", "") or "so says its plugin")
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
        return link if self._machine.refusal(link) is None else None

    @property
    def lingering(self) -> Link | None:
        """The link that went with its carrier and whose addresses stay for a while."""
        return self._lingering.link

    @property
    def losing(self) -> bool:
        """True while a link is lost and the machine still has it."""
        return self._machine.losing

    def shown(self) -> ShownState:
        """The state for those who want to use it: up only when in force."""
        state = standing.shown(self.policy)
        if not isinstance(state, Up):
            return state
        refused, settled = self._machine.refusal(state.link), self._machine.link
        return refused or (Up(settled) if settled is not None else Connecting("configuring"))

    def standing(self) -> ShownState:
        """The state for people: who reads that it is armed may count on his packets to wait."""
        return Up(self._machine.parting) if self._machine.parting is not None else self.shown()

    def view(self, active: bool) -> UplinkView:
        """This uplink as plugins see it."""
        return UplinkView(self.spec.name, self.shown(), active, self.spec.mark)

    @property
    def coming(self) -> bool:
        """Is it on its way up, so that who needs the Internet may wait for it?"""
        configuring = self._machine.link is None and not self._machine.has_refused
        return not self._stopping and (
            standing.coming(self.policy) or (standing.promising(self.policy) and configuring)
        )

    def hangs_up_at(self) -> float | None:
        """When it is hung up for quiet if nothing more keeps it up (IClock.now); None if it is not, or is not up."""
        return standing.hangs_up_at(self.policy)

    def refusal(self) -> Refused | Failed | None:
        """Why a plugin's request would not be granted (standing.refusal), or None."""
        return standing.refusal(self.policy)

    def would_dial(self, cause: Cause) -> Cause | Refused:
        """The cause with the rule of ``wake`` that lets it dial, or why such traffic does not."""
        return ruled(self.spec.wake, cause) if self.spec.connect == "demand" else cause

    # --- wishes ---

    def ask(self, cause: Cause) -> Deferred[Link]:
        """A plugin needs the Internet; Deferred of the link in force, failing with UplinkRefused or UplinkFailed."""
        self.ask_meter()
        why_not = self.refusal()
        if why_not is not None:
            return fail(error_of(why_not))
        return self._wait(occasions.Asked(cause))

    def connect(self, cause: Cause, override: bool = False) -> Deferred[Link]:
        """The operator wants it; Deferred of the link in force.

        UplinkFailed when the try failed, UplinkRefused when a limit or hour forbids it, unless ``override`` lifts them.
        """
        self.ask_meter()
        forbidden = standing.command_refusal(self.policy, override)
        if forbidden is None or isinstance(self.policy.device, Absent):
            return self._wait(occasions.Commanded(cause, override))
        self._feed(occasions.Commanded(cause))
        self.told.refused(cause, forbidden)
        return fail(error_of(forbidden))

    @inlineCallbacks
    def hang_up(self, reason: str, until: float | None = None) -> Any:
        """The operator wants it down, until wanted again or until then; Deferred fires when the machine is without it."""
        self.hanging_up = True
        try:
            self._feed(occasions.HungUp(reason, until))
        finally:
            self.hanging_up = False
        yield after(self._disconnecting)
        yield after(self._machine.leaving)

    def active(self, when: float) -> None:
        """Traffic that keeps it up was seen at that time (IClock.now)."""
        self._feed(occasions.Active(when))

    def rearm(
        self, connect: occasions.ConnectMode, quiet: Quiet, wake: tuple[TrafficRule, ...], meter: IMeter
    ) -> None:
        """Go by other settings from now on; a running call goes on."""
        self.spec = replace(self.spec, connect=connect, quiet=quiet, wake=wake, meter=meter)
        self._metering.replace(meter, self.policy.device.link if isinstance(self.policy.device, Up) else None)
        if connect == "always":  # which dials if the meter lets it
            self.ask_meter()
        self._feed(occasions.Rearmed(connect, quiet))
        self.ask_meter()  # what is not wanted always any more is not dialled because a limit is lifted

    def _wait(self, event: occasions.Asked | occasions.Commanded) -> Deferred[Link]:
        if self._stopping:
            return fail(UplinkFailed(f"uplink {self.spec.name} is being stopped"))
        self._feed(event)
        if self._machine.link is not None and not self.policy.leaving:
            return succeed(self._machine.link)
        if not standing.promising(self.policy):  # it failed at once, or cannot even be tried
            return fail(error_of(standing.why_not(self.policy)))
        return self._waiters.add()

    # --- the policy at work ---

    def _observe(self, state: UplinkState) -> None:
        if self._stopping:
            return
        if self._saved is not None and not isinstance(self.policy.device, Up) and not isinstance(state, Up):
            self._seen = state  # the device as it is; whether the link goes on is what ``adopt`` answers
            return
        self._report(state)

    def _report(self, state: UplinkState) -> None:
        """What the plugin said, and if that is the end of a call, what the meter says then: a wish may wait for it."""
        ruled = (
            occasions.Ruled(self._metering.call_is_over()) if standing.ends_call(self.policy, state) else None
        )
        self._feed(occasions.Reported(state, ruled))

    def _feed(self, event: occasions.PolicyEvent) -> None:
        self._feeding += 1
        try:
            self._take(event)
        finally:
            self._feeding -= 1
        self._metering.finished()

    def _take(self, event: occasions.PolicyEvent) -> None:
        before = self.policy
        self.policy, actions = step(before, event, self._clock.now(), self._random)
        lingering = standing.lingering(self.lingering, before.device, self.policy)
        self._lingering.keep(lingering, replaced=isinstance(self.policy.device, Up))
        self._tell(before, event.state if isinstance(event, occasions.Reported) else self.policy.device)
        for action in actions:
            self._do(action)
        if self._waiters and not standing.promising(self.policy):
            self._waiters.refuse(error_of(standing.why_not(self.policy)))
        self._alarm.set(None if self._stopping else standing.deadline(self.policy))
        self._changed()

    def _do(self, action: occasions.PolicyAction) -> None:
        match action:
            case occasions.Connect(cause):
                self._calls += 1
                self._metering.meter.dialled()
                asked = self._guard.call("connect", lambda: self.plugin.connect(cause))
                asked.addCallback(self._connect_ended, self._calls)
            case occasions.Disconnect(reason):
                self._calls += 1
                self._parting = reason
                asked = self._guard.call("disconnect", lambda: self.plugin.disconnect(reason), PATIENCE)
                self._disconnecting = asked.addCallback(self._disconnect_ended, self._calls, reason)

    # --- the meter and the time

    def ask_meter(self) -> None:
        """Go by what limits and hours say now."""
        forbidden = self._metering.forbidden()
        if forbidden == self.policy.forbidden or self._stopping:
            return
        if forbidden is None:
            self.told.refusals.forget()
        self._feed(occasions.Ruled(forbidden))

    def _time_came(self) -> None:
        self.ask_meter()
        self._feed(occasions.TimeCame())

    # A plugin reports before its Deferred fires; one that forgot must not leave us waiting for ever.

    def _connect_ended(self, outcome: object, call: int) -> None:
        if call == self._calls and not self._stopping and isinstance(self.policy.device, Connecting):
            self._report(connected(outcome))

    def _disconnect_ended(self, _: object, call: int, reason: str) -> None:
        if call == self._calls and not self._stopping and isinstance(self.policy.device, (Connecting, Up)):
            self._report(Down(reason))

    # --- telling ---

    def _tell(self, before: occasions.UplinkPolicy, reported: UplinkState) -> None:
        """``reported`` is what the plugin said, before the policy drew its conclusions."""
        old, new = before.device, self.policy.device
        if isinstance(new, Up):
            if not isinstance(old, Up) or old.link != new.link:
                self._metering.meter.up(new.link)
                self._put_in_force(new.link)
            return
        if before.leaving and isinstance(reported, (Down, Failed)):
            reported = Down(self._parting)  # however the line ended, it was we who hung up
        # It may have ended and be tried again in one step, because it was wanted again while it went down.
        ended = (
            reported if isinstance(reported, (Down, Failed)) and self.told.steps.connect is not None else None
        )
        if isinstance(old, Up):
            self._lost(reported)
        elif isinstance(ended, Down):
            self.told.ended("uplink.down", ended.reason or self.policy.reason)
        elif isinstance(new, (Failed, Absent)) and new != old:
            self.told.ended(f"uplink.{new.name}", new.reason)
        if not isinstance(new, Connecting):
            return
        if ended is not None or not isinstance(old, Connecting):
            self.told.cause = self.policy.wanted
            self.told.begin(new.stage, new.stage)
        elif self.told.steps.connect is not None:  # not while it is asked whether an old link goes on
            self.told.steps.enter(new.stage)

    def _lost(self, now: UplinkState) -> None:
        self._saved = None
        reason = getattr(now, "reason", "") or self.policy.reason or "the link was lost"
        event = "uplink.failed" if isinstance(now, (Failed, Absent)) else "uplink.down"
        tell = self.told.parting(event, reason)

        def gone(was_refused: bool) -> None:
            if not was_refused:  # that was told
                tell()
            self._changed()

        self._machine.lose(gone)

    def _put_in_force(self, link: Link) -> None:
        def done(is_first: bool) -> None:
            event = "uplink.up" if is_first else "uplink.changed"
            if self._saved is not None:
                event, self._saved = "uplink.adopted", None
            self.told.in_force(event, link)
            self._feed(occasions.InForce())
            self._waiters.grant(link)

        def refused(reason: str) -> None:
            self.told.ended("uplink.failed", reason)
            self._waiters.refuse(UplinkFailed(reason))
            self._do(occasions.Disconnect(reason))

        if self._machine.link is None and self._saved is None:
            self.told.steps.enter("configuring")
        self._machine.put(link, lambda: self.announced == link and not self._stopping, done, refused)
