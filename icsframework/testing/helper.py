"""A NAT helper that does as a test says, a factory for it, and a shell without sockets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.fields import PluginConfig
from icsframework.interfaces import IGateway, INatHelper, INatHelperFactory
from icsframework.values import Applied, Attachment, KernelHelper, Readiness, RestartMe, SystemInfo


class ScriptedHelperConfig(PluginConfig):
    """One key, so that something can change."""

    ports: tuple[int, ...] = (1723,)
    """Ports of a kernel helper."""
    restart: bool = False
    """Whether a change takes a restart."""


@implementer(INatHelper)
class ScriptedHelper(Service):
    """Notes what it is asked in ``calls``; wants what its factory's ``wants`` says."""

    def __init__(
        self, factory: "ScriptedHelperFactory", config: ScriptedHelperConfig, gateway: IGateway
    ) -> None:
        self.gateway = gateway
        self.config = config
        self._factory = factory

    def startService(self) -> None:
        """See IPlugin."""
        self._factory.note("start")

    def stopService(self) -> Deferred[None]:
        """See IPlugin."""
        self._factory.note("stop")
        return succeed(None)

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """See IPlugin."""
        self._factory.note("reconfigure")
        self.config = new
        return succeed(RestartMe() if new.restart else Applied())

    def attachments(self) -> Sequence[Attachment]:
        """See INatHelper."""
        self._factory.note("attachments")
        return [KernelHelper("pptp", "tcp", self.config.ports), *self._factory.wants]


@implementer(INatHelperFactory)
class ScriptedHelperFactory:
    """Makes ScriptedHelper; ``calls`` are those of all, and the one in ``broken`` raises its error."""

    api_version = 1
    Config = ScriptedHelperConfig

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.wants: list[Attachment] = []
        self.readiness = Readiness.ready()

    def note(self, call: str) -> None:
        """Note a call, and fail if a test wants that."""
        self.calls.append(call)
        if call in self.broken:
            raise self.broken[call]

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory."""
        return self.readiness

    def create(self, config: PluginConfig, gateway: IGateway) -> ScriptedHelper:
        """See INatHelperFactory."""
        assert isinstance(config, ScriptedHelperConfig)
        self.note("create")
        return ScriptedHelper(self, config, gateway)


@dataclass(frozen=True, slots=True)
class ScriptedFigures:
    """Counters as a shell shows them."""

    sessions: int = 0
    expectations: int = 0
    refused: int = 0
    details: Mapping[str, int] = field(default_factory=dict)


class ScriptedShell:
    """A shell that listens nowhere, on ``port``."""

    def __init__(self, section: Any, proxy: Any, port: int, error: Exception | None) -> None:
        self.section, self.proxy, self.port = section, proxy, port
        self.running = False
        self.awake = False
        self.limits: Any = section.limits if section is not None else None
        self.planes: list[Any] = []
        self.shown = ScriptedFigures()
        self._error = error

    def start(self) -> Deferred[int]:
        """See gateway.shells.Shell."""
        if self._error is not None:
            return fail(self._error)
        self.running = True
        return succeed(self.port)

    def wake(self) -> Deferred[None]:
        """See gateway.shells.Shell."""
        self.awake = True
        return succeed(None)

    def limit(self, limits: Any) -> None:
        """See gateway.shells.Shell."""
        self.limits = limits

    def stop(self) -> Deferred[None]:
        """See gateway.shells.Shell."""
        self.running = False
        return succeed(None)

    def in_force(self, plane: Any) -> None:
        """See gateway.shells.Shell."""
        self.planes.append(plane)

    def figures(self) -> ScriptedFigures:
        """See gateway.shells.Shell."""
        return self.shown


class ScriptedShells:
    """Makes shells, which listen on 40000 and the ports after it; ``made`` are all of them, ``error`` fails their start."""

    def __init__(self) -> None:
        self.made: list[ScriptedShell] = []
        self.error: Exception | None = None

    def __call__(self, section: Any, proxy: Any, view: Any) -> ScriptedShell:
        """See gateway.helpers.MakeShell."""
        self.made.append(ScriptedShell(section, proxy, 40000 + len(self.made), self.error))
        return self.made[-1]
