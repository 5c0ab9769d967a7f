"""Sessions work a slice at a time."""

import pytest

from icsframework.helpers.turns import SLICE, Turns


class Reactor:
    """A clock whose calls are made one turn after the other, as a reactor makes them."""

    def __init__(self):
        self.time = 0.0
        self.calls = []

    def now(self):
        return self.time

    def call_later(self, delay, function):
        assert delay == 0
        self.calls.append(function)
        return function

    def turn(self):
        due, self.calls = self.calls, []
        for call in due:
            call()


class Works:
    """Pieces of work that take ``seconds`` each, and what was done."""

    def __init__(self, seconds):
        self.reactor = Reactor()
        self.turns = Turns(self.reactor)
        self.seconds = seconds
        self.done = []

    def take(self, name):
        return self.turns.take(lambda: self.work(name))

    def work(self, name):
        self.done.append(name)
        self.reactor.time += self.seconds


def test_what_is_quick_is_done_at_once():
    """Nothing waits while there is time."""
    works = Works(SLICE / 100)
    assert [works.take(name) for name in range(99)] == [True] * 99
    assert works.done == list(range(99))


def test_when_the_slice_is_used_up_the_rest_waits_in_order():
    """One turn of the reactor after the other, each for one slice; who comes later waits behind them."""
    works = Works(SLICE)
    assert [works.take(name) for name in "abc"] == [True, False, False]
    assert works.done == ["a"]
    works.seconds = 0.4 * SLICE
    works.reactor.turn()
    assert works.done == ["a", "b", "c"]
    works.seconds = SLICE
    assert [works.take(name) for name in "def"] == [True, False, False]
    works.reactor.turn()
    assert works.done == [*"abcde"]
    assert not works.take("g")
    works.reactor.turn()
    assert works.done == [*"abcdef"]
    works.reactor.turn()
    assert works.done == [*"abcdefg"]
    assert works.reactor.calls == []


def test_a_pause_makes_up_for_work():
    """Who worked long once is not made to wait for ever."""
    works = Works(10 * SLICE)
    works.take("long")
    works.reactor.time += 9.5 * SLICE
    assert works.take("after a pause")
    assert not works.take("at once")


def test_a_failure_does_not_stop_the_others():
    """Whoever waits behind one that raises has a turn all the same."""
    works = Works(SLICE)
    works.take("first")

    def broken():
        raise LookupError

    works.turns.take(broken)
    works.take("last")
    with pytest.raises(LookupError):
        works.reactor.turn()
    works.reactor.turn()
    assert works.done == ["first", "last"]
