"""The LAN service plugins at work: one object per plugin, serving any number of LANs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import inlineCallbacks, maybeDeferred

from icsframework.errors import IcsError
from icsframework.fields import PluginConfig
from icsframework.gateway.view import GatewayView
from icsframework.interfaces import ILanService
from icsframework.registry import Registry, verify_product
from icsframework.values import Lan


@dataclass(slots=True)
class _Running:
    plugin: ILanService
    view: GatewayView
    lans: dict[str, Lan] = field(default_factory=dict)


class LanServices:
    """Starts a plugin with the first LAN that names it, and stops it with the last."""

    def __init__(self, registry: Registry, make_view: Callable[[str], GatewayView]) -> None:
        self._registry = registry
        self._make_view = make_view
        self._running: dict[str, _Running] = {}
        self._made: dict[str, _Running] = {}

    def prepare(self, name: str) -> None:
        """Make plugin ``name`` ahead of ``serve``, which starts it: so its imports need not wait for what comes before.

        Raises PluginError.
        """
        if name not in self._running and name not in self._made:
            self._made[name] = self._make(name)

    @inlineCallbacks
    def serve(self, name: str, lan: Lan, config: PluginConfig) -> Any:
        """Let plugin ``name`` serve ``lan``; fails with what the plugin said, and then nothing of it is left there."""
        running = self._running.get(name) or self._start(name)
        try:
            yield maybeDeferred(running.plugin.serve, lan, config)
        except Exception:
            if lan.name not in running.lans:
                yield self._withdraw(name, running, lan)
            raise
        running.lans[lan.name] = lan

    @inlineCallbacks
    def withdraw(self, name: str, lan: str) -> Any:
        """End the service of plugin ``name`` on the LAN called ``lan``."""
        running = self._running.get(name)
        known = running.lans.get(lan) if running is not None else None
        if running is not None and known is not None:
            yield self._withdraw(name, running, known)

    @inlineCallbacks
    def stop(self) -> Any:
        """End everything; a plugin that fails to end does not keep the others from it."""
        for name, running in list(self._running.items()):
            for lan in list(running.lans.values()):
                yield self._withdraw(name, running, lan)
        for made in self._made.values():
            made.view.release()
        self._made.clear()

    def _make(self, name: str) -> _Running:
        view = self._make_view(name)
        plugin = self._registry.get("lan_service", name).create(view)
        verify_product("lan_service", name, plugin)
        return _Running(plugin, view)

    def _start(self, name: str) -> _Running:
        running = self._made.pop(name, None) or self._make(name)
        self._running[name] = running
        running.plugin.startService()
        return running

    @inlineCallbacks
    def _withdraw(self, name: str, running: _Running, lan: Lan) -> Any:
        try:
            yield maybeDeferred(running.plugin.withdraw, lan)
        except IcsError as error:
            running.view.log.warn("{lan}: {error}", lan=lan.name, error=error)
        except Exception:  # noqa: BLE001 - a stranger's plugin; its view is released below, whatever it did
            running.view.log.failure("{plugin} failed to withdraw from {lan}", plugin=name, lan=lan.name)
        running.lans.pop(lan.name, None)
        if not running.lans and self._running.get(name) is running:
            del self._running[name]
            try:
                yield maybeDeferred(running.plugin.stopService)
            except Exception:  # noqa: BLE001 - as above
                running.view.log.failure("{plugin} failed to stop", plugin=name)
            running.view.release()
