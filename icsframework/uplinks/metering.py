"""What one uplink's meter is told, and when it is asked."""

from collections.abc import Callable

from icsframework.uplinks.permission import IMeter
from icsframework.values import Link, Refused

__all__ = ["Metering"]


class Metering:
    """``changed`` is called when the meter's answer may have changed, never while ``busy()``: then after ``finished``."""

    def __init__(self, meter: IMeter, busy: Callable[[], bool], changed: Callable[[], object]) -> None:
        self.meter = meter
        self._busy = busy
        self._changed = changed
        self._stale = self._deaf = False
        self._unwatch = meter.watch(self._news)

    def forbidden(self) -> Refused | None:
        """What forbids that the uplink is up now."""
        self._stale = False
        return self.meter.permission().refused

    def call_is_over(self) -> Refused | None:
        """Tell it so.  What it says then counts when that is known, and is the answer."""
        self._deaf = True
        self.meter.down()
        self._deaf = False
        return self.forbidden()

    def finished(self) -> None:
        """No longer busy."""
        if self._stale and not self._busy():
            self._changed()

    def replace(self, meter: IMeter, link: Link | None) -> None:
        """Another one counts from now on; ``link`` is up."""
        if meter is self.meter:
            return
        self._unwatch()
        if link is not None:
            self.meter.down()
            meter.up(link)
        self.meter = meter
        self._unwatch = meter.watch(self._news)

    def stop(self) -> None:
        """Hear no more of it."""
        self._unwatch()
        self._stale = False

    def _news(self) -> None:
        if self._busy():
            self._stale = True
        elif not self._deaf:
            self._changed()
