"""Hours of the day when an uplink may be up: windows of local time.  Pure.

Local time repeats itself when clocks are put back, and leaves an hour out when they are put forward; what counts at
each instant is what a clock on the wall shows.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from icsframework.quantities import TimeWindow

__all__ = ["is_open", "next_change"]

DAYS = 4
"""How far to look: windows come again each day, and a change of the clocks may take one of them away."""
DAY_MINUTES = 1440
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def is_open(windows: Sequence[TimeWindow], wall: float, zone: tzinfo) -> bool:
    """Is it inside one of the windows?  Without windows it always is."""
    local = datetime.fromtimestamp(wall, zone)
    return not windows or any(window.contains(local.hour * 60 + local.minute) for window in windows)


def next_change(windows: Sequence[TimeWindow], wall: float, zone: tzinfo) -> float | None:
    """The first instant after ``wall`` at which ``is_open`` has another answer; None: never."""
    if not windows:
        return None
    now = is_open(windows, wall, zone)
    last = wall
    for instant in _instants(windows, wall, zone):
        for moment in (*_clocks_changed(last, instant, zone), instant):
            if moment > wall and is_open(windows, moment, zone) != now:
                return moment
        last = instant
    return None


def _instants(windows: Sequence[TimeWindow], wall: float, zone: tzinfo) -> list[float]:
    """When windows begin and end, in order, from ``wall`` on."""
    first = datetime.fromtimestamp(wall, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    edges = {minute % DAY_MINUTES for window in windows for minute in (window.start, window.end)}
    found = {
        (first + day * _DAY + minute * _MINUTE).replace(tzinfo=zone, fold=fold).timestamp()
        for day in range(DAYS)
        for minute in edges
        for fold in (0, 1)
    }
    return sorted(instant for instant in found if instant > wall)


def _clocks_changed(begin: float, end: float, zone: tzinfo) -> Iterator[float]:
    """The instant in (begin, end] at which the zone's offset changes, if it does."""
    before = _offset(begin, zone)
    if _offset(end, zone) == before:
        return
    low, high = int(begin // 1), int(-(-end // 1))
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    yield float(high)


def _offset(wall: float, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(wall, zone).utcoffset()
