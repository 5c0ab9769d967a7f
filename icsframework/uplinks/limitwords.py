"""Limits and hours in words: what people read of one that is near, or reached, or closed.  Pure."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from icsframework.quantities import Period, format_duration, format_money
from icsframework.uplinks.periods import Calendar, Moment, local_text
from icsframework.uplinks.terms import Standing, Terms

__all__ = ["clock_warning", "closed", "sentence"]


def closed(terms: Terms, again: float | None, calendar: Calendar, at: Moment) -> str:
    """It is not one of the hours when it may be up; ``again``: when one begins (IClock.now), None if none does."""
    windows = ", ".join(map(str, terms.hours))
    return f"hours: only from {windows}{_until(again, calendar, at)}"


def sentence(one: Standing, terms: Terms, calendar: Calendar, at: Moment) -> str:
    """Of a limit that is near or reached; "" of any other."""
    if one.reached:
        return f"{one.limit.key}: {_reached(one, terms, calendar, at)}"
    return f"{one.limit.key}: {_near(one)}" if one.near else ""


def _reached(one: Standing, terms: Terms, calendar: Calendar, at: Moment) -> str:
    limit, price = one.limit, format_money(terms.tariff.price)
    amount = limit.rate.amount
    if terms.forbids(limit):
        unit = limit.kind == "money" and amount
        return f"{limit} is less than one unit costs ({price})" if unit else f"{limit} allows nothing"
    what = f"{limit} are used up"
    if limit.kind == "money" and one.used < amount:
        what = (
            f"{format_money(amount - one.used)} of {limit} is left, less than the next unit costs ({price})"
        )
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


def clock_warning(terms: Terms, at: Moment) -> tuple[str, ...]:
    """What a clock that cannot be right means for them; empty for one that may be."""
    if at.wall is not None or not terms.by_calendar:
        return ()
    return (
        "the clock is wrong: hours do not count, and no new day or month begins for limits, until it is set",
    )


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


_SHOWN: dict[str, Callable[[Any], str]] = {"time": _time, "data": _size, "dials": str, "money": format_money}
_PERIODS = {Period.HOUR: "of the last hour", Period.DAY: "of today", Period.MONTH: "of this month"}
