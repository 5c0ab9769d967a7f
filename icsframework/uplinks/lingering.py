"""The addresses of a link that went with its carrier stay for a while; see policy.lingering for which link and why."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall

from icsframework.interfaces import IClock
from icsframework.values import Link

__all__ = ["LINGER", "Lingering"]

LINGER = 300.0
"""Seconds for which the addresses of a link without carrier stay: longer than people take to find the cable, shorter
than most leases, and by then the other ends have given up."""


class Lingering:
    """One uplink's.  ``ended`` is called when the addresses may go."""

    def __init__(self, clock: IClock, ended: Callable[[], Any]) -> None:
        self.link: Link | None = None
        self._clock = clock
        self._ended = ended
        self._timer: IDelayedCall | None = None

    def keep(self, link: Link | None, replaced: bool) -> None:
        """From now on ``link`` lingers, or none; ``replaced`` says that a link is up instead and has what it needs."""
        if link == self.link:
            return
        self.stop()
        self.link = link
        if link is not None:
            self._timer = self._clock.call_later(LINGER, self.keep, None, False)
        elif not replaced:
            self._ended()

    def stop(self) -> None:
        """Leave everything as it is, without a timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
