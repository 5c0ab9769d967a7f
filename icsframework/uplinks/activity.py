"""Watches whether uplinks that are hung up for quiet carry traffic that counts.

The packet filter counts it, for each uplink apart (counter ``keep_NAME``), so no packet of it is seen here.  While such
an uplink is up the counters are read every few seconds; one that has moved tells its runner.
"""

from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.keep import keep_counter
from icsframework.interfaces import IClock, Unwatch
from icsframework.uplinks.runner import Runner
from icsframework.uplinks.supervisor import Supervisor

__all__ = ["LAST_LOOK", "LONGEST", "PART", "SHORTEST", "Activity"]

PART = 5.0
"""Readings in the time of quiet: it is measured to a fifth."""
LONGEST = 5.0
"""Seconds between two readings; one takes the packet filter a millisecond."""
SHORTEST = 0.5
"""Seconds between two readings of a link with a very short time of quiet, as only tests have it."""
LAST_LOOK = 0.2
"""Seconds before the hang-up at which is looked once more: who has just begun to use the link keeps it."""

Counters = Callable[[], Deferred[dict[str, int]]]


class Activity:
    """Reads ``counters`` (packets by the counter's name) while it matters, between ``start`` and ``stop``."""

    def __init__(self, clock: IClock, supervisor: Supervisor, counters: Counters, log: Logger) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._counters = counters
        self._log = log
        self._seen: dict[str, int | None] = {}
        """What the counter of each uplink showed last; None: it could not be read."""
        self._blind = False
        """True if that was told."""
        self._reading = False
        self._timer: IDelayedCall | None = None
        self._unwatch: Unwatch | None = None

    def start(self) -> None:
        """Look at the uplinks from now on."""
        self._unwatch = self._supervisor.follow(self._look)
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._cancel()

    # --- when

    def _look(self) -> None:
        """See when the next reading is due."""
        if self._unwatch is None or self._reading:
            return
        candidates = self._supervisor.idle_candidates()
        names = {runner.spec.name for runner in candidates}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        if not candidates:
            self._cancel()
        elif names - self._seen.keys():
            self._cancel()
            self._read()  # what it shows before the first packet
        elif self._timer is None:
            self._timer = self._clock.call_later(self._pause(candidates), self._due)

    def _pause(self, candidates: Sequence[Runner]) -> float:
        now = self._clock.now()
        pauses = [max(SHORTEST, min(LONGEST, runner.spec.quiet.idle / PART)) for runner in candidates]
        ends = [runner.hangs_up_at() for runner in candidates]
        last_looks = [end - LAST_LOOK - now for end in ends if end is not None and end - LAST_LOOK > now]
        return min((*pauses, *last_looks))

    def _due(self) -> None:
        self._timer = None
        self._read()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- what

    def _read(self) -> None:
        self._reading = True
        maybeDeferred(self._counters).addCallbacks(self._counted, self._unreadable).addErrback(
            lambda failure: self._log.failure("what keeps uplinks up", failure)
        )

    def _unreadable(self, failure: Failure) -> None:
        self._tell(failure.getErrorMessage())
        self._take({})

    def _counted(self, counts: Mapping[str, int]) -> None:
        missing = [
            keep_counter(runner.spec.name)
            for runner in self._supervisor.idle_candidates()
            if keep_counter(runner.spec.name) not in counts
        ]
        if missing:
            self._tell(f"the packet filter has no counter {missing[0]}")
        else:
            self._blind = False
        self._take(counts)

    def _take(self, counts: Mapping[str, int]) -> None:
        """Tell who was used.  What is not known counts as use: rather a few minutes too long than a call that is cut."""
        now = self._clock.now()
        moved = []
        for runner in self._supervisor.idle_candidates():
            name = runner.spec.name
            count, known = counts.get(keep_counter(name)), name in self._seen
            if count is None or (known and count != self._seen[name]):
                moved.append(runner)
            self._seen[name] = count
        self._reading = False
        for runner in moved:
            runner.active(now)  # which has us look when the next reading is due
        self._look()

    def _tell(self, why: str) -> None:
        if not self._blind:
            self._blind = True
            self._log.warn(
                "cannot see whether uplinks are used, so none is hung up for quiet: {why}", why=why
            )
