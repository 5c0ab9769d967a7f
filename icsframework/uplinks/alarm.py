"""One timer, set to a moment that may be another one every time."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall

from icsframework.interfaces import IClock

__all__ = ["Alarm"]


class Alarm:
    """Calls ``ring`` when the moment has come that it was set to last."""

    def __init__(self, clock: IClock, ring: Callable[[], object]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: float | None = None
        self._timer: IDelayedCall | None = None

    def set(self, due: float | None) -> None:
        """Ring at ``due`` (IClock.now), None for never; at once if that is past, but not from here."""
        if due == self._due:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer, self._due = None, due
        if due is not None:
            self._timer = self._clock.call_later(max(0.0, due - self._clock.now()), self._came)

    def _came(self) -> None:
        self._timer = self._due = None
        self._ring()
