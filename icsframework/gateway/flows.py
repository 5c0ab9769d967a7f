"""Makes the kernel forget flows that cannot, or should not, go on where they are.

What is forgotten when is decided by dataplane/flows.py.  It is done when the new
addresses, routes and rules are in force, and once more a moment later: packets
that were on their way in between have begun flows by the old state.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.flows import MarkFilter, of_any_uplink, still_to_forget, to_forget
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError
from icsframework.interfaces import IClock

__all__ = ["AGAIN", "Flows"]

AGAIN = 1.0
"""Seconds to the second look; no packet stays that long in our queues."""

Forget = Callable[[Sequence[MarkFilter]], Deferred[Any]]
"""Forgets the flows that fit, outside the reactor's thread."""


class Flows:
    """Follows the data planes as they come into force."""

    def __init__(self, forget: Forget, clock: IClock, log: Logger) -> None:
        self._forget = forget
        self._clock = clock
        self._log = log
        self._plane = DataPlane()
        self._timers: list[IDelayedCall] = []

    def begin(self, plane: DataPlane) -> None:
        """What was in force before: the uplinks that an earlier process left."""
        self._plane = plane

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force."""
        indices = to_forget(self._plane, plane)
        self._plane = plane
        if not indices:
            return
        self._delete(indices)
        self._timers = [timer for timer in self._timers if timer.active()]
        self._timers.append(self._clock.call_later(AGAIN, self._again, indices))

    def stop(self) -> None:
        """No second look any more."""
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()

    def _again(self, indices: Sequence[int]) -> None:
        left = still_to_forget(indices, self._plane)
        if left:
            self._delete(left)

    def _delete(self, indices: Sequence[int]) -> None:
        def failed(failure: Failure) -> None:
            failure.trap(IcsError, OSError)
            self._log.warn(
                "flows of an uplink that is gone may hang until they time out: {why}",
                why=failure.getErrorMessage(),
            )

        self._forget(of_any_uplink(self._plane.marks, indices)).addErrback(failed)
