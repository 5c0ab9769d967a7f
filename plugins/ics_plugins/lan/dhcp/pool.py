"""The addresses that may be given out, and which of them comes next.

Each address of the pool is in one of four states: *fresh* (never used; they
come in order from the lowest), *idle* (given back without a binding worth
remembering), *past* (its lease expired; it still is the previous address of its
client) or *taken* (leased, offered or quarantined).  ``next`` prefers them in
this order, the past ones oldest first, so a client that was away finds its
address again for as long as possible.  Everything is O(1), whatever the size.
"""

from collections import OrderedDict
from collections.abc import Container


class Pool:
    """Addresses ``first`` to ``last`` (both included) without the ``excluded``."""

    def __init__(self, first: int, last: int, excluded: Container[int] = frozenset()) -> None:
        self.first = first
        self.last = last
        self._excluded = excluded
        self._fresh = first  # everything below has been used or passed over
        self._idle: OrderedDict[int, None] = OrderedDict()
        self._past: OrderedDict[int, None] = OrderedDict()
        self._taken: set[int] = set()

    def __contains__(self, address: int) -> bool:
        """True if the pool may give this address out at all."""
        return self.first <= address <= self.last and address not in self._excluded

    @property
    def taken(self) -> int:
        """How many are leased, offered or quarantined."""
        return len(self._taken)

    def is_free(self, address: int) -> bool:
        """True if the pool may give this address out now."""
        return address in self and address not in self._taken

    def take(self, address: int) -> None:
        """The address is leased, offered or quarantined from now on; others than the pool's own are ignored."""
        if address in self:
            self._idle.pop(address, None)
            self._past.pop(address, None)
            self._taken.add(address)

    def give_back(self, address: int) -> None:
        """The address is free and nobody's."""
        if address in self:
            self._taken.discard(address)
            self._past.pop(address, None)
            self._idle[address] = None

    def retire(self, address: int) -> None:
        """The address is free, and the previous one of some client."""
        if address in self:
            self._taken.discard(address)
            self._idle.pop(address, None)
            self._past.pop(address, None)
            self._past[address] = None

    def next(self) -> int | None:
        """The address to give to a client without a claim to another, or None if all are taken."""
        while self._fresh <= self.last:
            address = self._fresh
            used = address in self._taken or address in self._idle or address in self._past
            if not used and address not in self._excluded:
                return address
            self._fresh += 1
        for queue in (self._idle, self._past):
            if queue:
                return next(iter(queue))
        return None
