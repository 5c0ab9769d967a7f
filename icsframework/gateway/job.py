"""Work that is done now and then, and soon when there is a reason; never twice at the same time."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError
from icsframework.interfaces import IClock

__all__ = ["Job"]


class Job:
    """``work`` (Deferred or not) is done every ``every`` seconds between ``start`` and ``stop``, first after ``first``.

    One of our errors out of it is logged, once until it changes or ends, and the work goes on at its time.
    """

    def __init__(
        self, clock: IClock, work: Callable[[], object], every: float, log: Logger, first: float = 0.0
    ) -> None:
        self._clock = clock
        self._work = work
        self._every = every
        self._first = first
        self._log = log
        self._timer: IDelayedCall | None = None
        self._running: Deferred[Any] | None = None
        self._started = False
        self._due = 0.0
        self._again: float | None = None
        self._complaint = ""

    def start(self) -> None:
        """Do it, and from now on."""
        self._started = True
        self.soon(self._first)

    def soon(self, delay: float = 0.0) -> None:
        """Do it within ``delay`` seconds, earlier if that was planned; a run that is under way does not count."""
        if not self._started:
            return
        if self._running is not None:
            self._again = delay if self._again is None else min(delay, self._again)
        else:
            self._plan(delay)

    def stop(self) -> Deferred[Any]:
        """No more; Deferred fires when a run that is under way has ended."""
        self._started = False
        self._cancel()
        waiter: Deferred[Any] = succeed(None)
        if self._running is not None:
            waiter = Deferred()
            self._running.addBoth(lambda _: waiter.callback(None))
        return waiter

    def _plan(self, delay: float) -> None:
        when = self._clock.now() + delay
        if self._timer is not None and self._timer.active():
            if self._due <= when:
                return
            self._timer.cancel()
        self._due = when
        self._timer = self._clock.call_later(delay, self._run)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _run(self) -> None:
        self._timer = None
        running = self._running = maybeDeferred(self._work)
        running.addCallbacks(self._succeeded, self._failed)
        running.addBoth(self._ended)

    def _succeeded(self, _: object) -> None:
        self._complaint = ""

    def _failed(self, failure: Failure) -> None:
        text = failure.getErrorMessage()
        if not failure.check(IcsError, OSError):
            self._log.failure("a look around failed", failure)
        elif text != self._complaint:
            self._log.warn("{problem}", problem=text)
        self._complaint = text

    def _ended(self, _: object) -> None:
        self._running = None
        again, self._again = self._again, None
        if self._started:
            self._plan(self._every if again is None else min(again, self._every))
