"""Which name a client was told for an address: the cause of what it sends there.  Pure.

A client keeps what it was told as long as the TTL says, and many a program longer;
so does this memory, that a link which was hung up meanwhile has a name for its next
dial.  One client cannot make others' names be forgotten: its share is bounded, and
when the whole is full the client that asked least lately loses its oldest.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from icsframework.values import Address

__all__ = ["LONGEST_MEMORY", "MOST_NAMES", "MOST_NAMES_CLIENT", "SHORTEST_MEMORY", "NamesTold", "memory"]

MOST_NAMES = 16384
"""(client, address) pairs remembered: a day's browsing of some twenty people, about 4 MB."""
MOST_NAMES_CLIENT = 2048
"""Addresses remembered of one client: an eighth of the whole; a day's browsing."""
SHORTEST_MEMORY = 7200.0
"""Seconds a name stays the reason for what a client sends, however short its TTL: programs that keep their connection open use an address long after."""
LONGEST_MEMORY = 86400.0
"""Seconds after which a name is forgotten, however long its TTL: the DNS proxy keeps no answer longer."""


def memory(ttl: float) -> float:
    """Seconds a name is remembered that a client may use for ``ttl`` seconds."""
    return min(max(ttl, SHORTEST_MEMORY), LONGEST_MEMORY)


class NamesTold:
    """See the module; times are seconds of IClock.now."""

    def __init__(self) -> None:
        self._clients: OrderedDict[Address, OrderedDict[Address, tuple[str, float]]] = OrderedDict()
        """The client that was told last is the last; so is the address."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def told(self, client: Address, name: str, addresses: Sequence[Address], ttl: float, now: float) -> None:
        """``client`` was told that ``name`` has these addresses for ``ttl`` seconds."""
        if not addresses:
            return
        until = now + memory(ttl)
        names = self._clients.setdefault(client, OrderedDict())
        self._clients.move_to_end(client)
        before = len(names)
        for address in addresses:
            names[address] = name, until
            names.move_to_end(address)
        while len(names) > MOST_NAMES_CLIENT:
            names.popitem(last=False)
        self._count += len(names) - before
        while self._count > MOST_NAMES:
            self._forget_one()

    def _forget_one(self) -> None:
        client, names = next(iter(self._clients.items()))
        names.popitem(last=False)
        self._count -= 1
        if not names:
            del self._clients[client]

    def known(self, now: float) -> Iterator[tuple[Address, str, Address, float]]:
        """All of it: client, name, address, and the seconds that are left."""
        for client, names in self._clients.items():
            for address, (name, until) in names.items():
                if now < until:
                    yield client, name, address, until - now

    def lookup(self, client: Address, address: Address, now: float) -> str:
        """The name that ``client`` was told last for ``address``; "" if none, or too long ago."""
        names = self._clients.get(client)
        name, until = names.get(address, ("", 0.0)) if names is not None else ("", 0.0)
        return name if now < until else ""
