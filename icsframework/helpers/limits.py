"""What a helper, a client and one session may take up.  Pure."""

from icsframework.frozen import dataclass

__all__ = [
    "CLIENT_SHARE",
    "FEW_SESSIONS",
    "LONGEST_LIFETIME",
    "LOWEST_PORT",
    "MOST_ACTIONS",
    "MOST_BYTES",
    "MOST_CALLS",
    "MOST_KEPT",
    "Limits",
]

LOWEST_PORT = 1024
"""No mapping leads to a port below: those are services of the inside host, which no peer may reach (RFC 2577 section 3)."""

LONGEST_LIFETIME = 3600.0
"""Seconds that a session may ask a mapping to last; more is cut to this.  It ends with its flow anyway."""

MOST_ACTIONS = 100_000
"""Actions in one answer: more than one a byte of the largest read (64 kB), so that no session of good will meets it."""

MOST_CALLS = 10_000
"""Calls of the session that one input may lead to: three Opens a line of FTP in the largest read; beyond, it asks without end."""

MOST_BYTES = 1 << 20
"""Bytes of all Sends that may wait to be carried out: sixteen of the largest reads, where rewriting adds a few bytes."""

MOST_KEPT = 1 << 16
"""Bytes of each side kept for ``fail: open`` that the session has not passed on yet: one read; no line is longer."""

CLIENT_SHARE = 4
"""One client may take a quarter of a helper's sessions, so that it cannot shut out the others."""

FEW_SESSIONS = 16
"""Below this number of sessions a client may have them all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The ``limits:`` of one helper: ``sessions`` at a time, ``expectations`` (ports) of one session, seconds ``idle``."""

    sessions: int = 1000
    expectations: int = 32
    idle: float = 86400.0

    @property
    def per_client(self) -> int:
        """Sessions that one client's address may have at a time."""
        return max(min(self.sessions, FEW_SESSIONS), self.sessions // CLIENT_SHARE)
