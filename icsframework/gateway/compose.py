"""The gateway as a whole: the only module that knows all parts.

Order of a start: history, what an earlier process left, LANs looked at, helpers,
machine state and packet filter in force, LAN services, uplinks, control API.  A stop goes
the other way and gives the machine back as it was.  A handover stops in the same
order but leaves the machine, and what must be known of it, to the next process
(remembered.py).
"""

from collections.abc import Callable
from os import getpid
from pathlib import Path
from random import random
from secrets import randbelow, token_bytes
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredLock,
    fail,
    inlineCallbacks,
    maybeDeferred,
)
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework import __version__
from icsframework.config.configuration import Configuration
from icsframework.dataplane.marks import Marks, assign_indices
from icsframework.errors import Handover, IcsError, NotRunning
from icsframework.gateway.agreement import Agreement
from icsframework.gateway.asked import Asked
from icsframework.gateway.beside import Beside
from icsframework.gateway.bus import EventBus, OwnedEvents
from icsframework.gateway.descriptorwatch import DescriptorWatch
from icsframework.gateway.desired import Live, data_plane, enabled, helpers, published, published_end
from icsframework.gateway.directory import LeaseDirectory, NameDirectory
from icsframework.gateway.flows import Flows
from icsframework.gateway.helpers import Helpers
from icsframework.gateway.history import History
from icsframework.gateway.lans import Lans
from icsframework.gateway.machinery import Machinery
from icsframework.gateway.ondemand import OnDemand
from icsframework.gateway.reload import Reloads
from icsframework.gateway.remembered import Remembered
from icsframework.gateway.roles import wanted
from icsframework.gateway.services import LanServices
from icsframework.gateway.timekeeper import TimeKeeper
from icsframework.gateway.uplinks import Uplinks
from icsframework.gateway.view import GatewayView, Shared
from icsframework.mappings.service import MappingService
from icsframework.registry import Registry
from icsframework.status import (
    GatewayStatus,
    Instant,
    ReloadPreview,
)
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Endpoint

Serve = Callable[[Path, "Gateway"], Deferred[IListeningPort]]
"""Opens the control socket; it is given so that the web part is imported late, beside the reactor."""


