"""The ``ethernet`` uplink: a network interface with an address by DHCP (RFC 2131) or a static one."""

from collections.abc import Callable

from zope.interface import implementer

from ics_plugins.uplinks.ethernet.config import EthernetConfig
from icsframework.fields import PluginConfig
from icsframework.interfaces import IGateway, IUplink, IUplinkFactory
from icsframework.values import Readiness, SystemInfo, UplinkSettings, UplinkState

__all__ = ["EthernetFactory", "factory"]


@implementer(IUplinkFactory)
class EthernetFactory:
    """Makes EthernetUplink."""

    api_version = 1
    Config = EthernetConfig

    def prepare(self, config: PluginConfig, system: SystemInfo) -> Readiness:
        """See IPluginFactory: any Linux can do it."""
        return Readiness.ready()

    def create(
        self, config: UplinkSettings, gateway: IGateway, observer: Callable[[UplinkState], None]
    ) -> IUplink:
        """See IUplinkFactory."""
        from twisted.internet import reactor

        from ics_plugins.uplinks.ethernet.uplink import EthernetUplink

        return EthernetUplink(config, gateway, observer, reactor)


factory = EthernetFactory()
