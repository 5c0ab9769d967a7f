"""The ``dialup`` uplink: PPP over a modem, a cellular modem's AT port, or a null-modem cable."""

from collections.abc import Callable

from zope.interface import implementer

from ics_plugins.uplinks.dialup.config import DialupConfig
from icsframework.fields import PluginConfig
from icsframework.interfaces import IGateway, IUplink, IUplinkFactory
from icsframework.values import Readiness, SystemInfo, UplinkSettings, UplinkState

__all__ = ["DialupFactory", "factory"]


@implementer(IUplinkFactory)
class DialupFactory:
    """Makes DialupUplink."""

    api_version = 1
    Config = DialupConfig

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory: PPP is our own, so any Linux with TUN can do it; a modem may be plugged in later."""
        return Readiness.ready()

    def create(
        self, config: UplinkSettings, gateway: IGateway, observer: Callable[[UplinkState], None]
    ) -> IUplink:
        """See IUplinkFactory."""
        from random import random
        from secrets import token_bytes

        from twisted.internet import reactor

        from ics_plugins.uplinks.dialup.uplink import DialupUplink

        return DialupUplink(config, gateway, observer, reactor, token_bytes, random)


factory = DialupFactory()
