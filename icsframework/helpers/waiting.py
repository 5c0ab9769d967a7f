"""Connections that came while an uplink changes: the kernel knows already which way they go, and we are about to learn it.

Addresses and routes are in force a moment before the rest of the gateway knows
(gateway/agreement.py).  A connection whose way begins at an address that no uplink
is known to have, or that has none although an uplink is up, waits for that moment,
unread; it is not worth a reset.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from icsframework.helpers.flow import StreamFlow
from icsframework.interfaces import IClock

__all__ = ["PATIENCE", "Waiting"]

PATIENCE = 1.0
"""Seconds to wait; a change of uplinks is in force everywhere in a tenth of that.  A SYN that is lost costs as much."""


class Waiting:
    """``decide`` is called with a connection and whether its time is over, and says whether it has decided; then it must."""

    def __init__(self, clock: IClock, decide: Callable[[StreamFlow, bool], bool]) -> None:
        self._clock = clock
        self._decide = decide
        self._timers: dict[StreamFlow, IDelayedCall] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def add(self, flow: StreamFlow) -> None:
        """It waits."""
        self._timers[flow] = self._clock.call_later(PATIENCE, self._late, flow)

    def look(self) -> None:
        """Something has changed: in the order in which they came."""
        for flow in tuple(self._timers):
            timer = self._timers.pop(flow)
            if self._decide(flow, False):
                timer.cancel()
            else:
                self._timers[flow] = timer

    def end(self, reason: str) -> None:
        """Reset all of them."""
        while self._timers:
            flow, timer = self._timers.popitem()
            timer.cancel()
            flow.end(reason)

    def _late(self, flow: StreamFlow) -> None:
        del self._timers[flow]
        self._decide(flow, True)
