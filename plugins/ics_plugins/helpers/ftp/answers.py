"""What we say to a client in place of the server, in the form of RFC 959 section 4.2; and what was seen, in numbers."""

from dataclasses import dataclass

__all__ = [
    "BOUNCE",
    "EXPIRED",
    "LONG_FORM",
    "NO_PASSIVE_PORT",
    "NO_PORT",
    "OTHER_FAMILY",
    "SYNTAX",
    "Counters",
]

BOUNCE = (
    b"500 Refused by the gateway: data goes to your own address only, to a port above 1023 (RFC 2577).\r\n"
)
SYNTAX = b"501 The gateway does not understand this address.\r\n"
LONG_FORM = b"502 Not known to the gateway, use EPRT or EPSV.\r\n"
NO_PORT = b"425 The gateway has no port for the data connection, try passive mode.\r\n"
NO_PASSIVE_PORT = b"425 The gateway has no port for the data connection.\r\n"
EXPIRED = b"425 The port of your last PORT command has expired, send PORT again.\r\n"
OTHER_FAMILY = {
    4: b"522 Network protocol not supported, use (1)\r\n",
    6: b"522 Network protocol not supported, use (2)\r\n",
}
"""By the IP version of the control connection (RFC 2428 section 2)."""


@dataclass(slots=True)
class Counters:
    """What all sessions of one helper have seen.

    ``bounces`` refused (with the last one in words); ``unreadable`` addresses in commands or replies;
    ``no_port``: none was granted; ``expired``: a transfer came too late for its port; ``encrypted``, ``not_ftp``:
    sessions that were passed on unread; ``too_long`` and ``too_many``: sessions ended for a line or for commands
    that nobody waited for.
    """

    bounces: int = 0
    last_bounce: str = ""
    unreadable: int = 0
    no_port: int = 0
    expired: int = 0
    encrypted: int = 0
    not_ftp: int = 0
    too_long: int = 0
    too_many: int = 0
