"""What an operator can set for FTP."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from ics_plugins.helpers.ftp.ports import LIFETIME
from icsframework.fields import CheckContext, Duration, Finding, NatHelperConfig, OneOrMore, Port

__all__ = ["FTPS_PORT", "FTP_PORT", "FtpConfig"]

FTP_PORT = 21
"""Where an FTP server listens (RFC 959 section 8)."""
FTPS_PORT = 990
"""FTP inside of TLS from the first byte: nothing that could be read."""
MAX_PORTS = 16
"""Ports that are watched; a network knows one server on an odd port, or two."""
SHORTEST, LONGEST = 10.0, 3600.0
"""Seconds: a server that looks for a file takes some; nothing is opened for longer by the core."""


class FtpConfig(NatHelperConfig):
    """The keys of ``plugin: ftp``."""

    ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=MAX_PORTS), OneOrMore()] = (FTP_PORT,)
    """The TCP ports of the servers' control connections; for a published server the port on its own host."""
    lifetime: Duration = LIFETIME
    """How long a port that a client or a published server has announced waits for its data connection."""
    published: bool = True
    """Whether published FTP servers are helped too, not only clients behind the gateway."""

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig."""
        for index, port in enumerate(self.ports):
            if port in self.ports[:index]:
                yield Finding(("ports", index), f"port {port} is there twice", "remove one of the two")
            if port == FTPS_PORT:
                yield Finding(
                    ("ports", index),
                    f"FTP on port {port} is encrypted from its first byte and passes unread",
                    "remove it; clients use passive mode there, which needs no help",
                    warning=True,
                )
        if not SHORTEST <= self.lifetime <= LONGEST:
            yield Finding(
                ("lifetime",),
                f"{self.lifetime:.15g} s is no time for a data connection to be made in",
                f"write a duration between {SHORTEST:g}s and {LONGEST / 3600:g}h",
            )
