"""Questions that are on their way, and everybody who waits for their answers.  Pure.

Equal questions share an exchange.  What one client, and all clients together,
may have waiting is bounded; a client that repeats itself waits once.
"""

from collections.abc import Sequence

from ics_plugins.lan.dns.actions import Waiter
from ics_plugins.lan.dns.cache import Key
from icsframework.protocols.dns.message import Response
from icsframework.values import Address, Endpoint

__all__ = ["Exchange", "WaitingRoom"]

RETRANSMISSION = 1.0
"""Seconds; an equal question of the same client after this replaces the one before, whatever its port."""
MAX_WAITING = 4096
"""Questions waiting in total: 1 MB or so, and a burst of a whole school."""
MAX_WAITING_CLIENT = 256
"""Questions waiting for one client: a browser's session restored, not a flood."""


class Exchange:
    """One question and its waiters.  ``key`` is None for one that is passed on as it is and never shared."""

    __slots__ = (
        "done", "fallback", "key", "query", "raw", "servers", "started", "tcp", "timeouts", "tried", "waiters",
    )  # fmt: skip

    def __init__(self, key: Key | None, waiter: Waiter, now: float) -> None:
        self.key = key
        self.query = waiter.query
        self.raw = waiter.raw
        self.tcp = bool(waiter.asker.connection)
        self.started = now
        self.waiters: list[Waiter] = []
        self.servers: Sequence[Endpoint] = ()
        self.done = False
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was tried."""
        self.tried: list[Endpoint] = []
        self.timeouts = 0
        self.fallback: tuple[bytes, Response] | None = None

    @property
    def has_untried_server(self) -> bool:
        """True while one of the servers was not asked yet."""
        return not set(self.servers) <= set(self.tried)


class WaitingRoom:
    """All exchanges that are not over."""

    def __init__(self) -> None:
        self._exchanges: set[Exchange] = set()
        self._shared: dict[tuple[Key, bool], Exchange] = {}
        self._by_client: dict[Address, int] = {}
        self.total = 0

    def find(self, key: Key | None, tcp: bool) -> Exchange | None:
        """The exchange that an equal question may join.  A question by TCP is asked by TCP (RFC 5625 section 4.4.1)."""
        return self._shared.get((key, tcp)) if key is not None else None

    def is_full(self, client: Address) -> bool:
        """True if one more question of this client is too many."""
        return self.total >= MAX_WAITING or self._by_client.get(client, 0) >= MAX_WAITING_CLIENT

    def open(self, key: Key | None, waiter: Waiter, now: float) -> Exchange:
        """A new exchange."""
        exchange = Exchange(key, waiter, now)
        self._exchanges.add(exchange)
        if key is not None:
            self._shared[key, exchange.tcp] = exchange
        self.join(exchange, waiter)
        return exchange

    def join(self, exchange: Exchange, waiter: Waiter) -> None:
        """One more waits."""
        client = waiter.asker.client
        exchange.waiters.append(waiter)
        self._by_client[client] = self._by_client.get(client, 0) + 1
        self.total += 1

    def leave(self, exchange: Exchange, waiter: Waiter) -> None:
        """One waits no more."""
        client = waiter.asker.client
        exchange.waiters.remove(waiter)
        self.total -= 1
        left = self._by_client[client] - 1
        if left:
            self._by_client[client] = left
        else:
            del self._by_client[client]

    def replace(self, exchange: Exchange, new: Waiter) -> None:
        """The client repeats itself: only the newest of its equal questions is answered."""
        asker = new.asker
        for old in exchange.waiters:
            again = old.asker == asker and (not asker.connection or old.query.id == new.query.id)
            late = not asker.connection and new.since - old.since >= RETRANSMISSION
            if again or (late and old.asker.client == asker.client):
                self.leave(exchange, old)
                return

    def leave_lan(self, lan: str) -> None:
        """Nobody of this LAN waits any more."""
        for exchange in self._exchanges:
            for waiter in [w for w in exchange.waiters if w.asker.lan == lan]:
                self.leave(exchange, waiter)

    def leave_before(self, exchange: Exchange, since: float) -> None:
        """Nobody waits who asked by UDP before this time; who asked by TCP is there, and asks once."""
        for waiter in [w for w in exchange.waiters if w.since < since and not w.asker.connection]:
            self.leave(exchange, waiter)

    def close(self, exchange: Exchange) -> list[Waiter]:
        """The exchange is over; returns who waited for it."""
        exchange.done = True
        self._exchanges.discard(exchange)
        if exchange.key is not None and self._shared.get((exchange.key, exchange.tcp)) is exchange:
            del self._shared[exchange.key, exchange.tcp]
        waiters = list(exchange.waiters)
        for waiter in waiters:
            self.leave(exchange, waiter)
        return waiters
