"""Tells the packet filter that a listener is alive, so that traffic passes it by when it is not (``fail: open``).

The listener's port is an element of the dynamic set ``fail_open`` with a short
time: a daemon that hangs, is stopped or was killed does not renew it, and from
then on new connections are forwarded untouched.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.dynamic import FAIL_OPEN
from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.ruleset import Element
from icsframework.errors import IcsError
from icsframework.interfaces import IClock

__all__ = ["LIFETIME", "PERIOD", "Change", "Heartbeat"]

LIFETIME = 15.0
"""Seconds without a sign of life after which new connections pass by: three beats, so that a busy moment does not count."""

PERIOD = 5.0
"""Seconds between two signs."""

PATIENCE = 3
"""Signs in a row that may fail before somebody is told: by then connections pass by."""

Change = Callable[[Sequence[NamedElement], Sequence[NamedElement]], Deferred[None]]
"""IElements.change: (add, delete) in one transaction; an element in both gets its whole time again."""


class Heartbeat:
    """One listener's.  A change that fails (no table yet, nft is busy) is tried again at the next beat."""

    def __init__(self, clock: IClock, change: Change, log: Logger, owner: str) -> None:
        self._clock = clock
        self._change = change
        self._log = log
        self._owner = owner
        self._element: NamedElement | None = None
        self._timer: IDelayedCall | None = None
        self._pending: Deferred[None] | None = None
        self._failures = 0

    def start(self, port: int) -> None:
        """The listener on ``port`` is there; ``beat`` begins when there is a rule set to tell."""
        self._element = (FAIL_OPEN.name, Element((port,), (), LIFETIME, comment=f"owner={self._owner}"))

    def beat(self) -> None:
        """Say it now, and again in a while; to be called whenever a rule set has come into force."""
        if self._element is None or self._pending is not None:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.call_later(PERIOD, self.beat)
        self._pending = pending = maybeDeferred(self._change, [self._element], [self._element])
        pending.addCallbacks(self._told, self._failed).addBoth(self._done)

    def stop(self) -> Deferred[None]:
        """The listener goes: from now on connections pass by.  Deferred fires when the filter knows."""
        element, self._element = self._element, None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if element is None:
            return maybeDeferred(lambda: None)
        last = maybeDeferred(self._change, [], [element])
        return last.addErrback(self._failed)

    def _done(self, _: object) -> None:
        self._pending = None

    def _told(self, _: object) -> None:
        self._failures = 0

    def _failed(self, failure: Failure) -> None:
        self._failures += 1
        if failure.check(IcsError) is None:
            self._log.failure("helper {owner}: its sign of life failed", failure, owner=self._owner)
            return
        say = self._log.warn if self._failures == PATIENCE else self._log.debug
        say(
            "helper {owner}: the packet filter is not told that it is alive, its connections pass it by: {reason}",
            owner=self._owner,
            reason=failure.getErrorMessage(),
        )
