"""The uplinks together: who is active, and where a wish for the Internet goes.

``settle`` is given by the gateway: it makes addresses, routes, rules and the
packet filter agree with ``links()`` and fires when that is in force.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.errors import IcsError, UplinkRefused, UsageError
from icsframework.interfaces import IClock, IEvents, IUplinks, Unwatch
from icsframework.observers import Observers
from icsframework.uplinks.policy import choose
from icsframework.uplinks.runner import Runner, UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.values import Cause, Link, UplinkView


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
        self._told: UplinkView | None = None

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

    # --- IUplinks ---

    def current(self) -> UplinkView | None:
        """See IUplinks."""
        return next((view for view in self.views() if view.active), None)

    def watch(self, observer: Callable[[UplinkView | None], None]) -> Unwatch:
        """See IUplinks."""
        self._observers.tell_one(observer, self.current())
        return self._observers.add(observer)

    @inlineCallbacks
    def request(self, cause: Cause) -> Any:
        """See IUplinks.  Tries the uplinks in order until one is up."""
        reasons = []
        for runner in self.runners():
            why_not = runner.refusal()
            if why_not is not None:
                reasons.append(f"{runner.spec.name}: {why_not}")
                continue
            try:
                link = yield runner.ask(cause)
            except IcsError as error:
                reasons.append(f"{runner.spec.name}: {error}")
            else:
                return link
        raise UplinkRefused("no uplink can be used now: " + ("; ".join(reasons) or "there is none"))

    def _changed(self) -> None:
        if any(runner.losing for runner in self._runners.values()):
            return  # first the machine without that link; then its runner comes back here
        current = self.current()
        if current == self._told:
            return
        if current is not None and (self._told is None or self._told.name != current.name):
            self._events.emit("uplink.active", uplink=current.name)
        self._told = current
        self._observers.tell(current)
