"""The parts that dialling on demand consists of, introduced to each other: meters, the hold, and who looks for quiet.

Packets can be held only while an uplink is dialled on demand and the hold device is there; ``side`` says so to the
data plane.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.config.configuration import Configuration
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.gateway import demands
from icsframework.gateway.bus import OwnedEvents
from icsframework.gateway.desired import enabled
from icsframework.gateway.holding import Holding
from icsframework.gateway.machinery import Machinery
from icsframework.gateway.meters import Meters
from icsframework.gateway.named import NamedFlows
from icsframework.gateway.view import Shared
from icsframework.interfaces import IStore
from icsframework.uplinks.activity import Activity
from icsframework.uplinks.guard import agree
from icsframework.uplinks.supervisor import Supervisor
from icsframework.uplinks.traffic import Traffic, TrafficRule, judge
from icsframework.values import UplinkView

__all__ = ["OnDemand"]


class OnDemand:
    """``settle`` makes the machine agree with what is wanted."""

    def __init__(
        self,
        machinery: Machinery,
        shared: Shared,
        supervisor: Supervisor,
        log: Logger,
        settle: Callable[[], Deferred[Any]],
    ) -> None:
        clock, bus = shared.clock, shared.bus
        events = OwnedEvents(bus, "hold")
        self._agree = partial(agree, settle, events, log, "packets that wait")
        self._seconds = 0.0
        self._host = machinery.scoped_host("hold")
        self.meters = Meters(clock, OwnedEvents(bus, "meters"), log)
        self.holding = Holding(
            host=self._host,
            reactor=machinery.reactor,
            clock=clock,
            uplinks=supervisor,
            names=shared.names,
            leases=shared.leases,
            elements=machinery.elements,
            events=events,
            log=log,
            judge=self._judge,
            seconds=lambda: self._seconds,
            changed=self._agree,
        )
        self.activity = Activity(clock, supervisor, machinery.counters.counters, log)
        self.named = NamedFlows(shared.names, machinery.elements, log)
        self._supervisor = supervisor
        self._linked = False

    @inlineCallbacks
    def open(self, store: IStore, config: Configuration) -> Any:
        """Take up what was counted before, and make what ``config`` needs; Deferred."""
        yield self.meters.open(store)
        self.use(config)
        yield self.prepare(config)

    def use(self, config: Configuration) -> None:
        """From now on ``config`` says what is wanted."""
        self._seconds = demands.hold_seconds(enabled(config))
        self.meters.use(config.gateway.timezone)

    @inlineCallbacks
    def prepare(self, config: Configuration) -> Any:
        """Make the hold device if an uplink needs one; Deferred."""
        if demands.on_demand(enabled(config)) and not self.holding.ready:
            yield self.holding.start()

    def start(self) -> None:
        """The uplinks are there: begin to follow them."""
        self.activity.start()
        self._supervisor.watch(self._changed)

    def stop(self) -> Deferred[Any]:
        """Follow no more, hold nothing, and write down what was counted; Deferred."""
        self.activity.stop()
        self.named.stop()
        self.holding.stop()
        self._host.release_all()
        return self.meters.stop()

    # --- for the data plane

    def side(self) -> HoldSide | None:
        """What the data plane must know of the hold device; None: packets are not held."""
        without = self._supervisor.without_link() if self.holding.ready else None
        if without is None:
            return None
        # While a link is put in force packets still find the device; only when it is, nothing must be kept from
        # connection tracking any more (_changed).
        return HoldSide(without, settled=self._supervisor.current() is not None)

    @property
    def waiting(self) -> bool:
        """Do packets wait for a link?"""
        return self.holding.waiting

    def unlinked(self) -> None:
        """The machine is about to be without any link: what comes from now on waits."""
        self.holding.unlinked()

    def in_force(self, plane: DataPlane) -> None:
        """This is in force: what waits for a link goes on, if there is one."""
        self.holding.in_force(plane)
        self.named.in_force(plane)

    def _changed(self, view: UplinkView | None) -> None:
        """A link is in force, or none: the first needs another look at ``side``, the second had one already."""
        linked, self._linked = self._linked, view is not None
        if self._linked and not linked and self.holding.ready:
            self._agree()

    # --- for the hold

    def _judge(self, traffic: Traffic) -> TrafficRule | None:
        """The rule that lets it wake an uplink; if none does, the one that forbids it."""
        rules = [judge(runner.spec.wake, traffic) for runner in self._supervisor.runners()]
        found = [rule for rule in rules if rule is not None]
        return next((rule for rule in found if rule.action == "allow"), next(iter(found), None))
