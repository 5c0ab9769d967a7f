"""Time (IClock): CLOCK_BOOTTIME for durations, and a wall clock that is trusted unless it is provably wrong."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from icsframework.interfaces import IClock

__all__ = ["RELEASED", "Clock", "steady"]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

RELEASED = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
"""Seconds since 1970 of this release: a wall clock that shows less is wrong.  Set anew with each release."""


def boottime() -> float:
    """CLOCK_BOOTTIME in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def steady(reactor: Any) -> None:
    """Make the reactor count its timers by CLOCK_BOOTTIME, before it has any.

    Twisted counts them by the wall clock: when that is set back by an hour, every
    timer - renewals of leases, retransmissions, time-outs - comes an hour late.
    """
    reactor.seconds = boottime


def _nothing_stored() -> float:
    return 0.0


@implementer(IClock)
class Clock:
    """``newest`` says the latest wall time (seconds since 1970) that stands in our store."""

    def __init__(
        self,
        reactor: IReactorTime,
        newest: Callable[[], float] = _nothing_stored,
        released: float = RELEASED,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._newest = newest
        self._released = released
        self._wall = wall

    def now(self) -> float:
        """See IClock."""
        return boottime()

    @cached_property
    def boot(self) -> str:
        """See IClock."""
        return BOOT_ID.read_text(encoding="ascii").strip()

    def wall(self) -> float:
        """See IClock."""
        return self._wall()

    @property
    def wall_trusted(self) -> bool:
        """See IClock: a board without a battery begins in 1970, or where it was switched off."""
        return self._wall() >= max(self._released, self._newest())

    def call_later(self, delay: float, function: Callable[..., object], *args: object) -> IDelayedCall:
        """See IClock.  A delay in the past means as soon as possible."""
        return self._reactor.callLater(max(0.0, delay), function, *args)
