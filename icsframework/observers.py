"""A list of observers, of which none can disturb the others or the one who tells them."""

from collections.abc import Callable

from twisted.logger import Logger

from icsframework.interfaces import Unwatch


class Observers:
    """Callables told in the order they came; what one raises is logged."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._observers: list[Callable[..., object]] = []

    def add(self, observer: Callable[..., object]) -> Unwatch:
        """Add one; returns a callable that takes it away (and does nothing the second time)."""
        self._observers.append(observer)

        def unwatch() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return unwatch

    def tell(self, *values: object) -> None:
        """Tell all of them."""
        for observer in tuple(self._observers):
            self.tell_one(observer, *values)

    def tell_one(self, observer: Callable[..., object], *values: object) -> None:
        """Tell one, which need not be in the list."""
        try:
            observer(*values)
        except Exception:  # noqa: BLE001 - whatever a stranger's observer raises, the others are told
            self._log.failure("an observer failed on {values}", values=values)
