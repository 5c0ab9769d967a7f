"""GamesHelper: turns profiles into triggers that the kernel carries out; nothing of the traffic is seen here."""

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from ics_plugins.helpers.games.config import GamesConfig
from ics_plugins.helpers.games.shipped import ProfileError
from ics_plugins.helpers.games.triggers import shown, triggers
from icsframework.errors import PluginError
from icsframework.interfaces import IGateway, INatHelper
from icsframework.values import Applied, Attachment, PortTrigger, RestartMe

__all__ = ["GamesHelper"]


@implementer(INatHelper)
class GamesHelper(Service):
    """One entry ``plugin: games`` of the file."""

    def __init__(self, config: GamesConfig, gateway: IGateway) -> None:
        """Raises PluginError if a shipped profile is damaged."""
        self._triggers = _read(config)
        gateway.status.details(self._details)

    def attachments(self) -> Sequence[Attachment]:
        """See INatHelper."""
        return self._triggers

    def reconfigure(self, new: Any) -> "Deferred[Applied | RestartMe]":
        """Other profiles are other attachments, nothing else."""
        assert isinstance(new, GamesConfig)
        try:
            self._triggers = _read(new)
        except PluginError as error:
            return fail(error)
        return succeed(Applied())

    def _details(self) -> dict[str, Any]:
        return {
            "profiles": {
                one.name: {
                    "outbound": [shown(span) for span in one.outbound],
                    "inbound": [shown(span) for span in one.inbound],
                    "lifetime": one.lifetime,
                }
                for one in self._triggers
            }
        }


def _read(config: GamesConfig) -> tuple[PortTrigger, ...]:
    try:
        return triggers(config.chosen())
    except ProfileError as error:
        raise PluginError(f"{error}; install ics again") from error
