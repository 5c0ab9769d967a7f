"""DNS for the LAN: a caching proxy (RFC 5625) that also knows the LAN's own names."""

from typing import TYPE_CHECKING

from zope.interface import implementer

from ics_plugins.lan.dns.config import DnsConfig
from icsframework.interfaces import API_VERSION, IGateway, ILanService, ILanServiceFactory
from icsframework.values import Readiness, SystemInfo

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig

__all__ = ["DnsFactory", "factory"]


@implementer(ILanServiceFactory)
class DnsFactory:
    """Makes the one DNS service."""

    api_version = API_VERSION
    Config = DnsConfig

    def prepare(self, config: "PluginConfig", system: SystemInfo) -> Readiness:
        """Nothing but sockets is needed."""
        return Readiness.ready()

    def create(self, gateway: IGateway) -> ILanService:
        """See ILanServiceFactory."""
        from ics_plugins.lan.dns.service import DnsService

        return DnsService(gateway)


factory = DnsFactory()
