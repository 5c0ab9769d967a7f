"""Notices that file descriptors run out before, or at least while, things fail for want of them."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from icsframework.gateway.job import Job
from icsframework.host.descriptors import Descriptors
from icsframework.interfaces import IClock, IEvents

__all__ = ["LOOK_EVERY", "RESERVE", "DescriptorWatch"]

LOOK_EVERY = 5.0
"""Seconds; a look takes 0.1 ms."""

RESERVE = 16
"""Descriptors that one reload or a new uplink takes at a time: pipes of nft, sockets, journals."""


class DescriptorWatch:
    """Events ``gateway.descriptors.low`` and ``gateway.descriptors.enough``, once each; ``warnings`` is for the status."""

    def __init__(self, clock: IClock, events: IEvents, log: Logger, look: Callable[[], Descriptors]) -> None:
        self._events = events
        self._read = look
        self._low: Descriptors | None = None
        self._job = Job(clock, self._look, LOOK_EVERY, log)

    def start(self) -> None:
        """Look now, and from now on."""
        self._job.start()

    def stop(self) -> Deferred[object]:
        """No more; Deferred."""
        return self._job.stop()

    def warnings(self) -> tuple[str, ...]:
        """What is wrong, with the way out."""
        if self._low is None:
            return ()
        sentence = (
            f"{self._low.used} of {self._low.limit} file descriptors are in use: new connections and reloads fail; "
            "raise LimitNOFILE= of the unit (or ulimit -n), and see with ls /proc/PID/fd what holds them"
        )
        return (sentence,)

    def _look(self) -> None:
        now = self._read()
        if now.left < RESERVE:
            if self._low is None:
                self._events.emit("gateway.descriptors.low", used=now.used, limit=now.limit)
            self._low = now
        elif self._low is not None and now.left >= 2 * RESERVE:
            self._low = None
            self._events.emit("gateway.descriptors.enough", used=now.used, limit=now.limit)
