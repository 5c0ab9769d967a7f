"""Our packet filter stays in force: somebody's ``nft flush ruleset`` is noticed and undone."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.dataplane.damage import damage
from icsframework.dataplane.ruleset import Table
from icsframework.errors import IcsError
from icsframework.gateway.contest import Contest
from icsframework.gateway.job import Job
from icsframework.gateway.livewarnings import LiveWarnings
from icsframework.gateway.surroundings import Surroundings
from icsframework.host.reconcile import Reconciler
from icsframework.interfaces import IClock, IEvents

__all__ = ["LOOK_EVERY", "RETRY", "TableGuard"]

LOOK_EVERY = 30.0
"""Seconds between looks without a reason: the kernel tells us at once, unless it may not."""

DEBOUNCE = 0.01
"""Seconds from the news to the look: until it is repaired, the LAN is not translated."""

RETRY = 5.0
"""Seconds to the next try when loading failed."""


class TableGuard:
    """``repaired`` is called (Deferred) when the table was loaded again: what hung on the old one is gone.

    The event ``dataplane.restored`` tells owners of dynamic elements that theirs went with it.
    """

    def __init__(
        self,
        clock: IClock,
        events: IEvents,
        log: Logger,
        around: Surroundings,
        reconciler: Reconciler,
        settle: Callable[[], Deferred[Any]],
        repaired: Callable[[], Deferred[Any]],
        warnings: LiveWarnings,
    ) -> None:
        self._clock = clock
        self._events = events
        self._around = around
        self._reconciler = reconciler
        self._settle = settle
        self._repaired = repaired
        self._warnings = warnings
        self._contest = Contest()
        self._by = ""
        self._job = Job(clock, self._look, LOOK_EVERY, log)

    def start(self) -> None:
        """Look, and go on looking."""
        self._job.start()

    def stop(self) -> Deferred[Any]:
        """Look no more; Deferred fires when nothing is under way."""
        return self._job.stop()

    def lost(self, by: str) -> None:
        """Something of our table was taken, by a process named so ("" if unknown)."""
        self._by = by or self._by
        self._job.soon(DEBOUNCE)

    @inlineCallbacks
    def _look(self) -> Any:
        yield self._reconciler.settled()
        expected = self._expected()
        if expected is None:
            return
        found = yield self._around.table()
        if self._expected() is not expected:
            self._job.soon(DEBOUNCE)  # a newer one was loaded while we looked
            return
        what, now = damage(expected, found), self._clock.now()
        self._complain(now)
        if not what:
            self._by = ""
        elif wait := self._contest.wait(now):
            self._job.soon(wait)
        else:
            self._contest.again(now)
            yield self._repair(what)

    def _expected(self) -> Table | None:
        state = self._reconciler.in_force
        return state.table if state is not None and isinstance(state.table, Table) else None

    @inlineCallbacks
    def _repair(self, what: str) -> Any:
        by, self._by = self._by, ""
        self._reconciler.distrust_table()
        try:
            yield self._settle()
        except IcsError as error:
            self._events.emit("dataplane.failed", reason=str(error))
            self._job.soon(RETRY)
            return
        self._events.emit("dataplane.restored", what=what, by=f", by {by}" if by else "")
        self._complain(self._clock.now(), by)
        yield self._repaired()

    def _complain(self, now: float, by: str = "") -> None:
        if not self._contest.is_bitter(now):
            self._warnings.set("table", {})
        elif by or not self._warnings.has("table"):
            who = f", last by {by}" if by else ""
            self._warnings.set(
                "table",
                {
                    "contest": f"our packet filter (nft table inet ics) was removed again and again{who}; it is loaded "
                    f"again, but after a pause each time, in which nothing is translated or closed: "
                    f"find what runs nft flush ruleset (nft monitor names the process)"
                },
            )
