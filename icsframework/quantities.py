"""Amounts as people write them: durations, sizes, money, rates and hours of the day.

Pure text in, plain numbers and small frozen values out; fields.py makes
configuration types of these functions, others use them to show an amount
the way it is written in the file.  Seconds are float, bytes are int, money is
Decimal.  Every refusal is a FieldError, whose text says what is accepted.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from icsframework.frozen import dataclass

__all__ = [
    "FieldError",
    "Period",
    "Rate",
    "TimeWindow",
    "format_bandwidth",
    "format_duration",
    "format_money",
    "format_rate",
    "format_size",
    "parse_bandwidth",
    "parse_count",
    "parse_duration",
    "parse_money",
    "parse_rate",
    "parse_size",
    "parse_time_window",
]

MAX_TEXT = 200
"""Characters of a scalar that is looked at as an amount or address; nothing sensible is longer."""
MAX_NUMBER = 10**18
"""Plain numbers beyond this are no amount of anything here (and might not fit a float)."""
MAX_DURATION = 100 * 365.25 * 86400
"""Seconds; a hundred years, so that adding it to any clock stays a finite, printable time."""
MAX_SIZE = 10**18
"""Bytes; an exabyte, safely inside a signed 64-bit counter."""
MAX_COUNT = 10**9
"""Largest plain number in a rate."""
MAX_MONEY = Decimal(10**9)
"""Largest amount of money, in the operator's own currency."""

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
BITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
BYTES_SHOWN = ("TB", "TiB", "GB", "GiB", "MB", "MiB", "kB", "KiB")

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)\s*", re.ASCII)
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", re.ASCII)
_BANDWIDTH = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([kMG]?)bit/s", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_WINDOW = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})", re.ASCII)

Amount = TypeVar("Amount", float, int, Decimal)


class FieldError(ValueError):
    """A value that is not acceptable: ``problem`` says what is wrong with it, ``advice`` what to write instead."""

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(problem, advice)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.problem}; {self.advice}" if self.advice else self.problem


class Period(StrEnum):
    """The period of a rate.  An hour is the last 60 minutes; days and months are those of the calendar."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Rate(Generic[Amount]):
    """An amount (seconds, bytes, a count or money) in each period."""

    amount: Amount
    period: Period


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Hours of the day: from ``start`` up to but not including ``end``, in minutes after midnight.

    ``end`` before ``start`` means that the window passes midnight.
    """

    start: int
    end: int

    def contains(self, minute: int) -> bool:
        """Is this minute of the day (0..1439) inside?"""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return "-".join(f"{m // 60:02}:{m % 60:02}" for m in (self.start, self.end))


def shown(value: object) -> str:
    """A value from the file as it is quoted in a message: short, printable, on one line."""
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        text = {None: "nothing", True: "true", False: "false"}[value]
    else:
        text = value if isinstance(value, str) else f"{value}"
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f"'{text[:40]}...'" if len(text) > 43 else f"'{text}'"


def plain_number(value: object) -> bool:
    """True for a finite number of sane size that is not a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_NUMBER and math.isfinite(value)


def parse_duration(value: object) -> float:
    """``90s``, ``12h``, ``1h30m``, ``500ms``; a plain number counts seconds.  Returns seconds."""
    refusal = FieldError(f"{shown(value)} is not a duration", "write for example 90s, 12h, 1h30m or 7d")
    seconds: float | None = None
    if plain_number(value):
        seconds = float(value)  # type: ignore[arg-type]
    elif isinstance(value, str) and len(value) <= MAX_TEXT:
        text = value.strip()
        parts = _PART.findall(text)
        units = [list(SECONDS).index(unit) for _, unit in parts]
        if parts and not _PART.sub("", text) and units == sorted(set(units), reverse=True):
            seconds = float(sum(Decimal(number) * Decimal(str(SECONDS[unit])) for number, unit in parts))
    if seconds is None or seconds < 0:
        raise refusal
    if seconds > MAX_DURATION:
        raise FieldError(f"{shown(value)} is longer than a hundred years", "write a shorter duration")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest usual spelling: 5400 -> ``1h30m``.  parse_duration reads it back."""
    if seconds != int(seconds):
        return f"{seconds:.3f}".rstrip("0") + "s" if seconds >= 1 else f"{seconds * 1000:g}ms"
    rest, text = int(seconds), ""
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(SECONDS[unit]))
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_size(value: object) -> int:
    """``500MB`` (10^6), ``10MiB`` (2^20), ``4096B``; a plain number counts bytes.  Returns bytes."""
    refusal = FieldError(f"{shown(value)} is not a size", "write for example 500MB, 10MiB or 2GB")
    size: int | None = None
    if plain_number(value) and value == int(value):  # type: ignore[call-overload]
        size = int(value)  # type: ignore[call-overload]
    elif isinstance(value, str) and len(value) <= MAX_TEXT and (match := _SIZE.fullmatch(value.strip())):
        factor = BYTES.get(match[2].lower())
        if factor is not None:
            size = int(Decimal(match[1]) * factor)
    if size is None or size < 0:
        raise refusal
    if size > MAX_SIZE:
        raise FieldError(f"{shown(value)} is more than 10^18 bytes", "write a smaller size")
    return size


