"""Queries sent to servers and not answered yet.  Pure.

An answer is recognised by what an attacker must guess: the socket it comes to,
the id, and the server it claims to come from (RFC 5452 section 9.1).
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from ics_plugins.lan.dns.exchange import Exchange
from ics_plugins.lan.dns.servers import Server

__all__ = ["SLOTS", "Tries", "Try", "TryKey"]

SLOTS = 32
"""Sockets towards servers: 5 more bits an attacker must guess, for 10 % of the speed (RFC 5452 section 9.2)."""
MAX_DRAWS = 16
"""Random ids drawn until one is free; with a few thousand of two million taken, the second is free in practice."""

TryKey = tuple[int, tuple[str, int], int]
"""Socket, source address and id; for TCP -1, ("", 0) and the token."""


class Try:
    """One query to one server.  A ``probe`` is a copy for a failed server; its silence changes nothing."""

    __slots__ = ("exchange", "probe", "server", "tcp")

    def __init__(self, exchange: Exchange, server: Server, probe: bool = False, tcp: bool = False) -> None:
        self.exchange, self.server, self.probe, self.tcp = exchange, server, probe, tcp


class Tries:
    """All queries under way, by what their answers are recognised by, and when their time is over."""

    def __init__(self, random: Callable[[int], int]) -> None:
        self._random = random
        self._tries: dict[TryKey, Try] = {}
        self._timers: list[tuple[float, int, TryKey, Try]] = []
        self._serial = count(1)

    def add_udp(self, attempt: Try, until: float) -> TryKey | None:
        """A random socket and id that are free, or None."""
        for _ in range(MAX_DRAWS):
            drawn = self._random(SLOTS << 16)
            key = (drawn >> 16, attempt.server.source, drawn & 0xFFFF)
            if key not in self._tries:
                self._add(key, attempt, until)
                return key
        return None

    def add_tcp(self, attempt: Try, until: float) -> tuple[int, int]:
        """A token and a random id."""
        token = next(self._serial)
        self._add((-1, ("", 0), token), attempt, until)
        return token, self._random(1 << 16)

    def _add(self, key: TryKey, attempt: Try, until: float) -> None:
        self._tries[key] = attempt
        heappush(self._timers, (until, next(self._serial), key, attempt))

    def get(self, key: TryKey) -> Try | None:
        """The query that an answer with this key belongs to."""
        return self._tries.get(key)

    def remove(self, key: TryKey) -> None:
        """It is answered."""
        del self._tries[key]

    def take_tcp(self, token: int) -> Try | None:
        """The query with this token, which is over."""
        return self._tries.pop((-1, ("", 0), token), None)

    def expired(self, now: float) -> list[tuple[TryKey, Try]]:
        """Queries whose time is over; they are forgotten."""
        found = []
        while self._timers and self._timers[0][0] <= now:
            _, _, key, attempt = heappop(self._timers)
            if self._tries.get(key) is attempt:
                del self._tries[key]
                found.append((key, attempt))
        return found

    def deadline(self) -> float | None:
        """When to look for expired ones, or None."""
        return self._timers[0][0] if self._timers else None

    def withdraw(self) -> list[Exchange]:
        """The sockets are gone: forget all queries; returns the exchanges that still want an answer."""
        tries, self._tries, self._timers = self._tries, {}, []
        return list(dict.fromkeys(t.exchange for t in tries.values() if not t.exchange.done))
