"""Who wants a link for which name, while there is none.  Pure.

Each client and name is asked for on its own, so that a name which may not dial
holds up none that may; the supervisor makes one dial of them.  What was refused
is remembered for some seconds: a stub resolver that repeats itself asks nobody
again.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable

from ics_plugins.lan.dns.actions import Dial
from icsframework.values import Address

__all__ = ["MAX_ASKED", "MAX_ASKED_CLIENT", "MAX_QUEUED", "MAX_REFUSED", "REFUSAL_MEMORY", "Wishes"]

MAX_ASKED = 256
"""Wishes under way in total: each is a request to the supervisor that waits for the end of the dial."""
MAX_ASKED_CLIENT = 32
"""Wishes under way of one client: the names of a page or two; what waits behind them is answered with them."""
MAX_QUEUED = 4096
"""Wishes that wait for their turn: as many as questions may wait."""
REFUSAL_MEMORY = 5.0
"""Seconds a refusal is repeated without asking (RFC 9520 section 3.2 wants 1 at least): until a stub resolver has tried the
other servers it knows, which are we again.  A change of hours or rules is seen after that.
"""
MAX_REFUSED = 4096
"""Refusals remembered, about 1 MB; the oldest go first."""


class Wishes:
    """``waits`` says whether somebody still waits for what a wish in the queue is about."""

    def __init__(self, waits: Callable[[Dial], bool]) -> None:
        self._waits = waits
        self._asked: set[Dial] = set()
        self._of_client: Counter[Address] = Counter()
        self._queue: dict[Address, dict[Dial, None]] = {}
        self._queued = 0
        self._refused: OrderedDict[Dial, tuple[str, float]] = OrderedDict()

    def refusal(self, wish: Dial, now: float) -> str | None:
        """Why this was refused a moment ago; None if it was not."""
        reason, until = self._refused.get(wish, ("", 0.0))
        return reason if now < until else None

    def want(self, wish: Dial) -> list[Dial]:
        """Somebody wants it; what is to be asked for now.  One that is asked for already is not asked for again."""
        mine = self._queue.get(wish.client, {})
        if wish not in self._asked and wish not in mine and self._queued < MAX_QUEUED:
            self._queue.setdefault(wish.client, {})[wish] = None
            self._queued += 1
        return self._take()

    def over(self, wish: Dial) -> list[Dial]:
        """It has had its answer; what is to be asked for now."""
        if wish in self._asked:
            self._asked.remove(wish)
            self._of_client[wish.client] -= 1
            if not self._of_client[wish.client]:
                del self._of_client[wish.client]
        return self._take()

    def refuse(self, wish: Dial, reason: str, now: float) -> None:
        """Its answer was no."""
        self._refused[wish] = reason, now + REFUSAL_MEMORY
        self._refused.move_to_end(wish)
        while len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)

    def fulfilled(self) -> None:
        """There is a link: nothing is wanted any more, and what was refused may be otherwise when it is gone."""
        self._queue.clear()
        self._refused.clear()
        self._queued = 0

    def _take(self) -> list[Dial]:
        taken: list[Dial] = []
        for client in tuple(self._queue):
            if len(self._asked) >= MAX_ASKED:
                break
            taken += self._take_of(client)
        return taken

    def _take_of(self, client: Address) -> list[Dial]:
        mine, taken = self._queue[client], []
        while mine and len(self._asked) < MAX_ASKED and self._of_client[client] < MAX_ASKED_CLIENT:
            wish = next(iter(mine))
            del mine[wish]
            self._queued -= 1
            if self._waits(wish):
                self._asked.add(wish)
                self._of_client[client] += 1
                taken.append(wish)
        if not mine:
            del self._queue[client]
        return taken
