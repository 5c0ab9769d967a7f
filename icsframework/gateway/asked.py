"""What the control API asks of the gateway, as far as it is only looked up or handed on to one part."""

from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework.control.api import Hangup
from icsframework.errors import UplinkRefused
from icsframework.gateway import demands, statustree
from icsframework.gateway.agreement import Agreement
from icsframework.gateway.directory import LeaseDirectory
from icsframework.gateway.helpers import Helpers
from icsframework.gateway.history import History
from icsframework.gateway.holding import Holding
from icsframework.gateway.lans import Lans
from icsframework.gateway.meters import Meters
from icsframework.gateway.uplinks import Uplinks
from icsframework.gateway.view import Shared
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.service import MappingService
from icsframework.status import (
    GatewayStatus,
    HistoryEntry,
    HoldStatus,
    Instant,
    LeaseStatus,
    MappingStatus,
    Status,
)
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Cause, Link, Mapping

__all__ = ["Asked"]


class Asked:
    """The answers, from parts that the gateway makes (compose.py)."""

    agreement: Agreement
    supervisor: Supervisor
    uplinks: Uplinks
    lans: Lans
    helpers: Helpers
    mappings: MappingService
    leases: LeaseDirectory
    history: History
    shared: Shared
    meters: Meters | None = None
    holding: Holding | None = None

    def gateway_status(self) -> GatewayStatus:
        """The daemon itself."""
        raise NotImplementedError

    def warnings(self) -> tuple[str, ...]:
        """What the core's parts have to say."""
        raise NotImplementedError

    @inlineCallbacks
    def connect(self, uplink: str | None, cause: Cause, override: bool = False) -> Any:
        """See control.api.Controlled."""
        runner = self.supervisor.runner(uplink)
        try:
            link: Link = yield runner.connect(cause, override)
        except UplinkRefused as error:
            sentence = f"{error}; ics connect --override {runner.spec.name} lifts that"
            raise UplinkRefused(sentence, error.retry_at) from error
        self.agreement.remember()  # also where only limits were lifted, and the machine is as it was
        return link

    @inlineCallbacks
    def disconnect(self, uplink: str | None, reason: str, seconds: float | None = None) -> Any:
        """See control.api.Controlled."""
        runner, clock = self.supervisor.runner(uplink), self.shared.clock
        now, wall = clock.now(), clock.wall()
        yield runner.hang_up(reason, None if seconds is None else now + seconds)
        self.agreement.remember()
        until = None if seconds is None else Instant(wall + seconds)
        return Hangup(runner.spec.name, runner.spec.connect, until)

    def status(self) -> Status:
        """See control.api.Controlled."""
        clock, details = self.shared.clock, self.shared.details
        limits = statustree.no_limits if self.meters is None else self.meters.status
        near = () if self.meters is None else self.meters.warnings()
        return Status(
            gateway=self.gateway_status(),
            uplinks=statustree.uplinks_status(
                self.supervisor, self.uplinks.sections, self.agreement, clock, details, limits
            ),
            lans=statustree.lans_status(
                self.lans.states.values(), self.agreement, self.leases.all(), details
            ),
            helpers=statustree.helpers_status(self.helpers.running.values(), details),
            mappings=len(self.mappings.all()),
            warnings=(*self.warnings(), *near, *statustree.plugin_warnings(details)),
            hold=self._hold(),
        )

    def _hold(self) -> HoldStatus | None:
        dialled = demands.on_demand(self.uplinks.sections.values())
        return self.holding.status() if self.holding is not None and dialled else None

    def leases_status(self) -> list[LeaseStatus]:
        """See control.api.Controlled."""
        return [statustree.lease_status(lease, self.shared.clock) for lease in self.leases.all()]

    def mappings_status(self) -> list[MappingStatus]:
        """See control.api.Controlled."""
        return self.mappings.status()

    def add_mapping(self, addition: Addition) -> Deferred[list[Mapping]]:
        """See control.api.Controlled."""
        return self.mappings.add(addition)

    def remove_mapping(self, removal: Removal) -> Deferred[list[Mapping]]:
        """See control.api.Controlled."""
        return self.mappings.remove(removal)

    def history_entries(self) -> list[HistoryEntry]:
        """See control.api.Controlled."""
        return self.history.entries()
