"""What one uplink has used: in the last 60 minutes, on the calendar day, in the billing month.  Pure.

The last hour is counted by IClock.now in buckets of a minute, and a bucket counts until all of it is an hour old.  Day
and month follow the wall clock.  While that cannot be right they go on as they are; what is used meanwhile (``unsure``)
counts for the day and month in which the clock is right again.  A clock that is set back finds what it had counted
before it was put forward.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from icsframework.frozen import dataclass
from icsframework.quantities import Period
from icsframework.uplinks.periods import MINUTE, Calendar, Moment, Span

__all__ = [
    "NOTHING",
    "Amounts",
    "Minute",
    "Tally",
    "Usage",
    "added",
    "expiry",
    "in_period",
    "last_hour",
    "rolled",
    "spread",
]

HOUR = 3600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Seconds connected, bytes in both directions, attempts to connect, and money."""

    time: float = 0.0
    data: int = 0
    dials: int = 0
    money: Decimal = Decimal(0)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.time + other.time, self.data + other.data, self.dials + other.dials, self.money + other.money
        )

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Amounts()


@dataclass(frozen=True, slots=True)
class Minute:
    """What was used in one minute of IClock.now (seconds // 60)."""

    number: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Tally:
    """One calendar period.  ``span`` None: the clock was never right so far."""

    amounts: Amounts = NOTHING
    span: Span | None = None
    unsure: Amounts = NOTHING
    """The part of ``amounts`` that was used while the clock could not be right."""
    before: Amounts = NOTHING
    before_span: Span | None = None
    """The period before this one, for a clock that was put forward by mistake."""


@dataclass(frozen=True, slots=True)
class Usage:
    """All that is counted of one uplink."""

    minutes: tuple[Minute, ...] = ()
    """Those of the last hour in which something was used, oldest first."""
    day: Tally = Tally()
    month: Tally = Tally()


def last_hour(usage: Usage, now: float) -> Amounts:
    """What was used in the 60 minutes before ``now``."""
    return sum((one.amounts for one in usage.minutes if expiry(one) > now), NOTHING)


def expiry(minute: Minute) -> float:
    """When all of it is an hour old, by IClock.now."""
    return float((minute.number + 1) * MINUTE + HOUR)


def in_period(usage: Usage, period: Period, at: Moment) -> Amounts:
    """What counts for a limit at that moment; after the end of the day (the month), nothing yet."""
    if period is Period.HOUR:
        return last_hour(usage, at.now)
    tally = usage.day if period is Period.DAY else usage.month
    over = tally.span is not None and at.wall is not None and at.wall >= tally.span.end
    return NOTHING if over else tally.amounts


# --- time passes


def rolled(usage: Usage, calendar: Calendar, at: Moment) -> Usage:
    """With what is over left out."""
    minutes = tuple(one for one in usage.minutes if expiry(one) > at.now)
    if at.wall is None:
        return replace(usage, minutes=minutes)
    return Usage(
        minutes,
        _roll(usage.day, calendar.day(at.wall), at.wall),
        _roll(usage.month, calendar.month(at.wall), at.wall),
    )


def _roll(tally: Tally, span: Span, wall: float) -> Tally:
    if tally.span is None or tally.span == span or wall in tally.span:
        return replace(tally, span=span, unsure=NOTHING)
    if wall >= tally.span.end:
        return Tally(tally.unsure, span, NOTHING, tally.amounts, tally.span)
    again = tally.before if tally.before_span is not None and wall in tally.before_span else NOTHING
    return Tally(tally.amounts + again, span)


# --- something is used


def added(usage: Usage, amounts: Amounts, calendar: Calendar, at: Moment) -> Usage:
    """With what is used at this moment."""
    usage = rolled(usage, calendar, at)
    sure = at.wall is not None
    return Usage(
        _in_minute(usage.minutes, int(at.now // MINUTE), amounts),
        _plus(usage.day, amounts, sure),
        _plus(usage.month, amounts, sure),
    )


def spread(
    usage: Usage, cost: Callable[[float, float], Amounts], begin: float, calendar: Calendar, at: Moment
) -> Usage:
    """With what is used from ``begin`` until now; ``cost`` says how much from one time (IClock.now) to another."""
    minutes, since = usage.minutes, max(begin, at.now - HOUR - MINUTE)
    while since < at.now:
        number = int(since // MINUTE)
        until = min(at.now, float((number + 1) * MINUTE))
        minutes, since = _in_minute(minutes, number, cost(since, until)), until
    if at.wall is None:
        whole = cost(begin, at.now)
        day, month = _plus(usage.day, whole, sure=False), _plus(usage.month, whole, sure=False)
    else:
        day = _spread(usage.day, calendar.day(at.wall), cost, begin, at.now, at.wall)
        month = _spread(usage.month, calendar.month(at.wall), cost, begin, at.now, at.wall)
    return rolled(Usage(minutes, day, month), calendar, at)


def _spread(
    tally: Tally, span: Span, cost: Callable[[float, float], Amounts], begin: float, now: float, wall: float
) -> Tally:
    """Both sides of a midnight get their part."""
    if tally.span is not None and wall >= tally.span.end:
        ended, begun = now - (wall - tally.span.end), now - (wall - span.start)
        if begin < ended:
            tally = _plus(tally, cost(begin, ended), sure=True)
        begin = max(begin, begun)
    return _plus(_roll(tally, span, wall), cost(begin, now), sure=True)


def _plus(tally: Tally, amounts: Amounts, sure: bool) -> Tally:
    unsure = tally.unsure if sure else tally.unsure + amounts
    return replace(tally, amounts=tally.amounts + amounts, unsure=unsure)


def _in_minute(minutes: tuple[Minute, ...], number: int, amounts: Amounts) -> tuple[Minute, ...]:
    if not amounts:
        return minutes
    if not minutes or minutes[-1].number < number:
        return (*minutes, Minute(number, amounts))
    known = {one.number: one.amounts for one in minutes}
    known[number] = known.get(number, NOTHING) + amounts
    return tuple(Minute(*one) for one in sorted(known.items()))
