"""A list of observers."""

from twisted.logger import Logger

from icsframework.observers import Observers, Watches


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


def test_the_same_callable_may_watch_twice() -> None:
    """Each subscription ends by itself, and only once."""
    observers, seen = Observers(Logger()), []
    end = observers.add(seen.append)
    observers.add(seen.append)
    end()
    end()
    observers.tell(1)
    assert seen == [1]


def test_who_left_while_others_are_told_is_not_told() -> None:
    """A plugin that was stopped by what another one did hears no more of it."""
    observers, seen = Observers(Logger()), []
    ends = []
    observers.add(lambda value: ends[0]())
    ends.append(observers.add(seen.append))
    observers.tell(1)
    assert seen == []


def test_watches_end_together_or_by_themselves() -> None:
    """What has ended is not remembered: an owner that lives long and watches often costs nothing."""
    watches, ended = Watches(), []
    first = watches.keep(lambda: ended.append("first"))
    watches.keep(lambda: ended.append("second"))
    first()
    assert (ended, len(watches)) == (["first"], 1)
    watches.release()
    assert (ended, len(watches)) == (["first", "second"], 0)
