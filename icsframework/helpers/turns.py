"""Whose turn it is: sessions work a slice at a time, so that DNS and DHCP are answered whatever helpers are sent."""

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from icsframework.interfaces import IClock

__all__ = ["SLICE", "Turns"]

SLICE = 0.01
"""Seconds of work before the rest of the gateway has its turn; nobody waits noticeably longer for a name.

A read of the largest size may take a session some hundredths of a second, and hundreds of connections may have one ready at
once.
"""


class Turns:
    """Shared by the connections of a shell; each has one piece of work waiting at most, so they take turns."""

    def __init__(self, clock: IClock) -> None:
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer: IDelayedCall | None = None
        self._used = 0.0
        """Seconds of work that no pause has made up for."""
        self._since = 0.0

    def take(self, work: Callable[[], None]) -> bool:
        """Do it now and return True; or in a later turn of the reactor, after what waits already, and return False."""
        if not self._waiting:
            self._rest()
            if self._used < SLICE:
                self._work(work)
                return True
        self._waiting.append(work)
        if self._timer is None:
            self._timer = self._clock.call_later(0, self._next)
        return False

    def _next(self) -> None:
        self._timer = None
        self._used = 0.0
        try:
            while self._waiting and self._used < SLICE:
                self._work(self._waiting.popleft())
        finally:
            if self._waiting and self._timer is None:
                self._timer = self._clock.call_later(0, self._next)

    def _work(self, work: Callable[[], None]) -> None:
        begun = self._clock.now()
        try:
            work()
        finally:
            self._since = self._clock.now()
            self._used += self._since - begun

    def _rest(self) -> None:
        now = self._clock.now()
        self._used = max(0.0, self._used - (now - self._since))
        self._since = now
