"""Lists of observers, of which none can disturb the others or the one who tells them."""

from collections.abc import Callable

from twisted.logger import Logger

from icsframework.interfaces import Unwatch


class Observers:
    """Callables told in the order they came; what one raises is logged."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._observers: dict[object, Callable[..., object]] = {}  # by a token: one callable may come twice

    def add(self, observer: Callable[..., object]) -> Unwatch:
        """Add one; returns a callable that takes it away (and does nothing the second time)."""
        token = object()
        self._observers[token] = observer

        def unwatch() -> None:
            self._observers.pop(token, None)

        return unwatch

    def tell(self, *values: object) -> None:
        """Tell all of them; one that is taken away meanwhile is not told any more."""
        for token, observer in tuple(self._observers.items()):
            if token in self._observers:
                self.tell_one(observer, *values)

    def tell_one(self, observer: Callable[..., object], *values: object) -> None:
        """Tell one, which need not be in the list."""
        try:
            observer(*values)
        except Exception:  # noqa: BLE001 - whatever a stranger's observer raises, the others are told
            self._log.failure("an observer failed on {values}", values=values)


class Watches:
    """The subscriptions of one owner, so that they can be ended together."""

    def __init__(self) -> None:
        self._ends: dict[object, Unwatch] = {}

    def keep(self, end: Unwatch) -> Unwatch:
        """Remember one until it is ended; returns what ends it."""
        token = object()
        self._ends[token] = end

        def unwatch() -> None:
            self._ends.pop(token, None)
            end()

        return unwatch

    def release(self) -> None:
        """End them all."""
        while self._ends:
            self._ends.popitem()[1]()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ends)
