"""The meter of one uplink (IMeter): counts, judges, and says when it must look again.

It has no timer: whoever made it (meters.py) calls ``look`` at ``next_look``, and writes its account down when told.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from math import inf
from typing import Any

from twisted.logger import Logger

from icsframework.frozen import dataclass
from icsframework.host.traffic import Traffic
from icsframework.interfaces import IClock, IEvents, Unwatch
from icsframework.observers import Observers
from icsframework.quantities import Period
from icsframework.status import Instant
from icsframework.uplinks.account import Account
from icsframework.uplinks.calls import Call, begun, carried, passed, same
from icsframework.uplinks.limits import Verdict, judge, standings
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.permission import FREE, Permission
from icsframework.uplinks.terms import Standing, Terms
from icsframework.uplinks.usage import Amounts, added, in_period, rolled
from icsframework.values import Link, Refused

__all__ = ["Meter", "Parts"]

BYTES_TICK = 1.0
"""Seconds between two looks at the bytes of a link with a data limit: a fast link passes it by that much at most."""
TICK = 10.0
"""Seconds between two looks at any other link that is up."""
WRITE = 30.0
"""Seconds between two writes while up: what a power failure may lose."""
MAX_SLEEP = 600.0
"""Seconds to the next look when the answer will change at a time of the wall clock: it is slewed by less than a second meanwhile."""
CLOCK_NOISE = 1.0
"""Seconds that the end of a refusal may move without being another one: the wall clock is never quite steady."""
MIN_SLEEP = 0.01
"""Seconds: a moment that rounding puts just behind us does not keep us busy."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a meter needs.  ``write`` writes the account down; ``plan`` is called when ``next_look`` may have changed."""

    clock: IClock
    events: IEvents
    log: Logger
    traffic: Callable[[], Mapping[str, Traffic]]
    write: Callable[[], None]
    plan: Callable[[], None]


