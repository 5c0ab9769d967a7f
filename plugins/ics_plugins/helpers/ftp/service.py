"""FtpHelper: watches FTP control connections, one FtpSession each; what they have seen is in ``ics status``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ics_plugins.helpers.ftp.answers import Counters
from ics_plugins.helpers.ftp.config import FtpConfig
from icsframework.interfaces import IGateway, INatHelper, ISession
from icsframework.values import Applied, Attachment, Flow, RestartMe, StreamProxy

__all__ = ["FtpHelper"]


@implementer(INatHelper)
class FtpHelper(Service):
    """One entry ``plugin: ftp`` of the file."""

    def __init__(self, config: FtpConfig, gateway: IGateway) -> None:
        self._config = config
        self._counters = Counters()
        gateway.status.details(self._details)

    def attachments(self) -> Sequence[Attachment]:
        """See INatHelper."""
        outbound = StreamProxy(self._config.ports, self.session)
        inbound = StreamProxy(self._config.ports, self.session, "inbound")
        return (outbound, inbound) if self._config.published else (outbound,)

    def session(self, flow: Flow) -> ISession:
        """A session for one control connection."""
        from ics_plugins.helpers.ftp.sessions import (
            FtpSession,  # not on the way to the first answer of the gateway
        )

        return FtpSession(flow, self._counters, self._config.lifetime)

    def reconfigure(self, new: Any) -> "Deferred[Applied | RestartMe]":
        """Other ports are other attachments; sessions that run go on with the lifetime they began with."""
        assert isinstance(new, FtpConfig)
        self._config = new
        return succeed(Applied())

    def _details(self) -> dict[str, Any]:
        return {"ports": list(self._config.ports), **asdict(self._counters)}
