"""A list of observers."""

from twisted.logger import Logger

from icsframework.observers import Observers


def test_observers_are_told_in_order_and_leave_once() -> None:
    """Ending a subscription twice does not end somebody else's."""
    observers, seen = Observers(Logger()), []
    end = observers.add(lambda value: seen.append(("a", value)))
    observers.add(lambda value: seen.append(("b", value)))
    observers.tell(1)
    end()
    end()
    observers.tell(2)
    assert seen == [("a", 1), ("b", 1), ("b", 2)]


def test_an_observer_that_raises_is_logged_and_the_rest_told() -> None:
    """One broken plugin does not silence the others."""
    log: list[dict[str, object]] = []
    observers, seen = Observers(Logger(observer=log.append)), []

    def bad(value: int) -> None:
        raise RuntimeError

    observers.add(bad)
    observers.add(seen.append)
    observers.tell(1)
    assert seen == [1]
    assert len(log) == 1
