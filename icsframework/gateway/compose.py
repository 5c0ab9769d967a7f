"""The gateway as a whole: the only module that knows all parts.

Order of a start: history, LANs looked at, machine state and packet filter in
force, LAN services, uplinks, control API.  A stop goes the other way and gives
the machine back as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import getpid
from pathlib import Path
from random import random
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, fail, inlineCallbacks
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from icsframework import __version__
from icsframework.config.configuration import Configuration
from icsframework.dataplane.marks import Marks, assign_indices
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError
from icsframework.gateway import plan, statustree
from icsframework.gateway.bus import EventBus, OwnedEvents
from icsframework.gateway.desired import Live, data_plane, enabled, lan_address, machine_state
from icsframework.gateway.directory import LeaseDirectory, NameDirectory
from icsframework.gateway.history import History
from icsframework.gateway.lans import Lans
from icsframework.gateway.services import LanServices
from icsframework.gateway.subnets import ChosenSubnets
from icsframework.gateway.uplinks import Uplinks
from icsframework.gateway.view import GatewayView, Shared
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import IOwnedHost
from icsframework.host.traffic import read_traffic
from icsframework.interfaces import IClock
from icsframework.registry import Registry
from icsframework.status import GatewayStatus, HistoryEntry, Instant, LeaseStatus, Status
from icsframework.store.store import Store
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Cause, InterfaceInfo, Link


@dataclass(frozen=True, slots=True)
class Machinery:
    """The parts that touch the machine, made by the caller so that tests can give others."""

    clock: IClock
    store: Store
    reconciler: Reconciler
    scoped_host: Callable[[str], IOwnedHost]
    interfaces: Callable[[], Sequence[InterfaceInfo]]
    count_flows: Callable[[], int]
    revive_flows: Callable[[DataPlane], Deferred[int]]
    """Forgets flows that were forwarded untranslated before we came, so that their next packet begins anew."""
    close: Callable[[], Deferred[Any]]
    """Gives back what is left when everything else has ended (threads, sockets, the lock)."""


Serve = Callable[[Path, "Gateway"], IListeningPort]
"""Opens the control socket; it is given so that the web part is imported late."""


class Gateway(Service):
    """One running gateway.

    ``load`` reads the configuration file anew (ConfigurationError with all its
    problems); ``on_fatal`` is called with the error that ends the gateway.
    """

    def __init__(
        self,
        config: Configuration,
        config_path: str,
        registry: Registry,
        machinery: Machinery,
        bus: EventBus,
        load: Callable[[], Configuration],
        serve: Serve,
        on_fatal: Callable[[Exception], None],
        warnings: Sequence[str] = (),
    ) -> None:
        self.config = config
        self._path = config_path
        self._machinery = machinery
        self._bus = bus
        self._load = load
        self._serve = serve
        self._on_fatal = on_fatal
        self._warnings = tuple(warnings)
        self._log = Logger(namespace="ics")
        self._events = OwnedEvents(bus, "gateway")
        self._began = machinery.clock.now()
        self._state = "starting"
        self._starting: Deferred[Any] | None = None
        self._changing = DeferredLock()
        self._port: IListeningPort | None = None
        self._wire(registry)

    def _wire(self, registry: Registry) -> None:
        """Make the parts and introduce them to each other."""
        machinery, clock, log = self._machinery, self._machinery.clock, self._log
        self.history = History(self._bus, log)
        self.subnets = ChosenSubnets(machinery.interfaces)
        self.supervisor = Supervisor(clock, OwnedEvents(self._bus, "uplinks"), log, self.settle, random)
        self.leases = LeaseDirectory(log)
        self.names = NameDirectory(clock, log)
        scoped_store = machinery.store.scoped
        self._shared = Shared(
            clock, self._bus, self.leases, self.names, self.supervisor, machinery.scoped_host, scoped_store
        )
        self._host = machinery.scoped_host("gateway")
        services = LanServices(registry, self._view)
        self.lans = Lans(
            self._host,
            services,
            OwnedEvents(self._bus, "lans"),
            log,
            self.settle,
            lambda lan: lan_address(lan, self.live()),
        )
        indices = assign_indices(uplink.name for uplink in enabled(self.config))
        marks = Marks(self.config.gateway.mark)
        self.uplinks = Uplinks(self.supervisor, registry, self._view, self._host, marks, indices, self.settle)

    def _view(self, owner: str) -> GatewayView:
        return GatewayView(owner, self._shared)

    # --- start and stop ---

    def startService(self) -> None:
        """Begin; what fails is told to ``on_fatal``."""
        Service.startService(self)
        self._starting = self._start()
        self._starting.addErrback(self._failed)

    @inlineCallbacks
    def _start(self) -> Any:
        store = self._machinery.store
        self._events.emit("gateway.starting", version=__version__, config=self._path)
        for warning in self._warnings:
            self._events.emit("config.warning", problem=warning)
        yield self.history.open(store)
        yield self.subnets.open(store)
        yield self.subnets.choose(self.config)
        for lan in self.config.lans:
            self.lans.add(lan)
        for uplink in enabled(self.config):
            self.uplinks.watch(uplink)
        yield self.settle()
        yield self._revive_flows()
        yield self.lans.start()
        for uplink in enabled(self.config):
            self.uplinks.start(uplink)
        self._state = "ready"
        self._events.emit(
            "gateway.ready",
            seconds=self._machinery.clock.now() - self._began,
            lans=len(self.config.lans),
            uplinks=len(enabled(self.config)),
        )
        self._port = self._serve(self.config.gateway.run / "control.sock", self)

    def _failed(self, failure: Any) -> None:
        if not self.running:
            return  # it was stopped while it started; the stop tells what there is to tell
        error = failure.value
        if not isinstance(error, IcsError):
            self._log.failure("the start failed", failure)
        self._events.emit("gateway.fault", reason=failure.getErrorMessage())
        self._on_fatal(error)

    @inlineCallbacks
    def stopService(self) -> Any:
        """End everything and give the machine back; Deferred."""
        Service.stopService(self)
        self._state = "stopping"
        self._events.emit("gateway.stopping", reason="asked to")
        if self._port is not None:
            yield self._port.stopListening()
        yield self._changing.acquire()
        if self._starting is not None:
            self._starting.cancel()
        yield self.uplinks.stop_all("the gateway stops")
        yield self.lans.stop()
        flows = self._count_flows()
        try:
            yield self._machinery.reconciler.restore()
            self._events.emit("gateway.restored", flows=flows)
        except IcsError as error:
            self._events.emit("host.state.failed", reason=str(error))
        self._host.release_all()
        yield self._machinery.store.close()
        yield self._machinery.close()

    @inlineCallbacks
    def _revive_flows(self) -> Any:
        plane = data_plane(self.config, self.live(), self.uplinks.indices)
        try:
            count = yield self._machinery.revive_flows(plane)
        except (IcsError, OSError) as error:
            # Those few flows stay silent until they end; everything else works.
            self._log.warn("flows from before the start cannot be revived: {error}", error=error)
        else:
            self._log.debug("{count} flows from before the start begin anew", count=count)

    def _count_flows(self) -> int:
        try:
            return self._machinery.count_flows()
        except (IcsError, OSError) as error:
            self._log.warn("flows cannot be counted: {error}", error=error)
            return 0

    # --- the state of the machine ---

    def live(self) -> Live:
        """What is live now."""
        return Live(
            interfaces=self.lans.interfaces() | self.uplinks.devices(),
            chosen=self.subnets.chosen,
            links=dict(self.supervisor.links()),
            active=self.supervisor.active(),
        )

    def settle(self) -> Deferred[Any]:
        """Make the machine agree with configuration and live state; Deferred fires when it does."""
        try:
            wanted = machine_state(self.config, self.live(), self.uplinks.indices)
        except IcsError as error:
            return fail(error)
        return self._machinery.reconciler.apply(wanted)

    # --- reload ---

    def reload(self) -> Deferred[str]:
        """See control.api.Controlled: by difference; on any error the old configuration stays in force."""
        return self._changing.run(self._reload)

    @inlineCallbacks
    def _reload(self) -> Any:
        old = self.config
        try:
            new = self._load()
            steps = plan.changes(old, new)
            try:
                yield self._change(new, steps)
            except Exception:
                yield self._change(old, plan.changes(new, old))
                raise
        except IcsError as error:
            self._events.emit("gateway.reload_failed", reason=str(error))
            raise
        words = plan.in_words(steps)
        self._events.emit("gateway.reloaded", config=self._path, changes=words)
        return words

    @inlineCallbacks
    def _change(self, new: Configuration, steps: Sequence[plan.Step]) -> Any:
        self.config = new
        self.uplinks.indices = assign_indices((uplink.name for uplink in enabled(new)), self.uplinks.indices)
        yield self.subnets.choose(new)
        for step in steps:
            yield self._take(step)
        self.uplinks.arrange(tuple(uplink.name for uplink in enabled(new)))
        yield self.settle()

    @inlineCallbacks
    def _take(self, step: plan.Step) -> Any:
        """Carry out one step.  Steps that were taken before have no effect, so that a failed change can be taken back
        without knowing how far it came.
        """
        uplinks, lans = self.uplinks.sections, self.lans.states
        match step:
            case plan.RemoveUplink(name) if name in uplinks:
                yield self.uplinks.stop(name, "it is no longer configured")
            case plan.RemoveLan(name) if name in lans:
                yield self.lans.remove(name)
            case plan.ChangeUplink(uplink, restart) if uplink.name in uplinks:
                yield self.uplinks.change(uplink, restart)
            case plan.AddLan(lan) | plan.ChangeLan(lan):
                if lan.name not in lans:
                    self.lans.add(lan)
                yield self.lans.replace(lan)
            case plan.AddUplink(uplink) | plan.ChangeUplink(uplink) if uplink.name not in uplinks:
                self.uplinks.watch(uplink)
                yield self.settle()
                self.uplinks.start(uplink)
            case _:  # the order is set when all is there
                pass

    # --- what the control API asks ---

    def connect(self, uplink: str | None, cause: Cause) -> Deferred[Link]:
        """See control.api.Controlled."""
        try:
            return self.supervisor.runner(uplink).connect(cause)
        except IcsError as error:
            return fail(error)

    @inlineCallbacks
    def disconnect(self, uplink: str | None, reason: str) -> Any:
        """See control.api.Controlled."""
        runner = self.supervisor.runner(uplink)
        yield runner.hang_up(reason)
        return runner.spec.name

    def status(self) -> Status:
        """See control.api.Controlled."""
        clock, live, details = self._machinery.clock, self.live(), self._shared.details
        traffic, active, leases = read_traffic(), self.supervisor.active(), self.leases.all()
        since = Instant(clock.wall() - clock.now() + self._began)
        return Status(
            gateway=GatewayStatus(__version__, self._state, since, getpid(), self._path),
            uplinks=tuple(
                statustree.uplink_status(
                    runner, self.uplinks.sections[name], name == active, clock, traffic, details
                )
                for runner in self.supervisor.runners()
                if (name := runner.spec.name) in self.uplinks.sections
            ),
            lans=tuple(
                statustree.lan_status(state, lan_address(state.section, live), leases, details)
                for state in self.lans.states.values()
            ),
            helpers=(),
            mappings=0,
            warnings=self._warnings,
        )

    def leases_status(self) -> list[LeaseStatus]:
        """Live leases."""
        return [statustree.lease_status(lease) for lease in self.leases.all()]

    def history_entries(self) -> list[HistoryEntry]:
        """What happened to the uplinks."""
        return self.history.entries()
