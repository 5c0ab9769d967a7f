"""From the entries of ``uplinks:`` to running plugins, and which of their devices are there."""

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import Marks
from icsframework.gateway.desired import uplink_device
from icsframework.gateway.view import GatewayView
from icsframework.interfaces import IHost, IUplink, Unwatch
from icsframework.registry import Registry, verify_product
from icsframework.uplinks.runner import UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import InterfaceInfo, RestartMe, UplinkSettings, UplinkState


def settings(section: UplinkSection, mark: int) -> UplinkSettings:
    """What the plugin gets of an entry."""
    return UplinkSettings(
        name=section.name,
        interface=uplink_device(section),
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
        host: IHost,
        marks: Marks,
        indices: Mapping[str, int],
        settle: Callable[[], Deferred[Any]],
    ) -> None:
        self.supervisor = supervisor
        self.sections: dict[str, UplinkSection] = {}
        self.indices = indices
        self._registry = registry
        self._make_view = make_view
        self._host = host
        self._marks = marks
        self._settle = settle
        self._views: dict[str, GatewayView] = {}
        self._present: dict[str, bool] = {}
        self._unwatch: dict[str, Unwatch] = {}

    def devices(self) -> frozenset[str]:
        """Interfaces of uplinks that are there."""
        return frozenset(
            section.interface
            for name, section in self.sections.items()
            if section.interface and self._present.get(name)
        )

    def watch(self, section: UplinkSection) -> None:
        """Take an uplink into account: its device is closed, and brought up as soon as it is there."""
        self.sections[section.name] = section

        def seen(info: InterfaceInfo | None) -> None:
            there = info is not None
            appeared = there and not self._present.get(section.name, False)
            self._present[section.name] = there
            if appeared and section.name in self._views:
                self._settle().addErrback(
                    lambda why: self._views[section.name].log.error("{why}", why=why.getErrorMessage())
                )

        if section.interface:
            self._unwatch[section.name] = self._host.watch_interface(section.interface, seen)

    def start(self, section: UplinkSection, saved: SavedUplink | None = None) -> None:
        """Make and start the plugin of an uplink that is watched; ``saved`` is what an earlier process left of it.

        Raises PluginError.
        """
        mark = self._marks.uplink_mark(self.indices[section.name])
        factory = self._registry.get("uplink", section.plugin)
        view = self._views[section.name] = self._make_view(f"uplink.{section.name}")

        def make(observer: Callable[[UplinkState], None]) -> IUplink:
            plugin: IUplink = factory.create(settings(section, mark), view, observer)
            verify_product("uplink", section.plugin, plugin)
            return plugin

        spec = UplinkSpec(
            section.name, section.plugin, section.connect, uplink_device(section), section.metered, mark, make
        )
        self.supervisor.start(spec, saved)

    @inlineCallbacks
    def change(self, section: UplinkSection, restart: bool) -> Any:
        """Take new settings: by the plugin itself if it can, else by a new start."""
        if not restart:
            runner = self.supervisor.runner(section.name)
            applied = yield runner.plugin.reconfigure(settings(section, runner.spec.mark))
            restart = isinstance(applied, RestartMe)
        if restart:
            order = list(self.sections)
            yield self.stop(section.name, "its configuration has changed")
            self.watch(section)
            self.start(section)
            self.sections = {name: self.sections[name] for name in order}
            self.supervisor.arrange(order)
        else:
            self.sections[section.name] = section

    @inlineCallbacks
    def stop(self, name: str, reason: str) -> Any:
        """Disconnect and forget an uplink."""
        self._forget(name)
        if name in self._views:
            yield self.supervisor.stop(name, reason)
            self._views.pop(name).release()

    def _forget(self, name: str) -> None:
        del self.sections[name]
        self._present.pop(name, None)
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

    def remembered(self) -> dict[str, SavedUplink]:
        """What the next process must know of the uplinks that are started."""
        return {
            runner.spec.name: runner.remembered(self.indices[runner.spec.name])
            for runner in self.supervisor.runners()
            if runner.spec.name in self.indices
        }

    def arrange(self, order: tuple[str, ...]) -> None:
        """Set the order of preference."""
        self.sections = {name: self.sections[name] for name in order}
        self.supervisor.arrange(order)
