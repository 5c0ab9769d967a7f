"""Games and other programs whose servers call back: ports that open when such a program speaks to the Internet."""

from typing import TYPE_CHECKING

from zope.interface import implementer

from ics_plugins.helpers.games.config import GamesConfig
from icsframework.interfaces import API_VERSION, IGateway, INatHelper, INatHelperFactory
from icsframework.values import Readiness, SystemInfo

if TYPE_CHECKING:
    from icsframework.fields import PluginConfig

__all__ = ["GamesFactory", "factory"]


@implementer(INatHelperFactory)
class GamesFactory:
    """Makes GamesHelper."""

    api_version = API_VERSION
    Config = GamesConfig

    def prepare(self, config: "PluginConfig", system: SystemInfo) -> Readiness:
        """Every kernel that the gateway runs on can do it."""
        return Readiness.ready()

    def create(self, config: "PluginConfig", gateway: IGateway) -> INatHelper:
        """See INatHelperFactory."""
        from ics_plugins.helpers.games.service import GamesHelper

        assert isinstance(config, GamesConfig)
        return GamesHelper(config, gateway)


factory = GamesFactory()
