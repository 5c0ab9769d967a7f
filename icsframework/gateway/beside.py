"""Running beside other programs: what of theirs is in our way is named, what of ours they removed comes back.

Nothing of other programs is ever changed.  What is wrong stands in ``ics status``
as long as it is wrong, with the command that cures it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.logger import Logger

from icsframework.dataplane.passage import obstacles
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.wayout import advise
from icsframework.errors import HostError
from icsframework.gateway.addressguard import AddressGuard
from icsframework.gateway.job import Job
from icsframework.gateway.livewarnings import LiveWarnings
from icsframework.gateway.shadows import shadows
from icsframework.gateway.surroundings import Surroundings
from icsframework.gateway.tableguard import TableGuard
from icsframework.host.managers import Managed, managers
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import IOwnedHost
from icsframework.interfaces import IClock, IEvents, Unwatch
from icsframework.values import Event

__all__ = ["LOOK_EVERY", "Beside"]

LOOK_EVERY = 30.0
"""Seconds between looks without a reason; changes of the packet filter are seen at once."""

SETTLING = 1.0
"""Seconds after a change of ours until we look around: uplinks and LANs come in groups."""

REASONS = frozenset({"gateway.reloaded", "lan.serving", "lan.absent", "uplink.up", "uplink.absent"})
"""Events after which the interfaces we ask for may be others."""


class Part(Protocol):
    """What looks by itself."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> Deferred[Any]:
        """End; Deferred fires when nothing is under way."""


class Beside:
    """``plane`` and ``services`` (plugins by LAN) say what is ours by now, ``repaired`` is called after our table was
    loaded again.  Without senses (``around`` None) it does nothing.
    """

    def __init__(
        self,
        clock: IClock,
        events: IEvents,
        log: Logger,
        around: Surroundings | None,
        host: IOwnedHost,
        reconciler: Reconciler,
        plane: Callable[[], DataPlane],
        services: Callable[[], Mapping[str, Sequence[str]]],
        settle: Callable[[], Deferred[Any]],
        repaired: Callable[[], Deferred[Any]],
    ) -> None:
        self._events = events
        self._log = log
        self._host = host
        self._plane = plane
        self._services = services
        self._live = LiveWarnings(events)
        self._ends: list[Unwatch] = []
        self._parts: list[Part] = []
        if around is None:
            return
        self._around = around
        self._table = TableGuard(clock, events, log, around, reconciler, settle, repaired, self._live)
        self._managers = Job(clock, self._look_for_managers, LOOK_EVERY, log, SETTLING)
        self._filters = Job(clock, self._look_at_filters, LOOK_EVERY, log, SETTLING)
        addresses = AddressGuard(
            clock, events, log, host, reconciler, settle, self._lans, self._live, self._managers.soon
        )
        self._parts = [self._table, self._filters, self._managers, addresses]

    def warnings(self) -> tuple[str, ...]:
        """What is wrong now."""
        return self._live.all()

    def start(self) -> None:
        """Look, and go on looking."""
        if not self._parts:
            return
        try:
            self._ends.append(self._around.watch_rules(self._table.lost, self._filters.soon))
        except HostError as error:
            self._log.warn("{error} It is looked at every {every:g} s.", error=error, every=LOOK_EVERY)
        self._ends.append(self._events.watch(self._happened))
        for part in self._parts:
            part.start()

    def stop(self) -> Deferred[Any]:
        """Look no more; Deferred fires when nothing is under way."""
        while self._ends:
            self._ends.pop()()
        stopped = gatherResults([part.stop() for part in self._parts])
        return stopped.addCallback(lambda _: self._host.release_all())

    def _happened(self, event: Event) -> None:
        if event.id in REASONS:
            self._filters.soon(SETTLING)
            self._managers.soon(SETTLING)

    @inlineCallbacks
    def _look_at_filters(self) -> Any:
        found = yield self._around.filters()
        plane, services = self._plane(), self._services()
        stops = [one for filters in found for one in obstacles(filters, plane, services)]
        self._live.set("filters", {one.key: one.sentence for one in advise(stops)})

    @inlineCallbacks
    def _look_for_managers(self) -> Any:
        facts = yield self._around.facts()
        found = managers(facts, self._managed())
        self._live.set("managers", {f"{one.program} {one.interface}": one.sentence for one in found})
        routes = yield self._around.routes()
        self._live.set("routes", shadows(routes, self._plane()))

    def _managed(self) -> list[Managed]:
        plane = self._plane()
        lans = [Managed(lan.interface, f"LAN {lan.name}", (str(lan.address),)) for lan in plane.lans]
        return lans + [
            Managed(uplink.interface, f"uplink {uplink.name}", tuple(map(str, uplink.addresses)))
            for uplink in plane.uplinks
        ]

    def _lans(self) -> Mapping[str, str]:
        return {lan.interface: lan.name for lan in self._plane().lans}
