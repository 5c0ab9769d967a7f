"""The DNS servers that are asked, and which of them answers.  Pure.

A server that left several questions in a row unanswered is passed over; now and
then a question is sent to it as well as to the one in use, so that its return
is noticed without anybody waiting for it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from icsframework.values import Endpoint

__all__ = ["Server", "Servers"]

MISSES_TO_FAIL = 3
"""Questions in a row without an answer; single ones are lost on any radio or busy modem line."""
RETRY_AFTER = 20.0
"""Seconds until a server that failed gets a question again."""


@dataclass(slots=True)
class Server:
    """One server.  ``source`` is what its datagrams come from, as recvfrom says it."""

    endpoint: Endpoint
    source: tuple[str, int] = field(init=False)
    misses: int = 0
    failed: bool = False
    retry_at: float = 0.0

    def __post_init__(self) -> None:
        self.source = str(self.endpoint.address), self.endpoint.port

    def answered(self) -> bool:
        """It answered; True if that is news."""
        news, self.failed, self.misses = self.failed, False, 0
        return news

    def missed(self, now: float) -> bool:
        """It did not answer in time; True if from now on it counts as failed."""
        self.misses += 1
        if self.failed or self.misses < MISSES_TO_FAIL:
            return False
        self.failed, self.retry_at = True, now + RETRY_AFTER
        return True


class Servers:
    """All servers known, by endpoint: those of the uplink and those configured for a LAN."""

    def __init__(self) -> None:
        self._known: dict[Endpoint, Server] = {}

    def keep(self, endpoints: Collection[Endpoint]) -> None:
        """Forget all others."""
        self._known = {endpoint: self.get(endpoint) for endpoint in endpoints}

    def get(self, endpoint: Endpoint) -> Server:
        """The server's record."""
        server = self._known.get(endpoint)
        if server is None:
            server = self._known[endpoint] = Server(endpoint)
        return server

    def choose(self, endpoints: Sequence[Endpoint], tried: Collection[Endpoint]) -> Server:
        """The one to ask: first those that answer, then the least tried, then in the order given."""
        counts = dict.fromkeys(endpoints, 0)
        for endpoint in tried:
            if endpoint in counts:
                counts[endpoint] += 1
        servers = [self.get(endpoint) for endpoint in endpoints]
        return min(servers, key=lambda server: (counts[server.endpoint], server.failed))

    def due(self, endpoints: Sequence[Endpoint], now: float) -> Server | None:
        """A failed server whose time has come to be tried again, or None."""
        for endpoint in endpoints:
            server = self._known.get(endpoint)
            if server is not None and server.failed and now >= server.retry_at:
                server.retry_at = now + RETRY_AFTER
                return server
        return None

    def details(self) -> list[dict[str, Any]]:
        """For status."""
        return [
            {"server": str(s.endpoint), "state": "failed" if s.failed else "ok", "unanswered": s.misses}
            for s in self._known.values()
        ]