def format_size(size: int) -> str:
    """The shortest exact spelling: 500000000 -> ``500MB``.  parse_size reads it back."""
    for unit in BYTES_SHOWN:
        factor = BYTES[unit.lower()]
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{size}B"


def parse_bandwidth(value: object) -> int:
    """``20Mbit/s``, ``512kbit/s``; a plain number counts bits per second.  Returns bits per second."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_NUMBER:
        return value
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_TEXT else ""
    match = _BANDWIDTH.fullmatch(text)
    bits = int(Decimal(match[1]) * BITS[match[2].lower()]) if match else 0
    if not bits:
        raise FieldError(f"{shown(value)} is not a bandwidth", "write for example 20Mbit/s or 512kbit/s")
    return bits


def format_bandwidth(bits: int) -> str:
    """The shortest exact spelling: 20000000 -> ``20Mbit/s``."""
    for unit in ("G", "M", "k"):
        factor = BITS[unit.lower()]
        if bits % factor == 0:
            return f"{bits // factor}{unit}bit/s"
    return f"{bits}bit/s"


def parse_money(value: object) -> Decimal:
    """An amount of money in the operator's currency: ``10``, ``0.02``."""
    money: Decimal | None = None
    if isinstance(value, Decimal):
        money = value
    elif plain_number(value):
        # str() of a float is its shortest spelling, so 0.02 in the file stays 0.02.
        money = Decimal(str(value))
    elif isinstance(value, str) and len(value) <= MAX_TEXT and _NUMBER.fullmatch(value.strip()):
        money = Decimal(value.strip())
    if money is None or not money.is_finite() or not 0 <= money <= MAX_MONEY:
        raise FieldError(
            f"{shown(value)} is not an amount of money", "write a plain number such as 10 or 0.02"
        )
    return money


def format_money(amount: Decimal) -> str:
    """The shortest text that ``parse_money`` reads as exactly this amount."""
    return f"{amount.normalize():f}"


def parse_count(value: object) -> int:
    """A whole number, zero or more."""
    refusal = FieldError(f"{shown(value)} is not a count", "write a whole number such as 20")
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value.strip(), re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise refusal
    return value


def parse_rate(value: object, parse_amount: Callable[[object], Amount], example: str) -> Rate[Amount]:
    """An amount, a slash and a period: ``2h/day``, ``500MB/month``, ``20/hour``."""
    if isinstance(value, Rate):
        return value
    refusal = FieldError(
        f"{shown(value)} is not an amount per period", f"write for example {example} (per hour, day or month)"
    )
    if not isinstance(value, str) or value.count("/") != 1 or len(value) > MAX_TEXT:
        raise refusal
    amount, period = (part.strip() for part in value.split("/"))
    try:
        return Rate(parse_amount(amount), Period(period))
    except ValueError:
        raise refusal from None


def format_rate(rate: Rate[Amount], format_amount: Callable[[Amount], str]) -> str:
    """The rate as it is written in the file."""
    return f"{format_amount(rate.amount)}/{rate.period}"


def parse_time_window(value: object) -> TimeWindow:
    """``06:00-23:00``; ``22:00-06:00`` passes midnight; ``24:00`` is the end of the day."""
    if isinstance(value, TimeWindow):
        return value
    refusal = FieldError(
        f"{shown(value)} is not a time of day window", 'write for example "06:00-23:00" or "22:00-06:00"'
    )
    match = _WINDOW.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= MAX_TEXT else None
    if match is None:
        raise refusal
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or start >= 1440 or end > 1440:
        raise refusal
    if start == end:
        raise FieldError(f"{shown(value)} is an empty window", 'write "00:00-24:00" for the whole day')
    return TimeWindow(start, end)
