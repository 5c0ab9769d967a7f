"""The meters of all uplinks: one timer, one journal, one look at the kernel's counters.

The journal ``usage`` holds whole accounts, the newest of an uplink counts.  It is written at every change of a link's
state and every half minute while a link is up; a crash loses no more than that, and nothing if the link goes on.
"""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.config.timezones import SYSTEM
from icsframework.config.uplinks import UplinkSection
from icsframework.errors import StoreError
from icsframework.gateway.meter import Meter, Parts
from icsframework.gateway.timezone import find_zone
from icsframework.host.traffic import Traffic, read_traffic
from icsframework.interfaces import IClock, IEvents, IJournal, IStore, Unwatch
from icsframework.uplinks.account import FORMAT, NAME, Account, Stamp, read, record_of
from icsframework.uplinks.calls import Tariff
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.terms import Terms
from icsframework.values import Event

__all__ = ["Meters", "terms_of"]

SLACK = 200
"""Records that may be out of date before the journal is written anew: more than an hour of being up, 500 kB at most."""
KEPT = 200
"""Uplinks whose account is kept, those that are not configured any more included."""
CLOCK_EVENTS = ("clock.set", "clock.right", "clock.wrong")


def terms_of(section: UplinkSection) -> Terms:
    """What an entry of ``uplinks:`` says of costs and hours."""
    limits = section.limits
    return Terms(
        limits.time,
        limits.data,
        limits.dials,
        limits.money,
        Tariff(limits.price, limits.charge_unit),
        section.demand.hours,
    )


class Meters:
    """``read_traffic`` shows the bytes of each interface now."""

    def __init__(
        self,
        clock: IClock,
        events: IEvents,
        log: Logger,
        read_traffic: Callable[[], Mapping[str, Traffic]] = read_traffic,
    ) -> None:
        self._clock = clock
        self._events = events
        self._log = log
        self._read_traffic = read_traffic
        self._zone = find_zone(SYSTEM)
        self._meters: dict[str, Meter] = {}
        self._billing: dict[str, int] = {}
        self._kept: dict[str, Account] = {}
        """Accounts of uplinks that have no meter."""
        self._journal: IJournal | None = None
        self._records = 0
        self._timer: IDelayedCall | None = None
        self._unwatch: Unwatch | None = None
        self._stopped = False
        self._complaint = ""

    # --- life

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Take up what was counted before; Deferred.  Then the clock is watched."""
        self._journal = yield store.open(NAME, FORMAT)
        records = self._journal.load()
        self._records = len(records)
        stamp = self._stamp()
        for record in records:
            try:
                name, account = read(record, stamp)
            except StoreError as error:
                self._events.emit("store.unreadable", reason=str(error))
            else:
                self._kept.pop(name, None)
                self._kept[name] = account
        for name, meter in self._meters.items():
            if name in self._kept:
                meter.restore(self._kept.pop(name))
        self._unwatch = self._events.watch(self._event)
        self._plan()

    def stop(self) -> Deferred[Any]:
        """Count no more; Deferred fires when all is written, and never fails."""
        if self._stopped or self._journal is None:
            self._stopped = True
            return succeed(None)
        self._look_at(list(self._meters.values()))
        self._stopped = True
        self._cancel()
        if self._unwatch is not None:
            self._unwatch()
        return self._compact()

    def use(self, timezone: str) -> None:
        """``gateway.timezone`` as it is now.  ConfigurationError for a zone that this machine does not know."""
        self._zone = find_zone(timezone)
        for name, meter in self._meters.items():
            meter.use(meter.terms, self._calendar(name))

    # --- meters

    def meter(self, name: str, section: UplinkSection) -> Meter:
        """The meter (IMeter) of an uplink, with these settings from now on; the same object each time."""
        self._billing[name] = section.limits.billing_day
        terms, calendar = terms_of(section), self._calendar(name)
        if name in self._meters:
            self._meters[name].use(terms, calendar)
            return self._meters[name]
        parts = Parts(
            self._clock, self._events, self._log, self._traffic, lambda: self._write(meter), self._plan
        )
        meter = Meter(name, parts, terms, calendar, self._kept.pop(name, Account()))
        self._meters[name] = meter
        meter.look({})
        self._plan()
        return meter

    def forget(self, name: str) -> None:
        """The uplink is not configured any more; what it used is kept, in case that it comes again."""
        meter = self._meters.pop(name, None)
        if meter is not None:
            meter.down()
            self._kept[name] = meter.account()
            self._plan()

    def status(self, name: str) -> Mapping[str, Any]:
        """``limits`` of an uplink in ``ics status``; empty for one that has no meter."""
        return self._meters[name].status() if name in self._meters else {}

    def warnings(self) -> tuple[str, ...]:
        """Sentences about limits that are near, and about a clock that is wrong."""
        return tuple(
            f"uplink {name}: {warning}"
            for name, meter in self._meters.items()
            for warning in meter.warnings()
        )

    def _calendar(self, name: str) -> Calendar:
        return Calendar(self._zone, self._billing[name])

    # --- looking

    def _event(self, event: Event) -> None:
        if event.id in CLOCK_EVENTS and not self._stopped:
            self._look_at(list(self._meters.values()))
            self._plan()

    def _look(self) -> None:
        self._timer = None
        now = self._clock.now()
        self._look_at(
            [one for one in self._meters.values() if one.next_look is not None and one.next_look <= now]
        )
        self._plan()

    def _look_at(self, meters: list[Meter]) -> None:
        traffic = self._traffic() if any(meter.is_up for meter in meters) else {}
        for meter in meters:
            meter.look(traffic)

    def _plan(self) -> None:
        self._cancel()
        times = [meter.next_look for meter in self._meters.values() if meter.next_look is not None]
        if times and not self._stopped:
            self._timer = self._clock.call_later(max(0.0, min(times) - self._clock.now()), self._look)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _traffic(self) -> Mapping[str, Traffic]:
        try:
            traffic = self._read_traffic()
        except OSError as error:
            if str(error) != self._complaint:
                self._log.warn("bytes are not counted for now: {error}", error=error)
            self._complaint = str(error)
            return {}
        self._complaint = ""
        return traffic

    # --- writing

    def _stamp(self) -> Stamp:
        clock = self._clock
        return Stamp(Moment(clock.now(), clock.wall() if clock.wall_trusted else None), clock.boot)

    def _write(self, meter: Meter) -> None:
        if self._journal is None or self._stopped:
            return
        self._records += 1
        if self._records > len(self._meters) + len(self._kept) + SLACK:
            self._compact()
        else:
            record = record_of(meter.name, meter.account(), self._stamp())
            self._journal.append(record).addErrback(_not_written)

    def _compact(self) -> Deferred[Any]:
        """Write the journal anew, with one record for each uplink."""
        if self._journal is None:
            return succeed(None)
        stamp = self._stamp()
        old = list(self._kept.items())[-KEPT:]
        accounts = dict(old) | {name: meter.account() for name, meter in self._meters.items()}
        self._records = len(accounts)
        records = [record_of(name, account, stamp) for name, account in accounts.items()]
        return self._journal.compact(records).addErrback(_not_written)


def _not_written(failure: Failure) -> None:
    """The store has said why; the next record holds all of it again."""
    failure.trap(StoreError)
