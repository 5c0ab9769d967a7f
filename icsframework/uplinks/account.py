"""The account of one uplink as the journal keeps it: records, and the way back.  Pure.

Stamps of IClock.now mean nothing after a reboot.  Then the time between is that of the wall clock, if it was right when
the record was written and is now; else the last hour counts as if it had just been.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, NamedTuple

from icsframework.errors import StoreError
from icsframework.frozen import dataclass
from icsframework.uplinks.calls import Call
from icsframework.uplinks.periods import MINUTE, Moment, Span
from icsframework.uplinks.usage import Amounts, Minute, Tally, Usage

__all__ = ["FORMAT", "NAME", "Account", "Stamp", "read", "record_of"]

NAME = "usage"
FORMAT = 1
"""Version of the journal's records."""
MAX_MINUTES = 100
"""Buckets that a record may have; an hour has 61."""


LARGEST = 1e11
"""Of seconds, counts and money: more than three thousand years.  Beyond it dates cannot be shown."""
MOST_BYTES = 10**21
"""More than any line carries in a lifetime."""


class Stamp(NamedTuple):
    """When, and in which boot of the machine (IClock.boot)."""

    at: Moment
    boot: str


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of one uplink.  ``told``: the limits that people were told of, ``near`` or ``reached``."""

    usage: Usage = Usage()
    call: Call | None = None
    told: frozenset[str] = frozenset()


def record_of(name: str, account: Account, stamp: Stamp) -> dict[str, Any]:
    """The whole account, as one record."""
    record = {
        "uplink": name,
        "boot": stamp.boot,
        "now": round(stamp.at.now, 3),
        "wall": None if stamp.at.wall is None else round(stamp.at.wall, 3),
        "minutes": [[one.number, *_plain(one.amounts)] for one in account.usage.minutes],
        "day": _tally(account.usage.day),
        "month": _tally(account.usage.month),
        "told": sorted(account.told),
    }
    call = account.call
    if call is not None:
        times = [round(moment, 3) for moment in (call.since, call.counted, call.unit_began)]
        record["call"] = [call.interface, call.ifindex, *times, call.received, call.sent]
    return record


def read(record: Mapping[str, Any], stamp: Stamp) -> tuple[str, Account]:
    """The uplink's name and its account, by the clocks of ``stamp``.  StoreError if it is no record of ours."""
    try:
        name, usage = str(record["uplink"]), _usage(record)
        told = frozenset(str(one) for one in record.get("told", ()))
        call = _call(record["call"]) if "call" in record else None
        then, wall = _number(record["now"]), record["wall"]
        written = Moment(then, None if wall is None else _number(wall))
        same_boot = record["boot"] == stamp.boot
    except (KeyError, ValueError, TypeError, AttributeError, InvalidOperation) as error:
        raise StoreError(
            f"a record of the journal {NAME} makes no sense ({error!r}); it is passed over"
        ) from None
    if same_boot:
        return name, Account(_not_later(usage, stamp.at.now), call, told)
    return name, Account(_shifted(usage, written, stamp.at), None, told)


def _shifted(usage: Usage, written: Moment, at: Moment) -> Usage:
    """The last hour by another boot's clock; rather later than it was than earlier (a clock that was put back: just now)."""
    age = at.wall - written.wall if at.wall is not None and written.wall is not None else 0.0
    shift = at.now - age - written.now
    minutes = tuple(Minute(ceil(one.number + shift / MINUTE), one.amounts) for one in usage.minutes)
    return _not_later(Usage(minutes, usage.day, usage.month), at.now)


def _not_later(usage: Usage, now: float) -> Usage:
    """Nothing was used in the future."""
    last = int(now // MINUTE)
    merged: dict[int, Amounts] = {}
    for one in usage.minutes:
        number = min(one.number, last)
        merged[number] = merged.get(number, Amounts()) + one.amounts
    return Usage(tuple(Minute(*one) for one in sorted(merged.items())), usage.day, usage.month)


# --- parts of a record


def _plain(amounts: Amounts) -> list[Any]:
    return [round(amounts.time, 3), amounts.data, amounts.dials, str(amounts.money)]


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "used": _plain(tally.amounts),
        "span": _span(tally.span),
        "unsure": _plain(tally.unsure),
        "before": _plain(tally.before),
        "before_span": _span(tally.before_span),
    }


def _span(span: Span | None) -> list[float] | None:
    return None if span is None else [span.start, span.end]


def _usage(record: Mapping[str, Any]) -> Usage:
    rows = record["minutes"]
    if len(rows) > MAX_MINUTES:
        raise ValueError(f"{len(rows)} minutes in an hour")
    minutes = tuple(Minute(_whole(number), _amounts(rest)) for number, *rest in rows)
    return Usage(minutes, _read_tally(record["day"]), _read_tally(record["month"]))


def _read_tally(kept: Mapping[str, Any]) -> Tally:
    return Tally(
        _amounts(kept["used"]),
        _read_span(kept["span"]),
        _amounts(kept["unsure"]),
        _amounts(kept["before"]),
        _read_span(kept["before_span"]),
    )


def _read_span(kept: Any) -> Span | None:
    if kept is None:
        return None
    start, end = kept
    span = Span(_number(start), _number(end))
    if span.end <= span.start:
        raise ValueError("a period that ends before it begins")
    return span


def _amounts(kept: Any) -> Amounts:
    time, data, dials, money = kept
    amounts = Amounts(_number(time), _whole(data, MOST_BYTES), _whole(dials), Decimal(str(money)))
    if not 0 <= amounts.money <= LARGEST or min(time, data, dials) < 0:
        raise ValueError(f"amounts {kept}")
    return amounts


def _call(kept: Any) -> Call:
    interface, ifindex, since, counted, unit_began, received, sent = kept
    return Call(
        str(interface),
        _whole(ifindex),
        _number(since),
        _number(counted),
        _number(unit_began),
        None if received is None else _whole(received, MOST_BYTES),
        None if sent is None else _whole(sent, MOST_BYTES),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any, most: float = LARGEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
        raise ValueError(f"{value!r} is no whole number")
    return value
