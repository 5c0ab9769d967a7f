"""A LAN service that does as a test says, and a factory for it."""

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.fields import LanServiceConfig, PluginConfig
from icsframework.interfaces import IGateway, ILanService, ILanServiceFactory
from icsframework.values import Applied, Lan, Readiness, RestartMe, SystemInfo


class ScriptedConfig(LanServiceConfig):
    """One key, so that something can change."""

    colour: str = "grey"
    """Any word."""


@implementer(ILanService)
class ScriptedLanService(Service):
    """Notes what it is asked in ``calls``; ``serve`` fails with ``serve_error`` if that is set."""

    def __init__(self, gateway: IGateway, calls: list[str]) -> None:
        self.gateway = gateway
        self.calls = calls
        self.serve_error: Exception | None = None

    def startService(self) -> None:
        """See IPlugin."""
        self.calls.append("start")

    def stopService(self) -> Deferred[None]:
        """See IPlugin."""
        self.calls.append("stop")
        return succeed(None)

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """See IPlugin."""
        return succeed(Applied())

    def serve(self, lan: Lan, config: PluginConfig) -> Deferred[None]:
        """See ILanService."""
        assert isinstance(config, ScriptedConfig)
        self.calls.append(f"serve {lan.name} {lan.address} {config.colour}")
        return succeed(None) if self.serve_error is None else fail(self.serve_error)

    def withdraw(self, lan: Lan) -> Deferred[None]:
        """See ILanService."""
        self.calls.append(f"withdraw {lan.name}")
        return succeed(None)


@implementer(ILanServiceFactory)
class ScriptedLanFactory:
    """Makes ScriptedLanService; ``made`` is the last one, ``calls`` those of all."""

    api_version = 1
    Config = ScriptedConfig

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.made: ScriptedLanService | None = None
        self.serve_error: Exception | None = None

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory."""
        return Readiness.ready()

    def create(self, gateway: IGateway) -> ScriptedLanService:
        """See ILanServiceFactory."""
        self.made = ScriptedLanService(gateway, self.calls)
        self.made.serve_error = self.serve_error
        return self.made
