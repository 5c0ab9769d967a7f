"""What our store knows of the time: the newest wall time that was right, and whether the wall clock was set.

The journal ``clock`` holds one record, ``{wall}``, written every ten minutes and at
the end while the wall clock is trusted.  A boot that begins before it has a wrong
clock (no battery, no NTP yet).

A clock that was wrong towards the future and is put right while we look is
*set*: somebody knew better.  Then what we wrote by it counts no more; else that
one mistake would make every right time look wrong for years.
"""

from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import StoreError
from icsframework.gateway.job import Job
from icsframework.interfaces import IClock, IEvents, IJournal, IStore
from icsframework.status import Instant

__all__ = ["NewestTime", "TimeKeeper"]

FORMAT = 1
"""Version of the journal's records."""
LOOK = 10.0
"""Seconds between two looks at the clock: two system calls each."""
STAMP = 600.0
"""Seconds between two writes: how far a clock may begin in the past without being noticed, against the disk's wear."""
STEP = 30.0
"""Seconds that the wall clock moves against CLOCK_BOOTTIME from one look to the next when it is set; slewing moves it by 0.005."""


class NewestTime:
    """The newest wall time (seconds since 1970) that stands in our store, for host.clock.Clock; 0: none."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """See Clock."""
        return self.seconds


class TimeKeeper:
    """Looks at the clock between ``open`` and ``stop``."""

    def __init__(self, clock: IClock, newest: NewestTime, events: IEvents, log: Logger) -> None:
        self._clock = clock
        self._newest = newest
        self._events = events
        self._journal: IJournal | None = None
        self._job = Job(clock, self._look, LOOK, log)
        self._offset = clock.wall() - clock.now()
        self._trusted = True
        self._due = 0.0
        """When to write next, by IClock.now."""

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Read what was the time, and begin to look; Deferred."""
        self._journal = yield store.open("clock", FORMAT)
        times = [record.get("wall") for record in self._journal.load()]
        self._newest.seconds = max((float(t) for t in times if isinstance(t, int | float)), default=0.0)
        self._offset = self._clock.wall() - self._clock.now()
        self._job.start()
        self._judge()

    def stop(self) -> Deferred[Any]:
        """Look no more; write the time down, once more; Deferred, which never fails."""
        if self._journal is None:
            return succeed(None)
        return self._job.stop().addCallback(lambda _: self._stamp())

    def warnings(self) -> tuple[str, ...]:
        """A sentence if the clock is wrong."""
        if self._clock.wall_trusted:
            return ()
        wall, newest = self._clock.wall(), self._newest.seconds
        why = (
            f"it was {Instant(newest)} already (if that was wrong: stop ics, remove clock.journal from gateway.state)"
            if newest > wall
            else "that is before this ics was made"
        )
        sentence = (
            f"the clock of this machine shows {Instant(wall)}, which cannot be right: {why}. Leases, renewals and "
            "timers go on; times in log, history and status are wrong until it is set (timedatectl, or an NTP client)"
        )
        return (sentence,)

    def _look(self) -> Deferred[Any] | None:
        wall, now = self._clock.wall(), self._clock.now()
        step, self._offset = wall - now - self._offset, wall - now
        if abs(step) > STEP:
            self._events.emit("clock.set", seconds=step, time=str(Instant(wall)))
            self._newest.seconds = min(self._newest.seconds, wall)
            self._due = now
        self._judge()
        return self._stamp() if now >= self._due else None

    def _judge(self) -> None:
        """Say when the clock begins or ends to be right."""
        before, self._trusted = self._trusted, self._clock.wall_trusted
        if before and not self._trusted:
            self._events.emit("clock.wrong", problem=self.warnings()[0])
        elif self._trusted and not before:
            self._events.emit("clock.right", time=str(Instant(self._clock.wall())))

    def _stamp(self) -> Deferred[Any] | None:
        """Write the time down, if it is right."""
        if self._journal is None or not self._clock.wall_trusted:
            return None
        self._due = self._clock.now() + STAMP
        self._newest.seconds = self._clock.wall()
        return self._journal.compact([{"wall": round(self._newest.seconds, 3)}]).addErrback(_not_written)


def _not_written(failure: Failure) -> None:
    """The store has said why; the next time is in ten minutes."""
    failure.trap(StoreError)
