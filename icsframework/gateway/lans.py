"""The LANs: each is served while its interface is there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.config.lans import LanSection
from icsframework.errors import IcsError
from icsframework.gateway.places import Places
from icsframework.gateway.roles import Place, Role
from icsframework.gateway.services import LanServices
from icsframework.interfaces import IEvents, Unwatch
from icsframework.values import InterfaceAddress, InterfaceInfo, Lan


@dataclass(slots=True)
class ServiceState:
    """How one service of one LAN stands: ``serving`` or ``failed``."""

    plugin: str
    state: str
    reason: str = ""


@dataclass(slots=True)
class LanState:
    """One LAN as it stands.  ``served`` is the Lan the services know."""

    section: LanSection
    place: Place = field(default_factory=Place)
    served: Lan | None = None
    services: dict[str, ServiceState] = field(default_factory=dict)
    unwatch: Unwatch | None = None
    fault: str | None = None
    """Why the machine could not be made ready for it, or None."""

    @property
    def info(self) -> InterfaceInfo | None:
        """Its interface; None while that is absent."""
        return self.place.info

    @property
    def interface(self) -> str:
        """What its interface is called now, or in the file."""
        return self.place.name or self.section.device

    @property
    def reason(self) -> str | None:
        """Why it is not served, or None."""
        return self.fault if self.info is not None else self.place.reason

    @property
    def failed(self) -> bool:
        """True if something about it is not as it should be."""
        return self.fault is not None or any(one.state == "failed" for one in self.services.values())

    @property
    def wanted(self) -> list[str]:
        """The plugins that shall serve it."""
        return [service.plugin for service in self.section.services if service.enabled]


class Lans:
    """Watches the interfaces and serves the LANs.

    ``settle`` puts addresses and rules in force; ``address_of`` says what the
    gateway's address on a LAN is by now.
    """

    def __init__(
        self,
        places: Places,
        services: LanServices,
        events: IEvents,
        log: Logger,
        settle: Callable[[], Deferred[Any]],
        address_of: Callable[[LanSection], InterfaceAddress | None],
    ) -> None:
        self._places = places
        self._services = services
        self._events = events
        self._log = log
        self._settle = settle
        self._address_of = address_of
        self._lock = DeferredLock()
        self._started = False
        self.states: dict[str, LanState] = {}

    def add(self, section: LanSection) -> None:
        """Take a LAN into account: from now on its interface is watched; ``start`` or ``replace`` serves it."""
        state = LanState(section)

        def seen(place: Place) -> None:
            if section.name in self.states:
                self._seen(state, place)
            else:
                state.place = place  # what is there now; what to do about it says our caller

        state.unwatch = self._places.watch(Role("lan", section.name), seen)
        self.states[section.name] = state

    def prepare(self) -> None:
        """Make the services that ``start`` will start, while the machine is made ready for them.  Raises PluginError."""
        for state in self.states.values():
            coming = state.info is not None or state.section.bridge is not None
            for plugin in state.wanted if coming else ():
                self._services.prepare(plugin)

    @inlineCallbacks
    def start(self) -> Any:
        """Serve every LAN that is there.  Fails with the first PluginError or HostError of a service."""
        self._started = True
        for state in list(self.states.values()):
            yield self._lock.run(self._agree, state, True)

    @inlineCallbacks
    def replace(self, section: LanSection) -> Any:
        """Take new settings of a LAN, without a gap where the interface stays the same; fails like ``start``."""
        state = self.states[section.name]
        place = self._places.of(Role("lan", section.name))
        if _device(place) != _device(state.place):
            yield self.remove(section.name)
            self.add(section)
            state = self.states[section.name]
        else:
            before, state.section = state.wanted, section
            for plugin in before:
                if plugin not in state.wanted:
                    yield self._lock.run(self._services.withdraw, plugin, section.name)
                    state.services.pop(plugin, None)
        yield self._settle()
        self._places.look()  # that has made its bridge, perhaps
        yield self._lock.run(self._agree, state, True)

    @inlineCallbacks
    def renumber(self, name: str) -> Any:
        """Tell the services of a LAN that its address is another one now."""
        if name in self.states:
            yield self._lock.run(self._agree, self.states[name], False)

    @inlineCallbacks
    def remove(self, name: str) -> Any:
        """Serve it no more and forget it."""
        state = self.states.pop(name)
        if state.unwatch is not None:
            state.unwatch()
        yield self._lock.run(self._withdraw, state)

    @inlineCallbacks
    def stop(self) -> Any:
        """End all."""
        self._started = False
        for name in list(self.states):
            yield self.remove(name)
        yield self._services.stop()

    # --- one LAN ---

    def _seen(self, state: LanState, place: Place) -> None:
        before, info = state.info, place.info
        state.place = place
        if not self._started or _nature(before) == _nature(info):
            return
        if info is None:
            self._events.emit("lan.absent", lan=state.section.name, reason=state.reason)
        state.fault = None
        agreed = self._settle().addCallback(lambda _: self._lock.run(self._agree, state, False))
        agreed.addErrback(self._not_ready, state)

    def _not_ready(self, why: Failure, state: LanState) -> None:
        state.fault = why.getErrorMessage()
        self._events.emit("lan.failed", lan=state.section.name, reason=state.fault)
        if why.check(IcsError) is None:
            self._log.failure("LAN {lan}", why, lan=state.section.name)

    @inlineCallbacks
    def _agree(self, state: LanState, strict: bool) -> Any:
        """Make the services agree with the state of the interface; ``strict`` lets the first error out."""
        if self.states.get(state.section.name) is not state:
            return  # it was removed, or all was stopped, while the machine was made ready
        lan = self._lan(state)
        if lan is None:
            yield self._withdraw(state)
            if state.info is None:
                self._events.emit("lan.absent", lan=state.section.name, reason=state.reason)
            return
        for service in state.section.services:
            if service.enabled:
                yield self._serve(state, lan, service.plugin, service.own, strict)
        state.served, state.fault = lan, None
        names = ", ".join(s.plugin for s in state.services.values() if s.state == "serving") or "no service"
        self._events.emit(
            "lan.serving", lan=lan.name, interface=lan.interface, address=lan.address, services=names
        )

    @inlineCallbacks
    def _serve(self, state: LanState, lan: Lan, plugin: str, own: Any, strict: bool) -> Any:
        try:
            yield self._services.serve(plugin, lan, own)
        except IcsError as error:
            state.services[plugin] = ServiceState(plugin, "failed", str(error))
            self._events.emit("lan.service_failed", lan=lan.name, plugin=plugin, reason=str(error))
            if strict:
                raise
        else:
            state.services[plugin] = ServiceState(plugin, "serving")

    @inlineCallbacks
    def _withdraw(self, state: LanState) -> Any:
        for plugin in list(state.services):
            yield self._services.withdraw(plugin, state.section.name)
        state.services.clear()
        state.served = None

    def _lan(self, state: LanState) -> Lan | None:
        info, address = state.info, self._address_of(state.section)
        if info is None or address is None:
            return None
        auto = state.section.address is None
        return Lan(state.section.name, info.name, info.ifindex, info.mac, address, info.mtu, auto)


def _device(place: Place) -> str | int:
    """The same for the same device, whatever it is called."""
    return place.name if place.info is None else place.info.ifindex


def _nature(info: InterfaceInfo | None) -> tuple[str, int, str, int] | None:
    """What services depend on."""
    return None if info is None else (info.name, info.ifindex, info.mac, info.mtu)
