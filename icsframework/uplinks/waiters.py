"""Those who wait for one uplink's link."""

from twisted.internet.defer import Deferred

from icsframework.errors import IcsError
from icsframework.values import Link

__all__ = ["Waiters"]


class Waiters:
    """Who is cancelled leaves; the others go on waiting, and so does the uplink with its connect."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[Link]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self) -> Deferred[Link]:
        """One more."""
        waiter: Deferred[Link] = Deferred(self._forget)
        self._waiting.append(waiter)
        return waiter

    def grant(self, link: Link) -> None:
        """The link is in force."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:  # one of them may have cancelled another
                waiter.callback(link)

    def refuse(self, error: IcsError) -> None:
        """There will be none."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:
                waiter.errback(error)

    def _forget(self, waiter: Deferred[Link]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
