"""What an operator can set for PPTP."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from icsframework.fields import CheckContext, Finding, NatHelperConfig, OneOrMore, Port

__all__ = ["PPTP_PORT", "PptpConfig"]

PPTP_PORT = 1723
"""Where a PPTP server listens (RFC 2637 section 1.3)."""
MAX_PORTS = 16
"""Ports with the helper; a network knows one server on an odd port, or two."""


class PptpConfig(NatHelperConfig):
    """The keys of ``plugin: pptp``."""

    ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=MAX_PORTS), OneOrMore()] = (PPTP_PORT,)
    """The TCP ports of the servers' control connections."""

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig: a port that is there twice is a slip."""
        for index, port in enumerate(self.ports):
            if port in self.ports[:index]:
                yield Finding(("ports", index), f"port {port} is there twice", "remove one of the two")
