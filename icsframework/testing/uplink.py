"""An uplink that does as a test says, and a factory for it."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.fields import PluginConfig, UplinkConfig
from icsframework.interfaces import IGateway, IUplink, IUplinkFactory
from icsframework.values import (
    Applied,
    Cause,
    Down,
    Link,
    Readiness,
    RestartMe,
    SystemInfo,
    UplinkSettings,
    UplinkState,
)

Adopts = Callable[[Link], Deferred[Link | None]]
"""What ``adopt`` answers."""


@implementer(IUplink)
class ScriptedUplink(Service):
    """Notes what it is asked in ``calls``; reports what the test gives to ``report``.

    ``connect`` notes the cause's rule and never ends by itself, or fails with
    ``connect_error`` if that is set.  ``disconnect`` notes its reason as
    ``-reason`` and reports Down.  ``adopt`` notes ``adopt`` and the interface, and
    answers what ``adopts`` does (by default that nothing goes on).
    """

    def __init__(self, observer: Callable[[UplinkState], None], adopts: Adopts | None = None) -> None:
        self.report = observer
        self.adopts: Adopts = adopts or (lambda saved: succeed(None))
        self.calls: list[str] = []
        self.connect_error: Exception | None = None

    def startService(self) -> None:
        """See IPlugin."""
        self.running = True

    def stopService(self) -> Deferred[None]:
        """See IPlugin."""
        self.running = False
        return succeed(None)

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """See IPlugin."""
        return succeed(Applied())

    def connect(self, cause: Cause) -> Deferred[Link]:
        """See IUplink."""
        self.calls.append(cause.rule)
        return Deferred() if self.connect_error is None else fail(self.connect_error)

    def disconnect(self, reason: str) -> Deferred[None]:
        """See IUplink."""
        self.calls.append(f"-{reason}")
        self.report(Down(reason))
        return succeed(None)

    def adopt(self, saved: Link) -> Deferred[Link | None]:
        """See IUplink."""
        self.calls.append(f"adopt {saved.interface}")
        return self.adopts(saved)


class ScriptedUplinkConfig(UplinkConfig):
    """One key, so that something can change."""

    colour: str = "grey"
    """Any word."""


@implementer(IUplinkFactory)
class ScriptedUplinkFactory:
    """Makes ScriptedUplink; ``made`` maps uplink names to the last one made for each, ``adopts`` is given to each."""

    api_version = 1
    Config = ScriptedUplinkConfig

    def __init__(self) -> None:
        self.made: dict[str, ScriptedUplink] = {}
        self.readiness = Readiness.ready()
        self.adopts: Adopts | None = None

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory."""
        return self.readiness

    def create(
        self, config: UplinkSettings, gateway: IGateway, observer: Callable[[UplinkState], None]
    ) -> ScriptedUplink:
        """See IUplinkFactory."""
        self.made[config.name] = ScriptedUplink(observer, self.adopts)
        return self.made[config.name]
