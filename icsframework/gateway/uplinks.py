"""From the entries of ``uplinks:`` to running plugins, and which of their devices are there."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import MAX_UPLINKS, Marks, assign_indices
from icsframework.errors import IcsError, PluginError
from icsframework.gateway import demands
from icsframework.gateway.meters import Meters
from icsframework.gateway.places import Places
from icsframework.gateway.roles import Place, Role, made_device, of_uplink
from icsframework.gateway.view import GatewayView
from icsframework.interfaces import IUplink, Unwatch
from icsframework.patience import within
from icsframework.registry import Registry, create
from icsframework.uplinks.runner import UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import RestartMe, UplinkSettings, UplinkState


def settings(section: UplinkSection, mark: int, interface: str = "") -> UplinkSettings:
    """What the plugin gets of an entry; ``interface`` is what its interface is called now, as far as that is known.

    One that is found by its MAC address and was never here is called by that: no interface can have such a name.
    """
    match = section.match.mac if section.match is not None and section.vlan is None else ""
    by_name = section.interface if section.vlan is None else None
    return UplinkSettings(
        name=section.name,
        interface=interface or by_name or match or made_device(section.name),
        own=section.own,
        metered=section.metered,
        mtu=section.mtu,
        mac=section.mac or "",
        dns=section.dns,
        mark=mark,
    )


class Uplinks:
    """Starts, changes and stops uplinks.  ``indices`` maps names to the mark's uplink field."""

    def __init__(
        self,
        supervisor: Supervisor,
        registry: Registry,
        make_view: Callable[[str], GatewayView],
        places: Places,
        marks: Marks,
        indices: Mapping[str, int],
        settle: Callable[[], Deferred[Any]],
        meters: Meters,
    ) -> None:
        self.supervisor = supervisor
        self.sections: dict[str, UplinkSection] = {}
        self.indices = indices
        self._registry = registry
        self._make_view = make_view
        self._places = places
        self._marks = marks
        self._settle = settle
        self._meters = meters
        self._views: dict[str, GatewayView] = {}
        self._given: dict[str, str] = {}
        """The interface that each plugin was told."""
        self._unwatch: dict[str, Unwatch] = {}

    def watch(self, section: UplinkSection) -> None:
        """Take an uplink into account: its device is closed, and brought up as soon as it is there."""
        self.sections[section.name] = section

        before = Place()

        def seen(place: Place) -> None:
            nonlocal before
            last, before = before, place
            if place.info is None or (last.info is not None and last.name == place.name):
                return
            if section.name in self._views:
                log = self._views[section.name].log
                self._moved(section.name, place.name).addErrback(
                    lambda why: log.error("{why}", why=why.getErrorMessage())
                )

        if any(True for _ in of_uplink(section)):
            self._unwatch[section.name] = self._places.watch(Role("uplink", section.name), seen)

    @inlineCallbacks
    def _moved(self, name: str, interface: str) -> Any:
        """The interface of an uplink has appeared, or has another name: close it, and tell the plugin its name."""
        yield self._settle()
        if name in self._views and self._given.get(name) != interface:
            yield self.change(self.sections[name], restart=False)

    def _called(self, section: UplinkSection) -> str:
        return self._places.of(Role("uplink", section.name)).name

    def _settings(self, section: UplinkSection, mark: int) -> UplinkSettings:
        made = settings(section, mark, self._called(section))
        self._given[section.name] = made.interface
        return made

    def start(self, section: UplinkSection, saved: SavedUplink | None = None) -> None:
        """Make and start the plugin of an uplink that is watched; ``saved`` is what an earlier process left of it.

        Raises PluginError.
        """
        name, plugin = section.name, section.plugin
        mark = self._marks.uplink_mark(self.indices[name])
        view = self._make_view(f"uplink.{name}")

        def make(observer: Callable[[UplinkState], None]) -> IUplink:
            made: IUplink = create(
                self._registry, "uplink", plugin, self._settings(section, mark), view, observer
            )
            return made

        spec = UplinkSpec(
            name,
            plugin,
            section.connect,
            self._called(section),
            section.metered,
            mark,
            make,
            demands.quiet(section),
            demands.wake(section),
            self._meters.meter(name, section),
        )
        try:
            self.supervisor.start(spec, saved)
        except Exception as error:
            view.release()
            if isinstance(error, IcsError):
                raise
            view.log.failure("uplink {name}: its plugin could not be started", name=name)
            raise PluginError(
                f"uplink {name}: uplink plugin {plugin!r} cannot be started: {type(error).__name__}: {error}; "
                "update or remove that plugin"
            ) from error
        self._views[name] = view

    def runs(self, name: str) -> bool:
        """True if its plugin was made and started."""
        return name in self._views

    @inlineCallbacks
    def change(self, section: UplinkSection, restart: bool) -> Any:
        """Take new settings: by the plugin itself if it can, else by a new start."""
        there = section.name in self._views  # or its last start failed
        if restart or not there or (yield self._reconfigure(section)):
            order = tuple(self.sections)
            yield self.stop(section.name, "its configuration has changed")
            self.watch(section)
            self.arrange(order)
            self.start(section)
        else:
            self.sections[section.name] = section
            self._rearm(section)

    def _rearm(self, section: UplinkSection) -> None:
        """Rules and limits are the core's: they change without a word to the plugin."""
        self.supervisor.runner(section.name).rearm(
            section.connect,
            demands.quiet(section),
            demands.wake(section),
            self._meters.meter(section.name, section),
        )

    @inlineCallbacks
    def _reconfigure(self, section: UplinkSection) -> Any:
        """Give the running plugin new settings; True if it wants a restart.  PluginError: the old ones stay in force."""
        runner = self.supervisor.runner(section.name)
        new = self._settings(section, runner.spec.mark)
        whose = f"uplink {section.name}: reconfigure of uplink plugin {section.plugin!r}"
        try:
            answer = maybeDeferred(runner.plugin.reconfigure, new)
            applied = yield within(self._views[section.name].clock, whose, answer)
        except IcsError:
            raise
        except Exception as error:
            self._views[section.name].log.failure("{whose}", whose=whose)
            raise PluginError(
                f"{whose} failed: {type(error).__name__}: {error}; the log has the details"
            ) from error
        return isinstance(applied, RestartMe)

    @inlineCallbacks
    def stop(self, name: str, reason: str) -> Any:
        """Disconnect and forget an uplink; one whose plugin could not be started is only forgotten."""
        view = self._views.pop(name, None)
        try:
            if view is not None:
                yield self.supervisor.stop(name, reason)
                view.release()
        finally:
            self._forget(name)  # not before: its last words (a DHCP RELEASE) need the address
            self._meters.forget(name)

    def _forget(self, name: str) -> None:
        del self.sections[name]
        self._given.pop(name, None)
        unwatch = self._unwatch.pop(name, None)
        if unwatch is not None:
            unwatch()

    @inlineCallbacks
    def stop_all(self, reason: str) -> Any:
        """Disconnect all, the preferred one last, so that none is announced as the active one on the way."""
        for name in reversed(list(self.sections)):
            yield self.stop(name, reason)

    @inlineCallbacks
    def hand_over_all(self, reason: str) -> Any:
        """Stop all plugins and leave their links to the next process."""
        for name in reversed(list(self.sections)):
            self._forget(name)
            if name in self._views:
                yield self.supervisor.hand_over(name, reason)
                self._views.pop(name).release()

    def remembered(self, found: Mapping[str, SavedUplink]) -> dict[str, SavedUplink]:
        """What the next process must know of the uplinks; ``found`` is what is known of those not started yet."""
        known = {name: SavedUplink(self.indices[name]) for name in self.sections if name in self.indices}
        started = {runner.spec.name: runner for runner in self.supervisor.runners()}
        return known | {
            name: started[name].remembered(self.indices[name]) if name in started else found[name]
            for name in known
            if name in started or name in found
        }

    def arrange(self, order: tuple[str, ...]) -> None:
        """Set the order of preference; names that are not there are passed over."""
        self.sections = {name: self.sections[name] for name in order if name in self.sections}
        self.supervisor.arrange(tuple(self.sections))

    def assign(self, names: Iterable[str]) -> None:
        """Give the uplinks ``names`` their indices.

        Each keeps its own, also while it is not configured: running flows may still carry it.  Only when there are
        no others left does a new uplink get the index of one that was removed.  Raises ConfigurationError for too many.
        """
        wanted = list(names)
        known = [*wanted, *self.indices]
        self.indices = assign_indices(known if len(set(known)) <= MAX_UPLINKS else wanted, self.indices)
