"""Questions that wait for a link, by their time and by who wants which name.  Pure."""

from ics_plugins.lan.dns.actions import Dial, Waiter
from ics_plugins.lan.dns.exchange import Exchange
from icsframework.protocols.dns.name import name_to_text

__all__ = ["HOLD", "Held"]

HOLD = 60.0
"""Seconds a question waits for a link; dialling a modem takes up to 45."""


class Held:
    """Exchanges in the order in which their time runs out."""

    def __init__(self) -> None:
        self._until: dict[Exchange, tuple[float, str]] = {}
        self._by_name: dict[str, dict[Exchange, None]] = {}

    def __contains__(self, exchange: Exchange) -> bool:
        return exchange in self._until

    def add(self, exchange: Exchange, now: float) -> None:
        """It waits from now on."""
        name = name_to_text(exchange.query.qname).lower()
        self._until[exchange] = now + HOLD, name
        self._by_name.setdefault(name, {})[exchange] = None

    def discard(self, exchange: Exchange) -> None:
        """It waits no more."""
        _, name = self._until.pop(exchange, (0.0, ""))
        named = self._by_name.get(name, {})
        named.pop(exchange, None)
        if not named:
            self._by_name.pop(name, None)

    def wish(self, exchange: Exchange, waiter: Waiter) -> Dial:
        """What a waiter of a held exchange wants."""
        return Dial(waiter.asker.client, self._until[exchange][1])

    def waiters(self, wish: Dial) -> list[tuple[Exchange, list[Waiter]]]:
        """Who waits for what ``wish`` is about: questions of one client for one name, of any kind."""
        found = []
        for exchange in self._by_name.get(wish.name, {}):
            mine = [waiter for waiter in exchange.waiters if waiter.asker.client == wish.client]
            if mine:
                found.append((exchange, mine))
        return found

    def deadline(self) -> float | None:
        """When the first one's time is over, or None."""
        return next((until for until, _ in self._until.values()), None)

    def all(self) -> list[Exchange]:
        """Every one, the longest held first."""
        return list(self._until)

    def expired(self, now: float) -> list[Exchange]:
        """Those whose time is over."""
        found = []
        for exchange, (until, _) in self._until.items():
            if until > now:
                break
            found.append(exchange)
        return found
