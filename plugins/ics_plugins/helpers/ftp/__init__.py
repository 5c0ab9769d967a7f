"""FTP (RFC 959, 1123 section 4.1, 2228, 2428, 2577, 4217) in active mode from behind the gateway, and to published servers."""

from typing import TYPE_CHECKING

from zope.interface import implementer

from ics_plugins.helpers.ftp.config import FtpConfig
from icsframework.interfaces import API_VERSION, IGateway, INatHelper, INatHelperFactory
from icsframework.values import Readiness, SystemInfo

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig

__all__ = ["FtpFactory", "factory"]


@implementer(INatHelperFactory)
class FtpFactory:
    """Makes FtpHelper."""

    api_version = API_VERSION
    Config = FtpConfig

    def prepare(self, config: "PluginConfig", system: SystemInfo) -> Readiness:
        """Nothing but what the core needs is needed."""
        return Readiness.ready()

    def create(self, config: "PluginConfig", gateway: IGateway) -> INatHelper:
        """See INatHelperFactory."""
        from ics_plugins.helpers.ftp.service import FtpHelper

        assert isinstance(config, FtpConfig)
        return FtpHelper(config, gateway)


factory = FtpFactory()
