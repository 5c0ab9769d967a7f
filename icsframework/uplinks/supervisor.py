"""The uplinks together: who is active, and where a wish for the Internet goes (asking.py).

``settle`` is given by the gateway: it makes addresses, routes, rules and the
packet filter agree with ``links()`` and ``without_link()`` and fires when that is
in force.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.dataplane.plane import Without
from icsframework.errors import UsageError
from icsframework.interfaces import IClock, IEvents, IUplinks, Unwatch
from icsframework.observers import Observers
from icsframework.uplinks.asking import Asking
from icsframework.uplinks.guard import agree
from icsframework.uplinks.runner import Runner
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.spec import UplinkSpec
from icsframework.uplinks.standing import choose
from icsframework.values import Armed, Cause, Failed, Link, ShownState, Up, UplinkView


@implementer(IUplinks)
class Supervisor:
    """All uplinks, in order of preference."""

    def __init__(
        self,
        clock: IClock,
        events: IEvents,
        log: Logger,
        settle: Callable[[], Deferred[Any]],
        random: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._events = events
        self._log = log
        self._settle = settle
        self._random = random
        self._runners: dict[str, Runner] = {}
        self._order: tuple[str, ...] = ()
        self._observers = Observers(log)
        self._followers = Observers(log)
        self._told: UplinkView | None = None
        self._without: Without | None = None
        """What ``settle`` was last called for."""
        self._redirecting = 0
        """Calls of it that are under way."""
        self._stood: dict[str, ShownState] = {}
        """How people saw each uplink when none was."""
        self._asking: list[Asking] = []

    # --- life ---

    def arrange(self, order: Sequence[str]) -> None:
        """Set the order of preference (names of all uplinks); ``announce`` tells of it when it is in force."""
        self._order = tuple(order)

    def announce(self) -> None:
        """Tell of what is in force now."""
        self._changed()

    def start(self, spec: UplinkSpec, saved: SavedUplink | None = None) -> None:
        """Begin with one uplink; its plugin is made and started here.  ``saved`` is what an earlier process left of it.

        Raises what the plugin raises; then nothing is kept of it.
        """
        runner = Runner(spec, self._clock, self._events, self._log, self._settle, self._changed, self._random)
        self._runners[spec.name] = runner
        if spec.name not in self._order:
            self._order = (*self._order, spec.name)
        try:
            runner.start(saved)
        except Exception:
            self._forget(spec.name)
            raise

    @inlineCallbacks
    def stop(self, name: str, reason: str) -> Any:
        """Disconnect one uplink and forget it; Deferred fires when nothing is left of it."""
        runner = self._runners[name]
        yield runner.stop(reason)
        if self._runners.get(name) is runner:
            self._forget(name)
        self._changed()

    @inlineCallbacks
    def hand_over(self, name: str, reason: str) -> Any:
        """Forget one uplink and leave its link to the next process; Deferred fires when its plugin has stopped."""
        yield self._forget(name).hand_over(reason)

    def _forget(self, name: str) -> Runner:
        self._order = tuple(other for other in self._order if other != name)
        return self._runners.pop(name)

    # --- what others see ---

    def runner(self, name: str | None) -> Runner:
        """The uplink called ``name``; with None the only one, or the preferred one.  UsageError if there is none."""
        if name is None and self._order:
            name = self._order[0]
        if name is None or name not in self._runners:
            known = ", ".join(self._order) or "none"
            raise UsageError(f"there is no uplink {name!r}; there are: {known}")
        return self._runners[name]

    def runners(self) -> Sequence[Runner]:
        """All, in order of preference."""
        return [self._runners[name] for name in self._order if name in self._runners]

    def links(self) -> Sequence[tuple[str, Link]]:
        """Every link that a plugin announces, in order of preference, whether it is already in force or not."""
        return [
            (runner.spec.name, runner.announced) for runner in self.runners() if runner.announced is not None
        ]

    def lingering(self) -> Sequence[Link]:
        """The links whose addresses stay although they are down; none while another link could carry their flows."""
        if self.links():
            return ()
        return [runner.lingering for runner in self.runners() if runner.lingering is not None]

    def active(self) -> str | None:
        """The name of the uplink that the Internet is reached by."""
        return choose([(runner.spec.name, runner.shown()) for runner in self.runners()])

    def views(self) -> Sequence[UplinkView]:
        """Every uplink as others see it, in order of preference."""
        active = self.active()
        return [runner.view(runner.spec.name == active) for runner in self.runners()]

    def standing(self, runner: Runner) -> ShownState:
        """The state for people: armed when packets without a link find the hold device, and not a moment before."""
        state = runner.standing()
        if isinstance(state, Armed) and self._redirecting:
            return self._stood.get(runner.spec.name, state)
        return state

    # --- IUplinks ---

    def current(self) -> UplinkView | None:
        """See IUplinks."""
        return next((view for view in self.views() if view.active), None)

    def watch(self, observer: Callable[[UplinkView | None], None]) -> Unwatch:
        """See IUplinks."""
        self._observers.tell_one(observer, self.current())
        return self._observers.add(observer)

    def request(self, cause: Cause) -> Deferred[Link]:
        """See IUplinks.  Tries the uplinks in order until one is up."""
        current = self.current()
        asking = Asking(self._clock, self.runners, cause, self._asking.remove)
        self._asking.append(asking)
        asking.begin(current.link if current is not None else None)
        return asking.answer

    # --- packets while no link is up ---

    def without_link(self) -> Without | None:
        """What becomes of packets to the Internet that no link takes; None if nothing is dialled on demand.

        They are held if a wish would be granted or something is on its way; else their senders are told at once:
        unreachable if a link on demand has failed or its device is absent, prohibited if each is forbidden.
        """
        demanded = [runner for runner in self.runners() if runner.spec.connect == "demand"]
        if not demanded:
            return None
        answers = [runner.refusal() for runner in demanded]
        if None in answers or any(runner.coming for runner in self.runners()):
            return "hold"
        return "unreachable" if any(isinstance(answer, Failed) for answer in answers) else "prohibit"

    def idle_candidates(self) -> Sequence[Runner]:
        """The uplinks that are in force and will be hung up for quiet: it matters what traffic they carry."""
        known = [runner for runner in self.runners() if runner.hangs_up_at() is not None]
        return [runner for runner in known if isinstance(runner.shown(), Up)]

    def follow(self, changed: Callable[[], None]) -> Unwatch:
        """Call ``changed`` whenever anything about any uplink may have changed; returns a callable that ends it."""
        return self._followers.add(changed)

    # --- changes ---

    def _changed(self) -> None:
        self._followers.tell()
        if any(runner.losing for runner in self._runners.values()):
            return  # first the machine without that link; then its runner comes back here
        current = self.current()
        if current is not None and current.link is not None:
            for asking in tuple(self._asking):
                asking.arrived(current.link)
        if current != self._told:
            if current is not None and (self._told is None or self._told.name != current.name):
                self._events.emit("uplink.active", uplink=current.name)
            self._told = current
            self._observers.tell(current)
        self._redirect()
        self._note()

    def _note(self) -> None:
        if not self._redirecting:
            self._stood = {name: runner.standing() for name, runner in self._runners.items()}

    def _redirect(self) -> None:
        """Packets without a link go another way now: the machine must know.

        Not while a link is being hung up: its device goes at any moment, and when it is gone the machine is told of both.
        """
        without = self.without_link()
        leaving = any(runner.policy.leaving and runner.announced for runner in self._runners.values())
        if without == self._without or leaving:
            return
        self._without = without
        self._redirecting += 1
        agree(self._settle, self._events, self._log, "packets without a link").addCallback(self._redirected)

    def _redirected(self, _: object) -> None:
        self._redirecting -= 1
        self._note()
