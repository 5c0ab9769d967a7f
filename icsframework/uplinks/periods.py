"""Calendar days and billing months of a time zone, as spans of instants.  Pure.

An instant is in seconds since 1970.  A day has 23, 24 or 25 hours where the clocks are changed.  Spans of one kind
follow each other without gap or overlap, also where the clocks are put back over midnight: a day that has begun does
not end twice.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from icsframework.frozen import dataclass

__all__ = ["Calendar", "Moment", "Span", "local_text"]

MINUTE = 60
"""Seconds."""


class Moment(NamedTuple):
    """What the clocks show: seconds of IClock.now, and of the wall clock since 1970; None if that cannot be right."""

    now: float
    wall: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to but not including ``end``, both instants."""

    start: float
    end: float

    def __contains__(self, wall: float) -> bool:
        return self.start <= wall < self.end


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days of a time zone, and months that begin on ``billing_day`` (1..31; in shorter months their last day)."""

    zone: tzinfo
    billing_day: int = 1

    def day(self, wall: float) -> Span:
        """The day that ``wall`` is in."""
        return self._span(wall, self._local(wall).toordinal(), date.fromordinal)

    def month(self, wall: float) -> Span:
        """The billing month that ``wall`` is in."""
        today = self._local(wall)
        return self._span(wall, today.year * 12 + today.month - 1, self._begin)

    def midnight(self, day: date) -> float:
        """The instant at which ``day`` begins: the first of two midnights, the end of the gap that has swallowed it."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone).timestamp()

    def _span(self, wall: float, number: int, begin: Callable[[int], date]) -> Span:
        """The span of ``wall``: the one with this number or a neighbour."""
        start, end = self.midnight(begin(number)), self.midnight(begin(number + 1))
        while end <= wall:
            number += 1
            start, end = end, self.midnight(begin(number + 1))
        while wall < start:
            number -= 1
            start, end = self.midnight(begin(number)), start
        return Span(start, end)

    def _begin(self, number: int) -> date:
        """The first day of a billing month; months are counted from year 0."""
        year, month = number // 12, number % 12 + 1
        return date(year, month, min(self.billing_day, monthrange(year, month)[1]))

    def _local(self, wall: float) -> date:
        return datetime.fromtimestamp(wall, self.zone).date()


def local_text(wall: float, zone: tzinfo) -> str:
    """``2026-11-26 00:00 CET``: the first whole minute that is not before ``wall``."""
    seconds = -(-round(wall) // MINUTE) * MINUTE
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M %Z").rstrip()
