"""Waiting for a plugin, but not for ever."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from icsframework.patience import PATIENCE, after, within
from icsframework.testing.gateway import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """Time moved by hand."""
    return FakeClock()


def outcome(deferred: "Deferred[Any]") -> list[Any]:
    """What it fires with, as soon as it does."""
    got: list[Any] = []
    deferred.addCallbacks(got.append, lambda why: got.append(why.getErrorMessage()))
    return got


def test_an_answer_in_time_comes_through(clock: FakeClock) -> None:
    """A result or an error, at once or later; no timer is left."""
    later: Deferred[int] = Deferred()
    got = [outcome(within(clock, "x", answer)) for answer in (succeed(1), fail(ValueError("no")), later)]
    later.callback(3)
    assert got == [[1], ["no"], [3]]
    assert clock.clock.getDelayedCalls() == []


def test_who_never_answers_is_named(clock: FakeClock) -> None:
    """The call is cancelled, and what it says afterwards is dropped."""
    cancelled: list[Any] = []
    got = outcome(within(clock, "disconnect of plugin chess", Deferred(cancelled.append)))
    clock.clock.advance(PATIENCE - 1)
    assert got == []
    clock.clock.advance(1)
    assert got == ["disconnect of plugin chess did not end within 20 s; restart it, and tell its author"]
    assert len(cancelled) == 1


def test_who_stops_waiting_cancels_the_call(clock: FakeClock) -> None:
    """Cancelling goes through to the plugin."""
    cancelled: list[Any] = []
    waiting = within(clock, "x", Deferred(cancelled.append))
    got = outcome(waiting)
    waiting.cancel()
    assert (len(cancelled), len(got)) == (1, 1)
    assert clock.clock.getDelayedCalls() == []


def test_waiting_for_what_others_wait_for_too() -> None:
    """It fires after it, whatever the result, which stays theirs."""
    for result, theirs in ((succeed(7), 7), (fail(ValueError("no")), "no")):
        assert (outcome(after(result)), outcome(result)) == ([None], [theirs])


def test_giving_up_to_wait_leaves_the_work_alone() -> None:
    """It is not cancelled, and ends as it would."""
    work: Deferred[int] = Deferred()
    waiting = after(work)
    assert outcome(waiting) == []
    waiting.cancel()
    assert not work.called
