"""May an uplink be up, by its limits and hours?  Pure: limits, usage and clocks in, a verdict out.

A limit is reached when as much as it allows is used.  Money is judged ahead: a limit is reached when the next charge
unit would exceed it, and a link that is up is given up ``HANG_UP`` seconds before that unit begins.  Attempts to
connect are judged before a try only, never while one is under way or the link is up.

While the wall clock cannot be right, hours do not count, and limits per day and month go on with the day and month
that were.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from math import inf
from typing import Any, Literal

from icsframework.frozen import dataclass
from icsframework.quantities import Period, Rate, TimeWindow, format_duration, format_rate, format_size
from icsframework.uplinks.calls import GRAIN, Call, Tariff, next_unit
from icsframework.uplinks.hours import is_open, next_change
from icsframework.uplinks.periods import Calendar, Moment, local_text
from icsframework.uplinks.usage import Usage, expiry, in_period, last_hour
from icsframework.values import Refused

__all__ = ["NEAR", "Kind", "Limit", "Standing", "Terms", "Verdict", "judge", "standings"]

Kind = Literal["time", "data", "dials", "money"]

NEAR = (4, 5)
"""The part of a limit from which on people are warned: 80 %, exact for every kind of number."""
HANG_UP = 5.0
"""Seconds that a modem takes to hang up: a unit that would be too much must not begin meanwhile."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an uplink may cost, and when it may be up: ``limits`` and ``demand.hours`` of its entry."""

    time: tuple[Rate[float], ...] = ()
    data: tuple[Rate[int], ...] = ()
    dials: tuple[Rate[int], ...] = ()
    money: tuple[Rate[Decimal], ...] = ()
    tariff: Tariff = Tariff()
    hours: tuple[TimeWindow, ...] = ()

    def limits(self) -> Iterator["Limit"]:
        """All limits, in the order of the documentation."""
        for kind in ("time", "data", "dials", "money"):
            for rate in getattr(self, kind):
                yield Limit(kind, rate)

    @property
    def by_calendar(self) -> bool:
        """Does anything depend on the wall clock?"""
        return bool(self.hours) or any(limit.rate.period is not Period.HOUR for limit in self.limits())


@dataclass(frozen=True, slots=True)
class Limit:
    """One of them."""

    kind: Kind
    rate: Rate[Any]

    @property
    def key(self) -> str:
        """As people find it: ``limits.time``."""
        return f"limits.{self.kind}"

    def __str__(self) -> str:
        return format_rate(self.rate, _FORMATS[self.kind])


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a limit is used.

    ``again`` (reached limits only): when it is no longer so, by IClock.now; None if that cannot be said.
    ``resets``: when its day or month ends, as an instant; None for an hour, and while the clock cannot be right.
    ``sentence``: what people are told of a limit that is near or reached.
    """

    limit: Limit
    used: Any
    reached: bool
    again: float | None = None
    resets: float | None = None
    sentence: str = ""

    @property
    def near(self) -> bool:
        """Is it time to warn?"""
        part, whole = NEAR
        amount = self.limit.rate.amount
        return bool(amount) and self.used * whole >= amount * part


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
    return Verdict(refused, (*others, *near, *_clock_warning(terms, at)), due)


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
    return tuple(replace(one, sentence=_sentence(one, terms, calendar, at)) for one in found)


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
        return exceeded or (at.now >= unit - _lead(terms.tariff) - GRAIN and not _fits(limit, terms, then))
    return not _fits(limit, terms, used)


def _fits(limit: Limit, terms: Terms, used: Any) -> bool:
    """Is anything left, when so much is used?"""
    amount = limit.rate.amount
    if limit.kind == "money":
        return bool(used + terms.tariff.price <= amount)
    return bool(used < amount - (GRAIN if limit.kind == "time" else 0))


def _never(limit: Limit, terms: Terms) -> bool:
    """Does it allow nothing at all?"""
    return not _fits(limit, terms, type(limit.rate.amount)(0))


def _free_again(limit: Limit, terms: Terms, usage: Usage, at: Moment) -> float | None:
    """When something is left again, by IClock.now, if nothing is used until then."""
    if _never(limit, terms):
        return None
    if limit.rate.period is Period.HOUR:
        times = sorted(expiry(one) for one in usage.minutes)
        fits = (when for when in times if _fits(limit, terms, getattr(last_hour(usage, when), limit.kind)))
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


# --- sentences


def _hours(terms: Terms, calendar: Calendar, at: Moment) -> Refused | None:
    if at.wall is None or is_open(terms.hours, at.wall, calendar.zone):
        return None
    change = next_change(terms.hours, at.wall, calendar.zone)
    again = None if change is None else at.now + change - at.wall
    windows = ", ".join(map(str, terms.hours))
    return Refused(f"hours: only from {windows}{_until(again, calendar, at)}", again)


def _sentence(one: Standing, terms: Terms, calendar: Calendar, at: Moment) -> str:
    if one.reached:
        return f"{one.limit.key}: {_reached(one, terms, calendar, at)}"
    return f"{one.limit.key}: {_near(one)}" if one.near else ""


def _reached(one: Standing, terms: Terms, calendar: Calendar, at: Moment) -> str:
    limit, price = one.limit, _money(terms.tariff.price)
    amount = limit.rate.amount
    if _never(limit, terms):
        unit = limit.kind == "money" and amount
        return f"{limit} is less than one unit costs ({price})" if unit else f"{limit} allows nothing"
    what = f"{limit} are used up"
    if limit.kind == "money" and one.used < amount:
        what = f"{_money(amount - one.used)} of {limit} is left, less than the next unit costs ({price})"
    if one.again is None:
        return f"{what}; again in a new {limit.rate.period}, when the clock is right"
    return what + _until(one.again, calendar, at)


def _near(one: Standing) -> str:
    show, amount = _SHOWN[one.limit.kind], one.limit.rate.amount
    return f"{show(one.used)} of {show(amount)} {_PERIODS[one.limit.rate.period]} are used"


def _until(again: float | None, calendar: Calendar, at: Moment) -> str:
    if again is None:
        return ""
    if at.wall is None:
        return "; again within the hour"
    return f"; again at {local_text(at.wall + again - at.now, calendar.zone)}"


def _clock_warning(terms: Terms, at: Moment) -> tuple[str, ...]:
    if at.wall is not None or not terms.by_calendar:
        return ()
    sentence = (
        "the clock is wrong: hours do not count, and no new day or month begins for limits, until it is set"
    )
    return (sentence,)


def _size(size: int) -> str:
    """Three digits, never more than there is: ``412MB``."""
    for factor, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            digits = 2 if size < 10 * factor else 1 if size < 100 * factor else 0
            shown = size * 10**digits // factor
            return f"{Decimal(shown).scaleb(-digits).normalize():f}{unit}"
    return f"{size}B"


def _time(seconds: float) -> str:
    whole = int(seconds)
    return format_duration(whole - whole % 60 if whole >= 3600 else whole)


def _money(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


_SHOWN: dict[str, Callable[[Any], str]] = {"time": _time, "data": _size, "dials": str, "money": _money}
_FORMATS: dict[str, Callable[[Any], str]] = {
    "time": format_duration, "data": format_size, "dials": str, "money": _money,
}  # fmt: skip
_PERIODS = {Period.HOUR: "of the last hour", Period.DAY: "of today", Period.MONTH: "of this month"}
