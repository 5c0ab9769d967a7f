"""Makes the machine agree with the configuration and with what is live.

A link that collides with a LAN whose address we chose moves the LAN first; an
interface that the kernel refuses as a bridge's port is left alone, so that all
else is as it shall be.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.config.configuration import Configuration
from icsframework.config.lans import LanSection
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError
from icsframework.gateway.bridges import BridgeAddresses
from icsframework.gateway.desired import Live, data_plane, lan_address, state_of
from icsframework.gateway.flows import Flows
from icsframework.gateway.helpers import Helpers
from icsframework.gateway.lans import Lans
from icsframework.gateway.ondemand import OnDemand
from icsframework.gateway.places import Places
from icsframework.gateway.remembered import Remembered
from icsframework.gateway.renumber import Renumbering, collisions
from icsframework.gateway.roles import Role, wanted
from icsframework.gateway.subnets import ChosenSubnets
from icsframework.gateway.underlay import Underlay
from icsframework.gateway.uplinks import Uplinks
from icsframework.host.machine import PortRefused
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import IOwnedHost
from icsframework.host.state import MachineState
from icsframework.interfaces import IEvents, IStore
from icsframework.mappings.service import MappingService
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import InterfaceAddress, InterfaceInfo

__all__ = ["Agreement", "Parts"]


class Parts(Protocol):
    """What the machine depends on: the parts of the gateway."""

    config: Configuration
    lans: Lans
    uplinks: Uplinks
    supervisor: Supervisor
    remembered: Remembered
    flows: Flows
    helpers: Helpers
    mappings: MappingService
    ondemand: OnDemand


class Agreement:
    """``parts`` may be looked at from the first ``settle`` on; ``random(n)`` returns n random bytes."""

    def __init__(
        self,
        parts: Parts,
        reconciler: Reconciler,
        interfaces: Callable[[], Sequence[InterfaceInfo]],
        host: IOwnedHost,
        store: IStore,
        events: IEvents,
        log: Logger,
        random: Callable[[int], bytes],
    ) -> None:
        self.places = Places(host)
        self.underlay = Underlay(self.places, events, log, self.settle)
        self.bridges = BridgeAddresses(random)
        self.subnets = ChosenSubnets(interfaces, self._called)
        self.renumbering = Renumbering(self.subnets, events, self._apply)
        self._parts = parts
        self._reconciler = reconciler
        self._interfaces = interfaces
        self._store = store
        self._frozen = False
        self._plane: DataPlane | None = None
        """What is in force, rules and all."""

    def freeze(self) -> None:
        """From now on the machine is left as it is: all of it is given back at once, or left to the next process."""
        self._frozen = True

    def use(self, config: Configuration) -> None:
        """Look for the interfaces of ``config``; what follows from that is for the caller to carry out."""
        self.places.use(wanted(config))

    @inlineCallbacks
    def choose(self, config: Configuration) -> Any:
        """Find what a configuration leaves to us: addresses of bridges, subnets of LANs."""
        yield self.bridges.choose(self._store, config)
        yield self.subnets.choose(config)

    @inlineCallbacks
    def see_what_was_made(self) -> Any:
        """After the first ``settle``: bridges and VLANs are here by now, and have settings of their own."""
        self.underlay.start()
        before = self.places.present()
        self.places.look()
        if self.places.present() != before:
            yield self.settle()

    def live(self) -> Live:
        """What is live now, in order of preference."""
        supervisor, places = self._parts.supervisor, self.places
        announced = {**self._parts.remembered.links(), **dict(supervisor.links())}
        order, lingering = list(self._parts.uplinks.sections), supervisor.lingering()
        here = {(i.name, i.ifindex) for i in self._interfaces()} if lingering else set()
        return Live(
            interfaces=places.present(),
            chosen=self.subnets.chosen,
            links={name: places.now(announced[name]) for name in order if name in announced},
            lingering=tuple(link for link in lingering if (link.interface, link.ifindex) in here),
            names=places.names(),
            macs=self.bridges.known,
            refused=self.underlay.refused(),
            doors=self._parts.helpers.doors(),
            hold=self._parts.ondemand.side(),
        )

    def address_of(self, lan: LanSection) -> InterfaceAddress | None:
        """The gateway's address on a LAN by now."""
        return lan_address(lan, self.live())

    def settle(self) -> Deferred[Any]:
        """Make the machine agree; Deferred fires when it does."""
        return self._settle(in_haste=True)

    def _settle(self, in_haste: bool) -> Deferred[Any]:
        if self._frozen:
            return succeed(0)
        moving = self.renumbering.finished()
        if moving is not None:
            return moving.addCallback(lambda _: self.settle())
        config, live = self._parts.config, self.live()
        if found := collisions(config, live):
            moved: Deferred[Any] = self.renumbering.move(self._parts.lans, config, self.live, found)
            return moved.addCallback(lambda _: self.settle())
        return self._apply(live, in_haste).addErrback(self._without_port)

    def _without_port(self, failure: Failure) -> Any:
        failure.trap(PortRefused)
        assert isinstance(failure.value, PortRefused)
        return self.settle() if self.underlay.refuse(failure.value) else failure

    def _apply(self, live: Live, in_haste: bool = False) -> Deferred[Any]:
        config, uplinks = self._parts.config, self._parts.uplinks
        try:
            plane = data_plane(config, live, uplinks.indices)
            enough = self._enough(plane) if in_haste else None
            state = state_of(config, live, plane, enough)
        except IcsError as error:
            return fail(error)
        self.remember()
        if not plane.preference:
            self._parts.ondemand.unlinked()
        if enough is None:
            return self._reconciler.apply(state).addCallback(self._in_force, state, plane)
        begun = self._reconciler.apply(state).addCallback(self._waiting_go_on, state, plane)
        # What is wanted may be something else by then; and a first step that failed will fail again, and say why.
        return begun.addBoth(lambda _: self._settle(in_haste=False))

    def _enough(self, plane: DataPlane) -> object | None:
        """The packet filter in force, if with it address and routes are enough for the packets that wait for a link.

        Its rules know the link's device and translate what leaves by it; new ones take nft its time.  None if nobody waits,
        or if more has changed than links.
        """
        now, known = self._reconciler.in_force, self._plane
        if now is None or known is None or not plane.preference or not self._parts.ondemand.waiting:
            return None
        if _without_links(known) != _without_links(plane):
            return None
        return now.table

    def _waiting_go_on(self, _: int, state: MachineState, plane: DataPlane) -> None:
        if self._reconciler.in_force is state:
            self._parts.ondemand.in_force(plane)

    def _in_force(self, count: int, state: MachineState, plane: DataPlane) -> int:
        if self._reconciler.in_force is state:  # not one that a newer one overtook
            self._plane = plane
            self._parts.flows.in_force(plane)
            self._parts.mappings.in_force(plane)
            self._parts.helpers.in_force(plane)
            self._parts.ondemand.in_force(plane)
        return count

    def remember(self) -> None:
        """Write down what the next process must know of the uplinks, started already or not."""
        remembered = self._parts.remembered
        remembered.keep(self._parts.uplinks.remembered(remembered.found))

    def _called(self, lan: LanSection) -> str:
        return self.places.of(Role("lan", lan.name)).name or lan.device


def _without_links(plane: DataPlane) -> DataPlane:
    """The same while every link is down: what the rules are about besides."""
    return replace(plane, uplinks=tuple(replace(one, link=None) for one in plane.uplinks), active=None)
