"""DHCP allocator: gives the hosts of a LAN addresses and tells them router and DNS server.

RFC 2131 (protocol), 2132 (options), 3046 and 6842 (what is echoed), 3396 (long
options), 3442, 3397 (routes and search lists as extra options), 4361 (client
identifiers), 4702 (names, the minimum).
"""

from typing import TYPE_CHECKING

from zope.interface import implementer

from ics_plugins.lan.dhcp.config import DhcpConfig
from icsframework.interfaces import API_VERSION, IGateway, ILanService, ILanServiceFactory
from icsframework.values import Readiness, SystemInfo

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig

__all__ = ["DhcpFactory", "factory"]


@implementer(ILanServiceFactory)
class DhcpFactory:
    """Makes the one DHCP allocator of a gateway."""

    api_version = API_VERSION
    Config = DhcpConfig

    def prepare(self, config: "PluginConfig", system: SystemInfo) -> Readiness:
        """Nothing but the kernel is needed; taken ports and absent interfaces show when a LAN is served."""
        return Readiness.ready()

    def create(self, gateway: IGateway) -> ILanService:
        """Build it; sockets are opened by ``serve``."""
        from ics_plugins.lan.dhcp.service import DhcpService

        return DhcpService(gateway)


factory = DhcpFactory()
