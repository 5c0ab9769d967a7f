"""The LAN service plugins at work: one object per plugin, serving any number of LANs.

Whatever a plugin does (raises, never answers, returns nonsense), the error names
it, its view is released and the other plugins go on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, maybeDeferred
from twisted.python.failure import Failure

from icsframework.errors import IcsError, PluginError
from icsframework.fields import PluginConfig
from icsframework.gateway.view import GatewayView
from icsframework.interfaces import ILanService
from icsframework.patience import within
from icsframework.registry import Registry, create
from icsframework.values import Lan


@dataclass(slots=True)
class _Running:
    name: str
    plugin: ILanService
    view: GatewayView
    started: bool = False
    lans: dict[str, Lan] = field(default_factory=dict)
    configs: dict[str, PluginConfig] = field(default_factory=dict)
    """What each LAN is served by; none while the plugin has not said that it is."""


class LanServices:
    """Starts a plugin with the first LAN that names it, and stops it with the last."""

    def __init__(self, registry: Registry, make_view: Callable[[str], GatewayView]) -> None:
        self._registry = registry
        self._make_view = make_view
        self._running: dict[str, _Running] = {}

    def prepare(self, name: str) -> None:
        """Make plugin ``name`` ahead of ``serve``, which starts it: so its imports need not wait for what comes before.

        Raises PluginError.
        """
        self._get(name)

    @inlineCallbacks
    def serve(self, name: str, lan: Lan, config: PluginConfig) -> Any:
        """Let plugin ``name`` serve ``lan``; fails with what the plugin said, and then nothing of it is left there.

        One that serves it so already is not asked again.
        """
        running = self._get(name)
        if running.lans.get(lan.name) == lan and running.configs.get(lan.name) == config:
            return
        running.configs.pop(lan.name, None)
        try:
            if not running.started:
                running.started = True
                yield self._call(running, "start", running.plugin.startService)
            yield self._call(running, f"serve {lan.name}", running.plugin.serve, lan, config)
        except Exception:
            if lan.name not in running.lans:
                yield self._withdraw(running, lan)
            raise
        running.lans[lan.name] = lan
        running.configs[lan.name] = config

    @inlineCallbacks
    def withdraw(self, name: str, lan: str) -> Any:
        """End the service of plugin ``name`` on the LAN called ``lan``."""
        running = self._running.get(name)
        known = running.lans.get(lan) if running is not None else None
        if running is not None and known is not None:
            yield self._withdraw(running, known)

    @inlineCallbacks
    def stop(self) -> Any:
        """End everything; a plugin that fails to end does not keep the others from it."""
        for running in list(self._running.values()):
            for lan in list(running.lans.values()):
                yield self._withdraw(running, lan)
            yield self._end(running)

    def _get(self, name: str) -> _Running:
        """The plugin, created if need be."""
        if name not in self._running:
            view = self._make_view(name)
            try:
                plugin = create(self._registry, "lan_service", name, view)
            except PluginError:
                view.release()
                raise
            self._running[name] = _Running(name, plugin, view)
        return self._running[name]

    @inlineCallbacks
    def _withdraw(self, running: _Running, lan: Lan) -> Any:
        try:
            yield self._call(running, f"withdraw {lan.name}", running.plugin.withdraw, lan)
        except IcsError as error:
            running.view.log.warn("{lan}: {error}", lan=lan.name, error=error)
        running.lans.pop(lan.name, None)
        running.configs.pop(lan.name, None)
        if not running.lans:
            yield self._end(running)

    @inlineCallbacks
    def _end(self, running: _Running) -> Any:
        if self._running.get(running.name) is not running:
            return
        del self._running[running.name]
        try:
            if running.started:
                yield self._call(running, "stop", running.plugin.stopService)
        except IcsError as error:
            running.view.log.warn("{error}", error=error)
        running.view.release()

    def _call(self, running: _Running, what: str, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Call the plugin; a defect of it is logged with its traceback and becomes a PluginError that names it."""

        def named(failure: Failure) -> Failure:
            if failure.check(IcsError, CancelledError):
                return failure
            running.view.log.failure("{plugin}: {what} failed", failure, plugin=running.name, what=what)
            raise PluginError(
                f"LAN service plugin {running.name!r} failed ({what}): {type(failure.value).__name__}: "
                f"{failure.getErrorMessage()}; the log has the details"
            )

        answer = within(
            running.view.clock,
            f"{what} of LAN service plugin {running.name!r}",
            maybeDeferred(function, *args),
        )
        return answer.addErrback(named)