class Gateway(Service, Asked):
    """One running gateway.

    ``load`` reads the configuration file anew (ConfigurationError with all its
    problems); ``on_fatal`` is called with the error that ends the gateway (Handover when it is asked to hand over).
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
    ) -> None:
        self.config = config
        self._path = config_path
        self._machinery = machinery
        self._bus = bus
        self._load = load
        self._serve = serve
        self._on_fatal = on_fatal
        self._log = Logger(namespace="ics")
        self._events = OwnedEvents(bus, "gateway")
        self._began = machinery.clock.now()
        self._state = "starting"
        self._handing_over = False
        self._starting: Deferred[Any] | None = None
        self._changing = DeferredLock()
        self._port: IListeningPort | None = None
        self._wire(registry)

    def _wire(self, registry: Registry) -> None:
        """Make the parts and introduce them to each other."""
        machinery, clock, log = self._machinery, self._machinery.clock, self._log
        self.timekeeper = TimeKeeper(clock, machinery.newest, OwnedEvents(self._bus, "clock"), log)
        self.history = History(self._bus, clock, log)
        self._host = machinery.scoped_host("gateway")
        self.agreement = Agreement(
            self,
            machinery.reconciler,
            machinery.interfaces,
            self._host,
            machinery.store,
            OwnedEvents(self._bus, "lans"),
            log,
            token_bytes,
        )
        places = self.agreement.places
        self.supervisor = Supervisor(clock, OwnedEvents(self._bus, "uplinks"), log, self.settle, random)
        self.leases = LeaseDirectory(log)
        self.names = NameDirectory(clock, log)
        self.mappings = MappingService(
            machinery.elements, clock, OwnedEvents(self._bus, "mappings"), log, randbelow, machinery.end_flows
        )
        self.shared = Shared(
            clock,
            self._bus,
            self.leases,
            self.names,
            self.supervisor,
            machinery.scoped_host,
            machinery.store.scoped,
            self.mappings,
        )
        self.flows = Flows(machinery.forget_flows, clock, log)
        self.remembered = Remembered(machinery.links, machinery.in_thread, OwnedEvents(self._bus, "gateway"))
        self.lans = self._lans(registry)
        indices = assign_indices(uplink.name for uplink in enabled(self.config))
        marks = Marks(self.config.gateway.mark)
        self.ondemand = OnDemand(machinery, self.shared, self.supervisor, log, self.settle)
        self.meters, self.holding = self.ondemand.meters, self.ondemand.holding
        self.uplinks = Uplinks(
            self.supervisor, registry, self._view, places, marks, indices, self.settle, self.meters
        )
        self.helpers = self._helpers(registry)
        self.beside = self._beside()
        own = OwnedEvents(self._bus, "gateway")
        self.descriptors = DescriptorWatch(clock, own, log, machinery.descriptors)
        self.reloads = self._reloads()

    def _lans(self, registry: Registry) -> Lans:
        return Lans(
            self.agreement.places,
            LanServices(registry, self._view),
            OwnedEvents(self._bus, "lans"),
            self._log,
            self.settle,
            self.agreement.address_of,
        )

    def _helpers(self, registry: Registry) -> Helpers:
        machinery = self._machinery
        return Helpers(
            registry,
            self._view,
            lambda section, proxy, view: machinery.make_shell(section, proxy, view, self._published),
            machinery.kernel_helpers,
            machinery.system,
            lambda: published(self.config),
            OwnedEvents(self._bus, "helpers"),
        )

    def _reloads(self) -> Reloads:
        return Reloads(
            self,
            self._path,
            self._load,
            self._machinery.clock,
            OwnedEvents(self._bus, "gateway"),
            self._log,
            self._machinery.unconfirmed,
            self._machinery.in_thread,
            self._exclusively,
            self._require_ready,
        )

    def _beside(self) -> Beside:
        return Beside(
            self._machinery.clock,
            OwnedEvents(self._bus, "beside"),
            self._log,
            self._machinery.surroundings,
            self._machinery.scoped_host("beside"),
            self._machinery.reconciler,
            lambda: data_plane(self.config, self.live(), self.uplinks.indices),
            lambda: {lan.name: [s.plugin for s in lan.services if s.enabled] for lan in self.config.lans},
            self.settle,
            self._revive_flows,
        )

    def _published(self, uplink: str, port: int) -> Endpoint | None:
        return published_end(self.config, uplink, port)

    def _view(self, owner: str) -> GatewayView:
        return GatewayView(owner, self.shared)

    # --- start and stop ---

    def startService(self) -> None:
        """Begin; what fails is told to ``on_fatal``."""
        Service.startService(self)
        # A reload that is asked for meanwhile waits until the start has come to its end.
        self._starting = self._changing.run(self._start)
        self._starting.addErrback(self._failed)

    @inlineCallbacks
    def _start(self) -> Any:
        store = self._machinery.store
        self._events.emit("gateway.starting", version=__version__, config=self._path)
        self._tell_remarks()
        # Helpers may have to ask the kernel; meanwhile journals are read.
        helping = self.helpers.start_all(helpers(self.config), self.config.helpers_by_default)
        yield self.timekeeper.open(store)
        yield self.history.open(store)
        yield self.agreement.subnets.open(store)
        yield self.mappings.start(store)
        yield self.ondemand.open(store, self.config)
        yield self._look_back()
        yield self.reloads.begin()
        self.use(self.config)
        yield self.choose(self.config)
        for lan in self.config.lans:
            self.lans.add(lan)
        for uplink in enabled(self.config):
            self.uplinks.watch(uplink)
        yield helping  # before the first rules: these say where the helpers listen
        in_force = self.remembered.take_up(self.settle)
        try:
            self.lans.prepare()  # Python imports while nft and the kernel work
        finally:
            yield in_force  # also before an error: what is under way is taken back when it has ended
        yield self.agreement.see_what_was_made()
        yield self.lans.start()
        yield self.helpers.wake()
        # In the worker thread: meanwhile the reactor answers those who wait, before it imports and connects uplinks.
        yield self._revive_flows()
        for uplink in enabled(self.config):
            self.uplinks.start(uplink, self.remembered.found.pop(uplink.name, None))
        self.ondemand.start()
        self.beside.start()
        self.descriptors.start()
        self._port = yield self._serve(self.config.gateway.run / "control.sock", self)
        self._state = "ready"
        self._machinery.started()
        self._events.emit(
            "gateway.ready",
            seconds=self._machinery.clock.now() - self._began,
            lans=len(self.config.lans),
            uplinks=len(enabled(self.config)),
        )

    def _tell_remarks(self) -> None:
        for remark in self.config.remarks:
            self._events.emit("config.warning", problem=remark)

    @inlineCallbacks
    def _look_back(self) -> Any:
        """What an earlier process left here: links that may go on, and what the marks of running flows mean."""
        if (yield self.remembered.load(self._machinery.interfaces)):
            self._events.emit("gateway.adopted")
        names = [uplink.name for uplink in enabled(self.config)]
        self.uplinks.indices = assign_indices(names, self.remembered.indices())
        self.flows.begin(self.remembered.plane(Marks(self.config.gateway.mark)))
        self.remembered.expect(enabled(self.config))

    def _failed(self, failure: Any) -> None:
        if not self.running and failure.check(CancelledError, IcsError):
            return  # it was stopped while it started; the stop tells what there is to tell
        error = failure.value
        if not isinstance(error, IcsError):
            self._log.failure("the start failed", failure)
        self._events.emit("gateway.fault", reason=failure.getErrorMessage())
        self._on_fatal(error)

    @inlineCallbacks
    def stopService(self) -> Any:
        """End everything and give the machine back, or leave it to the next process; Deferred."""
        Service.stopService(self)
        self._state = "stopping"
        self.agreement.freeze()
        self._events.emit("gateway.stopping", reason="handing over" if self._handing_over else "asked to")
        if self._port is not None:
            yield self._port.stopListening()
        self.reloads.stop()
        if self._starting is not None:
            self._starting.cancel()
        yield self._changing.acquire()
        yield self.beside.stop()
        yield self.descriptors.stop()
        self.flows.stop()
        yield self._attempt(self._leave if self._handing_over else self._give_back)
        yield self._attempt(self.ondemand.stop)
        yield self._attempt(self._host.release_all)
        yield self._attempt(self.timekeeper.stop)
        yield self._attempt(self._machinery.store.close)
        yield self._attempt(self._machinery.close)

    def _attempt(self, part: Callable[[], Any]) -> Deferred[Any]:
        """End a part; one that fails does not keep the others from it, and is told by the exit status."""

        def failed(failure: Failure) -> None:
            if failure.check(IcsError) is None:
                self._log.failure("the stop failed in part", failure)
            self._events.emit("gateway.fault", reason=failure.getErrorMessage())
            self._on_fatal(failure.value)  # type: ignore[arg-type]

        return maybeDeferred(part).addErrback(failed)

    @inlineCallbacks
    def _leave(self) -> Any:
        """Stop serving and touch nothing of the machine."""
        yield self._machinery.reconciler.settled()
        yield self.uplinks.hand_over_all("the gateway hands over")
        yield self.lans.stop()
        yield self.mappings.stop()  # first: what helpers have opened stays in the kernel
        yield self.helpers.stop_all()
        self._events.emit("gateway.handover")

    @inlineCallbacks
    def _give_back(self) -> Any:
        yield self._attempt(self.remembered.clear)
        yield self._attempt(lambda: self.uplinks.stop_all("the gateway stops"))
        yield self._attempt(self.lans.stop)
        yield self._attempt(self.helpers.stop_all)
        yield self._attempt(self.mappings.stop)
        flows = self._count_flows()
        yield self._machinery.reconciler.restore()
        self._events.emit("gateway.restored", flows=flows)

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
        """What is live now, in order of preference."""
        return self.agreement.live()

    def settle(self) -> Deferred[Any]:
        """Make the machine agree with configuration and live state; Deferred fires when it does."""
        return self.agreement.settle()

    def use(self, config: Configuration) -> None:
        """From now on ``config`` says what is wanted; what follows from that is for the caller to carry out."""
        news = config.remarks != self.config.remarks
        self.config = config
        if news:
            self._tell_remarks()
        self.agreement.use(config)
        self.ondemand.use(config)

    @inlineCallbacks
    def choose(self, config: Configuration) -> Any:
        """Find what a configuration leaves to us, and make what it needs beforehand."""
        yield self.agreement.choose(config)
        yield self.ondemand.prepare(config)

    # --- reload ---

    def reload(self, confirm: int | None = None) -> Deferred[str]:
        """See control.api.Controlled: by difference; on any error the old configuration stays in force."""
        return self.reloads.reload(confirm)

    def keep(self) -> Deferred[str]:
        """See control.api.Controlled."""
        return self.reloads.keep()

    def preview(self) -> Deferred[ReloadPreview]:
        """See control.api.Controlled."""
        from icsframework.gateway.forecast import Forecast  # only for who looks ahead, not for a start

        machinery = self._machinery
        forecast = Forecast(
            machinery.reconciler,
            self.agreement.subnets,
            lambda new: self.agreement.places.foresee(wanted(new)),
            self.live,
            self.uplinks.indices,
        )
        return maybeDeferred(self.reloads.load).addCallback(lambda new: forecast.preview(self.config, new))

    def _exclusively(self, work: Callable[..., Deferred[Any]], *args: Any) -> Deferred[Any]:
        """One start, change or stop at a time; a stop is the last."""
        if not self.running:
            return fail(NotRunning("The gateway is stopping; its configuration is not changed any more."))
        return self._changing.run(work, *args)

    def _require_ready(self) -> None:
        if not self.running:
            raise NotRunning("The gateway is stopping; its configuration is not changed any more.")
        if self._state != "ready":
            raise NotRunning("The gateway has not started; its configuration cannot be changed.")

    # --- what the control API asks (and Asked answers) ---

    def restart(self) -> int:
        """See control.api.Controlled."""
        if not self.running:
            raise NotRunning("the gateway is stopping already")
        self._handing_over = True
        # A moment later, so that whoever asked gets an answer.
        self._machinery.clock.call_later(0, self._on_fatal, Handover())
        return getpid()

    def gateway_status(self) -> GatewayStatus:
        """See Asked."""
        clock = self._machinery.clock
        since = Instant(clock.wall() - clock.now() + self._began)
        return GatewayStatus(__version__, self._state, since, getpid(), self._path, self.reloads.pending())

    def warnings(self) -> tuple[str, ...]:
        """See Asked."""
        return (
            *self.config.remarks,
            *self.timekeeper.warnings(),
            *self.reloads.warnings(),
            *self.descriptors.warnings(),
            *self.beside.warnings(),
            *self.helpers.warnings(),
        )
