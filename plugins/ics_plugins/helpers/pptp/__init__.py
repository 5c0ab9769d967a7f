"""PPTP (RFC 2637) for several hosts behind one address, by the kernel's own helper."""

from typing import TYPE_CHECKING

from zope.interface import implementer

from ics_plugins.helpers.pptp.config import PptpConfig
from icsframework.interfaces import API_VERSION, IGateway, INatHelper, INatHelperFactory
from icsframework.values import Readiness, SystemInfo

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig

__all__ = ["PptpFactory", "factory"]


@implementer(INatHelperFactory)
class PptpFactory:
    """Makes PptpHelper."""

    api_version = API_VERSION
    Config = PptpConfig

    def prepare(self, config: "PluginConfig", system: SystemInfo) -> Readiness:
        """Whether the kernel has the helper is found out by the core, which asks nft."""
        return Readiness.ready()

    def create(self, config: "PluginConfig", gateway: IGateway) -> INatHelper:
        """See INatHelperFactory."""
        from ics_plugins.helpers.pptp.service import PptpHelper

        assert isinstance(config, PptpConfig)
        return PptpHelper(config, gateway)


factory = PptpFactory()
