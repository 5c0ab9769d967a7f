"""The one thread in which the machine is looked at and changed, so that the reactor never waits for the kernel."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool


class Worker:
    """A thread pool of one, started by its first task."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool: ThreadPool | None = None

    def run(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Run ``function(*args)`` in the thread; Deferred of what it returns or raises."""
        if self._pool is None:
            self._pool = ThreadPool(minthreads=1, maxthreads=1, name="ics-machine")
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, function, *args)

    def stop(self) -> None:
        """End the thread after what it does now."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()
