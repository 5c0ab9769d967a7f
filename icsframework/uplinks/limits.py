"""May an uplink be up, by its limits and hours?  Pure: limits, usage and clocks in, a verdict out.

A limit is reached when as much as it allows is used.  Money is judged ahead: a limit is reached when the next charge
unit would exceed it, and a link that is up is given up ``HANG_UP`` seconds before that unit begins.  Attempts to
connect are judged before a try only, never while one is under way or the link is up.

While the wall clock cannot be right, hours do not count, and limits per day and month go on with the day and month
that were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from icsframework.frozen import dataclass
from icsframework.quantities import Period
from icsframework.uplinks.calls import GRAIN, Call, Tariff, next_unit
from icsframework.uplinks.hours import is_open, next_change
from icsframework.uplinks.limitwords import clock_warning, closed, sentence
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.terms import NEAR, Limit, Standing, Terms
from icsframework.uplinks.usage import Usage, expiry, in_period, last_hour
from icsframework.values import Refused

__all__ = ["HANG_UP", "Verdict", "judge", "standings"]

HANG_UP = 5.0
"""Seconds that a modem takes to hang up: a unit that would be too much must not begin meanwhile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``due``: when to judge again (IClock.now), if nothing but time passes; None: never.  Bytes are not foreseen."""

    refused: Refused | None = None
    warnings: tuple[str, ...] = ()
    due: float | None = None


def judge(
    terms: Terms,
    usage: Usage,
    calendar: Calendar,
    at: Moment,
    call: Call | None = None,
    dialling: bool = False,
) -> Verdict:
    """May it be up at this moment?  ``call``: it is up; ``dialling``: a try that was counted is under way."""
    found = standings(terms, usage, calendar, at, call, dialling)
    reached = [Refused(one.sentence, one.again) for one in found if one.reached]
    hours = _hours(terms, calendar, at)
    if hours is not None:
        reached.append(hours)
    # The one that lasts longest is told; of equal ones the first.
    refused = max(reached, key=_lasts, default=None)
    others = tuple(other.reason for other in reached if other is not refused)
    near = tuple(one.sentence for one in found if one.near and not one.reached)
    changes = _changes(terms, usage, found, calendar, at, call)
    due = min((when for when in changes if when > at.now), default=None)
    return Verdict(refused, (*others, *near, *clock_warning(terms, at)), due)


def standings(
    terms: Terms,
    usage: Usage,
    calendar: Calendar,
    at: Moment,
    call: Call | None = None,
    dialling: bool = False,
) -> tuple[Standing, ...]:
    """How it stands with each limit; ``usage`` must be rolled to that moment."""
    found = (_standing(limit, terms, usage, at, call, dialling) for limit in terms.limits())
    return tuple(replace(one, sentence=sentence(one, terms, calendar, at)) for one in found)


def _standing(
    limit: Limit, terms: Terms, usage: Usage, at: Moment, call: Call | None, dialling: bool
) -> Standing:
    period = limit.rate.period
    used = getattr(in_period(usage, period, at), limit.kind)
    reached = _is_reached(limit, terms, usage, used, at, call, dialling)
    again = _free_again(limit, terms, usage, at) if reached else None
    return Standing(limit, used, reached, again, _resets(period, usage, at))


def _is_reached(
    limit: Limit, terms: Terms, usage: Usage, used: Any, at: Moment, call: Call | None, dialling: bool
) -> bool:
    if limit.kind == "dials" and (call is not None or dialling):
        return False
    if limit.kind == "money" and call is not None:
        unit = next_unit(call, terms.tariff)
        then = in_period(usage, limit.rate.period, _later(at, unit)).money
        exceeded = used > limit.rate.amount  # the modem was slower than that
        return exceeded or (at.now >= unit - _lead(terms.tariff) - GRAIN and not terms.leaves(limit, then))
    return not terms.leaves(limit, used)


def _hours(terms: Terms, calendar: Calendar, at: Moment) -> Refused | None:
    if at.wall is None or is_open(terms.hours, at.wall, calendar.zone):
        return None
    change = next_change(terms.hours, at.wall, calendar.zone)
    again = None if change is None else at.now + change - at.wall
    return Refused(closed(terms, again, calendar, at), again)


def _free_again(limit: Limit, terms: Terms, usage: Usage, at: Moment) -> float | None:
    """When something is left again, by IClock.now, if nothing is used until then."""
    if terms.forbids(limit):
        return None
    if limit.rate.period is Period.HOUR:
        times = sorted(expiry(one) for one in usage.minutes)
        fits = (when for when in times if terms.leaves(limit, getattr(last_hour(usage, when), limit.kind)))
        return next((when for when in fits if when > at.now), None)
    resets = _resets(limit.rate.period, usage, at)
    return None if resets is None or at.wall is None else at.now + resets - at.wall


def _resets(period: Period, usage: Usage, at: Moment) -> float | None:
    if period is Period.HOUR or at.wall is None:
        return None
    span = (usage.day if period is Period.DAY else usage.month).span
    return None if span is None else span.end


def _lead(tariff: Tariff) -> float:
    return min(HANG_UP, tariff.unit / 2)


def _later(at: Moment, now: float) -> Moment:
    return Moment(now, None if at.wall is None else at.wall + now - at.now)


def _lasts(refused: Refused) -> float:
    return inf if refused.retry_at is None else refused.retry_at


# --- what time alone will change


def _changes(
    terms: Terms, usage: Usage, found: Sequence[Standing], calendar: Calendar, at: Moment, call: Call | None
) -> Iterator[float]:
    """When the verdict may become another one, by IClock.now."""
    for one in found:
        period = one.limit.rate.period
        if one.again is not None:
            yield one.again
        if one.resets is not None and at.wall is not None:
            yield at.now + one.resets - at.wall
        elif period is Period.HOUR and one.used:
            yield from (expiry(minute) for minute in usage.minutes)
        if call is not None and one.limit.kind == "time" and not one.reached:
            left = one.limit.rate.amount - one.used
            yield at.now + left
            yield at.now + left - one.limit.rate.amount * (1 - NEAR[0] / NEAR[1])
        if call is not None and one.limit.kind == "money":
            unit = next_unit(call, terms.tariff)
            yield unit - _lead(terms.tariff)
            yield unit
    if at.wall is not None:
        change = next_change(terms.hours, at.wall, calendar.zone)
        if change is not None:
            yield at.now + change - at.wall
