"""A NAT helper for nuttcp, the network performance tester: its server may call back (`nuttcp -r`)."""

from collections.abc import Sequence
from typing import Annotated, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ics_helper_nuttcp.session import NuttcpSession
from icsframework.fields import NatHelperConfig, OneOrMore, PluginConfig, Port
from icsframework.interfaces import API_VERSION, IGateway, INatHelper, INatHelperFactory
from icsframework.values import Applied, Attachment, Readiness, RestartMe, StreamProxy, SystemInfo

__all__ = ["factory"]


class NuttcpConfig(NatHelperConfig):
    """The keys of `plugin: nuttcp` in the file, beside those of the core."""

    ports: Annotated[tuple[Port, ...], OneOrMore()] = (5000,)
    """TCP ports on which servers take control connections."""


@implementer(INatHelper)
class NuttcpHelper(Service):
    """Says what it wants; the gateway does the rest."""

    def __init__(self, config: NuttcpConfig) -> None:
        self._config = config

    def attachments(self) -> Sequence[Attachment]:
        """See INatHelper."""
        return [StreamProxy(self._config.ports, NuttcpSession, fail="open")]

    def reconfigure(self, new: Any) -> Deferred[Applied | RestartMe]:
        """See IPlugin."""
        self._config = new
        return succeed(Applied())


@implementer(INatHelperFactory)
class NuttcpFactory:
    """What the entry point names."""

    api_version = API_VERSION
    Config = NuttcpConfig

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory.  Nothing but the gateway is needed."""
        return Readiness.ready()

    def create(self, config: PluginConfig, gateway: IGateway) -> INatHelper:
        """See INatHelperFactory."""
        assert isinstance(config, NuttcpConfig)
        return NuttcpHelper(config)


factory = NuttcpFactory()
