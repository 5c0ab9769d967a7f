"""The one thread that talks to the kernel's configuration, so that the reactor never waits for it."""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["Worker"]

T = TypeVar("T")


class Worker:
    """Runs functions one after the other in a thread of its own, which starts with the first one.

    The thread belongs to the network namespace of the thread that asks first.
    """

    def __init__(self, reactor: IReactorFromThreads, name: str = "ics-machine") -> None:
        self._reactor = reactor
        self._name = name
        self._pool: ThreadPool | None = None

    def run(self, function: Callable[..., T], *args: Any) -> "Deferred[T]":
        """Run it in the thread; Deferred of what it returns or raises."""
        if self._pool is None:
            self._pool = ThreadPool(minthreads=1, maxthreads=1, name=self._name)
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, function, *args)

    def stop(self) -> None:
        """End the thread when it has done what was asked; blocks until then.  A later ``run`` starts a new one."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None
