"""One time of being up, as it is charged: connected seconds, charge units, bytes of its interface.  Pure.

The first charge unit begins when the link comes up, and each following one as the one before it ends.  A unit costs
its price as soon as it has begun.
"""

from dataclasses import replace
from decimal import Decimal
from math import ceil

from icsframework.frozen import dataclass
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.usage import Amounts, Usage, added, spread

__all__ = ["GRAIN", "Call", "Tariff", "begun", "carried", "next_unit", "passed", "same"]

GRAIN = 0.001
"""Seconds: what is nearer to a moment than that is at it."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """``price`` for each ``unit`` of seconds that has begun."""

    price: Decimal = Decimal(0)
    unit: float = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """A link that is up.  All times are of IClock.now."""

    interface: str
    ifindex: int
    since: float
    """Link.since: tells one call from another."""
    counted: float
    """Until when it is in the usage."""
    unit_began: float
    """When the last charge unit that was counted began."""
    received: int | None = None
    """What the kernel's counters showed last; None: they were not there."""
    sent: int | None = None


def begun(
    usage: Usage, interface: str, ifindex: int, since: float, tariff: Tariff, calendar: Calendar, at: Moment
) -> tuple[Usage, Call]:
    """A link has come up: the first unit has begun."""
    call = Call(interface, ifindex, since, at.now, at.now)
    return added(usage, Amounts(money=tariff.price), calendar, at), call


def same(call: Call, ifindex: int, since: float) -> bool:
    """Is a link with this index and ``since`` the one of the call?"""
    return call.ifindex == ifindex and abs(call.since - since) < GRAIN * 2


def next_unit(call: Call, tariff: Tariff) -> float:
    """When the next unit begins."""
    return call.unit_began + max(tariff.unit, GRAIN)


def passed(usage: Usage, call: Call, tariff: Tariff, calendar: Calendar, at: Moment) -> tuple[Usage, Call]:
    """Count the time until now, and the units that have begun in it."""
    if at.now <= call.counted:
        return usage, call
    unit = max(tariff.unit, GRAIN)

    def before(moment: float) -> int:
        """Units that begin before that moment, after the one counted last."""
        return max(0, ceil((moment - call.unit_began - GRAIN / 2) / unit) - 1)

    def cost(begin: float, end: float) -> Amounts:
        return Amounts(time=end - begin, money=(before(end) - before(begin)) * tariff.price)

    usage = spread(usage, cost, call.counted, calendar, at)
    units = max(0, int((at.now - call.unit_began + GRAIN / 2) // unit))
    just_now = units - before(at.now)
    if just_now:
        usage = added(usage, Amounts(money=just_now * tariff.price), calendar, at)
    return usage, replace(call, counted=at.now, unit_began=call.unit_began + units * unit)


def carried(
    usage: Usage, call: Call, received: int | None, sent: int | None, calendar: Calendar, at: Moment
) -> tuple[Usage, Call]:
    """Count the bytes that the interface carried since last time.

    None: it has no counters now.  A counter that went back is that of an interface made anew: what it shows is not
    known to be ours.
    """
    data = _more(call.received, received) + _more(call.sent, sent)
    if data:
        usage = added(usage, Amounts(data=data), calendar, at)
    if received is None and sent is None:
        return usage, call
    return usage, replace(call, received=received, sent=sent)


def _more(before: int | None, now: int | None) -> int:
    return max(0, now - before) if before is not None and now is not None else 0
