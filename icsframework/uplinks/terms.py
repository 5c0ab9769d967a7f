"""What an uplink may cost and when it may be up, limit by limit, and how much of a limit is used.  Pure.

limits.py judges by these values, limitwords.py says it to people.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Literal

from icsframework.frozen import dataclass
from icsframework.quantities import (
    Period,
    Rate,
    TimeWindow,
    format_duration,
    format_money,
    format_rate,
    format_size,
)
from icsframework.uplinks.calls import GRAIN, Tariff

__all__ = ["NEAR", "Kind", "Limit", "Standing", "Terms"]

Kind = Literal["time", "data", "dials", "money"]

NEAR = (4, 5)
"""The part of a limit from which on people are warned: 80 %, exact for every kind of number."""


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

    def leaves(self, limit: "Limit", used: Any) -> bool:
        """Is anything left, when so much is used?  Of money: enough for the next unit."""
        amount = limit.rate.amount
        if limit.kind == "money":
            return bool(used + self.tariff.price <= amount)
        return bool(used < amount - (GRAIN if limit.kind == "time" else 0))

    def forbids(self, limit: "Limit") -> bool:
        """Does it allow nothing at all?"""
        return not self.leaves(limit, type(limit.rate.amount)(0))


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


_FORMATS: dict[str, Callable[[Any], str]] = {
    "time": format_duration,
    "data": format_size,
    "dials": str,
    "money": format_money,
}