class Meter:
    """Provides IMeter.  New settings come by ``use``; the account stays."""

    def __init__(self, name: str, parts: Parts, terms: Terms, calendar: Calendar, account: Account) -> None:
        self.name = name
        self.next_look: float | None = None
        """By IClock.now; None: only if something happens."""
        self._parts = parts
        self._terms = terms
        self._calendar = calendar
        self._usage, self._told = account.usage, account.told
        self._left = account.call
        """The call of an earlier process, until it is known whether that goes on."""
        self._call: Call | None = None
        self._dialling = False
        self._written = 0.0
        self._observers = Observers(parts.log)
        self._answer: object = None
        self._permission = FREE
        """What was said last; it holds until that time (IClock.now), and while the clock is as right as it was."""
        self._holds_until, self._trusted = 0.0, True

    # --- IMeter

    def permission(self) -> Permission:
        """See IMeter.  While it is down the answer holds until something happens: a crowd of packets may ask for it."""
        clock = self._parts.clock
        if self._call is None and clock.now() < self._holds_until and clock.wall_trusted == self._trusted:
            return self._permission
        return self._answered(self._judge(self._pass_time()))

    def dialled(self) -> None:
        """See IMeter."""
        self._dialling = True
        self._usage = added(self._usage, Amounts(dials=1), self._calendar, self.moment())
        self._happened()

    def up(self, link: Link) -> None:
        """See IMeter."""
        self._dialling = False
        before, self._left = self._call or self._left, None
        if before is not None and (self._call is not None or same(before, link.ifindex, link.since)):
            self._call = _announced(before, link)
        else:
            self._usage, self._call = begun(
                self._usage,
                link.interface,
                link.ifindex,
                link.since,
                self._terms.tariff,
                self._calendar,
                self.moment(),
            )
        self._happened()

    def down(self) -> None:
        """See IMeter."""
        if self._call is None and not self._dialling and self._left is None:
            return
        self._count(self._parts.traffic())
        self._call, self._left, self._dialling = None, None, False
        self._happened()

    def watch(self, changed: Callable[[], None]) -> Unwatch:
        """See IMeter."""
        return self._observers.add(changed)

    # --- for meters.py

    @property
    def is_up(self) -> bool:
        """Is there something that uses time and bytes?"""
        return self._call is not None

    @property
    def terms(self) -> Terms:
        """What it judges by."""
        return self._terms

    def use(self, terms: Terms, calendar: Calendar) -> None:
        """New settings; what was used stays."""
        self._pass_time()
        self._terms, self._calendar = terms, calendar
        self.look(self._parts.traffic() if self.is_up else {})
        self._parts.plan()

    def restore(self, account: Account) -> None:
        """Take up what the journal has, before anything was counted."""
        self._usage, self._told, self._left = account.usage, account.told, account.call
        self.look({})

    def account(self) -> Account:
        """What the journal keeps."""
        return Account(self._usage, self._call or self._left, self._told)

    def moment(self) -> Moment:
        """Now."""
        clock = self._parts.clock
        return Moment(clock.now(), clock.wall() if clock.wall_trusted else None)

    def look(self, traffic: Mapping[str, Traffic]) -> None:
        """Count what was used, and tell whoever watches if the answer is another one now."""
        self._count(traffic)
        at = self.moment()
        verdict = self._judge(at)
        self._answered(verdict)
        self._plan_next(verdict, at)
        self._tell_limits()
        if self._call is not None and at.now - self._written >= WRITE:
            self.written()
        answer = (verdict.refused and verdict.refused.reason, len(verdict.warnings))
        if answer != self._answer:
            self._answer = answer
            self._observers.tell()

    def written(self) -> None:
        """Have the account written down."""
        self._written = self._parts.clock.now()
        self._parts.write()

    def status(self) -> dict[str, Any]:
        """Every limit and how it stands, hours, and what was used in any case."""
        at = self._pass_time()
        verdict = self._judge(at)
        return {
            "rates": [_rate(one, at) for one in self._standings(at)],
            "hours": [str(window) for window in self._terms.hours],
            "refused": verdict.refused.reason if verdict.refused is not None else None,
            "again": _instant(verdict.refused.retry_at, at) if verdict.refused is not None else None,
            "warnings": list(verdict.warnings),
            "usage": {str(period): _plain(in_period(self._usage, period, at)) for period in Period},
        }

    def warnings(self) -> tuple[str, ...]:
        """About limits that are near, and a clock that is wrong."""
        return self._judge(self._pass_time()).warnings

    # --- counting

    def _happened(self) -> None:
        self.look(self._parts.traffic() if self._call is not None else {})
        self.written()
        self._parts.plan()

    def _pass_time(self) -> Moment:
        at = self.moment()
        if self._call is not None:
            self._usage, self._call = passed(self._usage, self._call, self._terms.tariff, self._calendar, at)
        else:
            self._usage = rolled(self._usage, self._calendar, at)
        return at

    def _count(self, traffic: Mapping[str, Traffic]) -> None:
        at = self._pass_time()
        if self._call is not None:
            seen = traffic.get(self._call.interface)
            received, sent = (None, None) if seen is None else seen
            self._usage, self._call = carried(self._usage, self._call, received, sent, self._calendar, at)

    def _judge(self, at: Moment) -> Verdict:
        return judge(self._terms, self._usage, self._calendar, at, self._call, self._dialling)

    def _answered(self, verdict: Verdict) -> Permission:
        """The verdict as an answer, and for how long it holds if nothing but time passes."""
        self._permission = Permission(self._steady(verdict.refused))
        self._holds_until = inf if verdict.due is None else verdict.due
        self._trusted = self._parts.clock.wall_trusted
        return self._permission

    def _steady(self, refused: Refused | None) -> Refused | None:
        """What was said before, if only the wall clock's tiny moves make it look different."""
        before = self._permission.refused
        if before is None or refused is None or before.reason != refused.reason:
            return refused
        if abs((before.retry_at or inf) - (refused.retry_at or inf)) < CLOCK_NOISE or before == refused:
            return before
        return refused

    def _standings(self, at: Moment) -> tuple[Standing, ...]:
        return standings(self._terms, self._usage, self._calendar, at, self._call, self._dialling)

    def _plan_next(self, verdict: Verdict, at: Moment) -> None:
        times = [] if verdict.due is None else [min(verdict.due, at.now + MAX_SLEEP)]
        if self._call is not None:
            times.append(at.now + (BYTES_TICK if self._terms.data else TICK))
        self.next_look = max(min(times), at.now + MIN_SLEEP) if times else None

    # --- telling

    def _tell_limits(self) -> None:
        """Each limit that is near or reached is told once, until much of it is free again."""
        found = self._standings(self.moment())
        told = set()
        for one in found:
            name = f"{one.limit.key}/{one.limit.rate.period}"
            for word, so in (("reached", one.reached), ("near", one.near or one.reached)):
                key = f"{word} {name}"
                if so or (key in self._told and not _relaxed(one)):
                    told.add(key)
                if so and key not in self._told and not (word == "near" and one.reached):
                    self._emit(word, one)
        self._told = frozenset(told)

    def _emit(self, word: str, one: Standing) -> None:
        at = self.moment()
        until = _instant(one.again, at) if one.reached else _maybe(one.resets)
        limit = f"{one.limit.key} {one.limit}"
        self._parts.events.emit(
            f"limits.{word}", uplink=self.name, limit=limit, until=until, reason=one.sentence
        )


def _announced(call: Call, link: Link) -> Call:
    """The same call as its link looks now; counters of another interface begin anew."""
    call = replace(call, interface=link.interface, since=link.since)
    return (
        call
        if call.ifindex == link.ifindex
        else replace(call, ifindex=link.ifindex, received=None, sent=None)
    )


def _relaxed(one: Standing) -> bool:
    """Is so much free again that coming near is news?"""
    return bool(one.used * 5 < one.limit.rate.amount * 3)


_UNITS = {"time": "seconds", "data": "bytes", "dials": "", "money": ""}


def _rate(one: Standing, at: Moment) -> dict[str, Any]:
    limit = one.limit
    resets = _maybe(one.resets)
    return {
        "key": limit.key,
        "period": str(limit.rate.period),
        "used": _number(one.used),
        "limit": _number(limit.rate.amount),
        "unit": _UNITS[limit.kind],
        "resets": resets if resets is not None else _instant(one.again, at),
        "near": one.near,
        "reached": one.reached,
    }


def _plain(amounts: Amounts) -> dict[str, Any]:
    return {kind: _number(getattr(amounts, kind)) for kind in ("time", "data", "dials", "money")}


def _number(amount: Any) -> Any:
    """Money as text, which keeps its cents; seconds to a tenth."""
    if isinstance(amount, Decimal):
        return f"{amount:f}"
    return round(amount, 1) if isinstance(amount, float) else amount


def _instant(when: float | None, at: Moment) -> Instant | None:
    """A time of IClock.now by the wall clock, if that is right."""
    return None if when is None or at.wall is None else Instant(at.wall + when - at.now)


def _maybe(instant: float | None) -> Instant | None:
    return None if instant is None else Instant(instant)
