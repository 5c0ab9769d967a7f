"""Makes the real parts of a gateway: clock, store, reconciler, host, packet filter."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from ipaddress import ip_network
from pathlib import Path
from socket import socket
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from icsframework.config.configuration import Configuration
from icsframework.config.helpers import HelperLimits, HelperSection
from icsframework.dataplane.elements import TableElements
from icsframework.dataplane.flows import MarkFilter, is_stranded
from icsframework.dataplane.helperprobe import probe_kernel_helpers
from icsframework.dataplane.nft import Nft, open_library
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import HostError
from icsframework.gateway.bus import EventBus, OwnedEvents
from icsframework.gateway.compose import Gateway
from icsframework.gateway.machinery import Machinery, Published
from icsframework.gateway.preflight import system_info
from icsframework.gateway.remembered import LinksFile
from icsframework.gateway.shells import LateShell
from icsframework.gateway.surroundings import surroundings
from icsframework.gateway.timekeeper import NewestTime
from icsframework.gateway.unconfirmed import FILE, UnconfirmedFile
from icsframework.gateway.view import GatewayView
from icsframework.gateway.worker import Worker
from icsframework.helpers.limits import Limits
from icsframework.helpers.pairs import Pairs
from icsframework.host.before import BeforeFile, place
from icsframework.host.clock import Clock
from icsframework.host.conntrack import Conntrack
from icsframework.host.descriptors import Room, read_descriptors
from icsframework.host.host import Host
from icsframework.host.inventory import read_interfaces
from icsframework.host.links import Machine
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import ScopedHost
from icsframework.host.tcp import listen_anywhere
from icsframework.registry import Registry
from icsframework.store.store import Store
from icsframework.values import StreamProxy

RUN_MODE = 0o755
"""Of gateway.run: members of group ics must reach the control socket in it."""


def make_gateway(
    reactor: Any,
    config: Configuration,
    path: str,
    registry: Registry,
    load: Callable[[], Configuration],
    on_fatal: Callable[[Exception], None],
    unlock: Callable[[], None],
) -> Gateway:
    """The gateway, not started.  Opens nothing."""
    newest = NewestTime()
    clock = Clock(reactor, newest)
    bus = EventBus(clock, Logger(namespace="ics"))
    machinery = _machinery(reactor, config, path, clock, newest, bus, unlock)
    serve = _serve(reactor, bus, machinery.in_thread)
    return Gateway(config, path, registry, machinery, bus, load, serve, on_fatal)


def _machinery(
    reactor: Any,
    config: Configuration,
    path: str,
    clock: Clock,
    newest: NewestTime,
    bus: EventBus,
    unlock: Callable[[], None],
) -> Machinery:
    def emit(id: str, /, **fields: Any) -> None:
        bus.emit("store", id, fields)

    conntrack, worker, host, machine = Conntrack(), Worker(reactor), Host(reactor), Machine()
    run, here = config.gateway.run, place()
    before = BeforeFile(run / "before.json", here)
    nft = Nft(reactor, library=open_library())
    reconciler, elements = Reconciler(machine, before, worker.run, nft), TableElements(nft)
    pairs = Pairs(clock, elements.change, Logger(namespace="ics.helpers"))

    return Machinery(
        clock=clock,
        store=Store(config.gateway.state, reactor, emit),
        reconciler=reconciler,
        scoped_host=lambda owner: ScopedHost(host, owner),
        interfaces=read_interfaces,
        count_flows=conntrack.count,
        revive_flows=lambda plane: worker.run(_revive, conntrack, plane),
        forget_flows=lambda filters: worker.run(_forget, conntrack, filters),
        descriptors=read_descriptors,
        unconfirmed=UnconfirmedFile(run / FILE, path),
        links=LinksFile(run / "links.json", here),
        in_thread=worker.run,
        close=lambda: maybeDeferred(worker.run, machine.close).addBoth(_end, worker, unlock),
        system=system_info(privileged=True),
        kernel_helpers=lambda names: probe_kernel_helpers(nft, names),
        make_shell=partial(_shell, reactor, Room(), elements, clock, pairs),
        started=look_for_garbage_again,
        elements=elements,
        counters=nft,
        reactor=reactor,
        end_flows=lambda chosen, through: worker.run(conntrack.delete_where, through, chosen),
        surroundings=surroundings(reactor, nft, worker.run),
        newest=newest,
    )


def _end(_: object, worker: Worker, unlock: Callable[[], None]) -> None:
    worker.stop()
    unlock()


def look_for_garbage_again() -> None:
    """What there is by now stays (see tap.py); later searches pass over it."""
    gc.freeze()
    gc.enable()


def _shell(
    reactor: Any,
    room: Room,
    elements: TableElements,
    clock: Clock,
    pairs: Pairs,
    section: HelperSection,
    proxy: StreamProxy,
    view: GatewayView,
    published: Published,
) -> LateShell:
    wanted = replace(proxy, fail=section.fail or proxy.fail)

    def make(listening: socket, limits: HelperLimits) -> Any:
        from icsframework.helpers.stream import StreamParts, StreamShell
        from icsframework.helpers.wanted import asker
        from icsframework.host.stream import StreamNetwork

        network = StreamNetwork(reactor, room, listening)
        parts = StreamParts(
            clock,
            view.events,
            view.log,
            network,
            view.mappings,
            published,
            elements.change,
            pairs,
            asker(view),
        )
        return StreamShell(section.name, wanted, _limits(limits), parts)

    return LateShell(listen_anywhere, make, lambda shell, limits: shell.use(_limits(limits)), section.limits)


def _limits(section: HelperLimits) -> Limits:
    return Limits(section.sessions, section.expectations, section.idle)


def _revive(conntrack: Conntrack, plane: DataPlane) -> int:
    """Delete flows of LAN hosts that left without translation; those to ourselves and to other subnets here may stay."""
    inside = (*plane.lan_networks(4), *plane.lan_networks(6))
    uplinks = {uplink.interface for uplink in plane.uplinks}
    reached = [
        ip_network(address.ip) if info.name in uplinks else address.network
        for info in read_interfaces()
        for address in info.addresses
    ]
    return conntrack.delete_where(lambda flow: is_stranded(flow, inside, reached))


def _forget(conntrack: Conntrack, filters: Sequence[MarkFilter]) -> None:
    for chosen in filters:
        conntrack.delete(chosen)


def _serve(
    reactor: Any, bus: EventBus, in_thread: Callable[..., Deferred[Any]]
) -> Callable[[Path, Gateway], Deferred[Any]]:
    def serve(path: Path, gateway: Gateway) -> Deferred[Any]:
        def listen(server: Any) -> Any:
            make_run_directory(path.parent)
            events = OwnedEvents(bus, "control")
            return server.serve(reactor, path, gateway, events, Logger(namespace="ics.control"))

        # twisted.web takes some 80 ms to import, in which the reactor would answer nobody.
        return in_thread(import_module, "icsframework.control.server").addCallback(listen)

    return serve


def make_run_directory(path: Path) -> None:
    """Make gateway.run if it is not there.  HostError if that cannot be."""
    if path.is_dir():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(RUN_MODE)  # mkdir's mode would be cut by the umask of a daemon
    except OSError as error:
        raise HostError(
            f"gateway.run: the directory {path} cannot be made: {error.strerror}; make it, or name another one"
        ) from error
