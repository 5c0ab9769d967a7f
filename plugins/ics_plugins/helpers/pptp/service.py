"""PptpHelper: asks for the kernel's conntrack helper ``pptp``; nothing of the traffic is seen here.

The helper reads the control connection and keeps the calls of several hosts apart: it gives each an own
call id towards the server, lets the GRE packets of a call in to the host it belongs to, and ends
them with the control connection (RFC 2637 section 3.1.4; docs/protocols/pptp.md).
"""

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ics_plugins.helpers.pptp.config import PptpConfig
from icsframework.interfaces import IGateway, INatHelper
from icsframework.values import Applied, Attachment, KernelHelper, RestartMe

__all__ = ["PptpHelper"]

KERNEL_NAME = "pptp"
"""How the kernel calls it (nf_conntrack_pptp)."""


@implementer(INatHelper)
class PptpHelper(Service):
    """One entry ``plugin: pptp`` of the file."""

    def __init__(self, config: PptpConfig, gateway: IGateway) -> None:
        self._config = config
        gateway.status.details(lambda: {"ports": list(self._config.ports)})

    def attachments(self) -> Sequence[Attachment]:
        """See INatHelper."""
        return (KernelHelper(KERNEL_NAME, "tcp", self._config.ports),)

    def reconfigure(self, new: Any) -> "Deferred[Applied | RestartMe]":
        """Other ports are other attachments, nothing else."""
        assert isinstance(new, PptpConfig)
        self._config = new
        return succeed(Applied())
