"""Connections that wait until it is known which uplink is theirs; with a whole shell in test_stream.py."""

import pytest

from icsframework.helpers.waiting import PATIENCE, Waiting
from icsframework.testing.gateway import FakeClock


class Bench:
    """Names wait instead of flows; those in ``ready`` can be decided."""

    def __init__(self):
        self.clock = FakeClock()
        self.ready = set()
        self.asked = []
        self.waiting = Waiting(self.clock, self._decide)

    def _decide(self, flow, now):
        self.asked.append((flow, now))
        return now or flow in self.ready


class Ended(str):
    """A name that remembers why it ended."""

    reason = ""

    def end(self, reason):
        self.reason = reason


@pytest.fixture
def bench():
    return Bench()


def test_each_is_decided_once(bench):
    """When it can be, in the order in which they came; the others wait on, and at last must be."""
    for name in "abc":
        bench.waiting.add(name)
    bench.ready = {"a", "c"}
    bench.waiting.look()
    assert bench.asked == [("a", False), ("b", False), ("c", False)]
    assert len(bench.waiting) == 1
    bench.clock.clock.advance(PATIENCE)
    assert bench.asked[3:] == [("b", True)]
    bench.waiting.look()
    bench.clock.clock.advance(PATIENCE)
    assert (len(bench.asked), len(bench.waiting), bench.clock.clock.getDelayedCalls()) == (4, 0, [])


def test_the_time_is_that_of_each(bench):
    """From when it came."""
    bench.waiting.add("a")
    bench.clock.clock.advance(PATIENCE / 2)
    bench.waiting.add("b")
    bench.clock.clock.advance(PATIENCE / 2)
    assert bench.asked == [("a", True)]
    bench.clock.clock.advance(PATIENCE / 2)
    assert bench.asked == [("a", True), ("b", True)]


def test_a_decision_may_be_to_wait_anew(bench):
    """It asked for a link that was there at once, and the rest is not yet: its time begins again."""
    bench.waiting.add("a")
    bench.clock.clock.advance(PATIENCE / 2)
    bench.ready, decide = {"a"}, bench._decide
    bench.waiting._decide = lambda flow, now: bench.waiting.add(flow) or decide(flow, now)
    bench.waiting.look()
    bench.waiting._decide = decide
    bench.clock.clock.advance(PATIENCE / 2)
    assert (bench.asked, len(bench.waiting)) == ([("a", False)], 1)
    bench.clock.clock.advance(PATIENCE / 2)
    assert (bench.asked[1:], bench.clock.clock.getDelayedCalls()) == ([("a", True)], [])


def test_an_end_is_for_all(bench):
    """Nobody is asked about them any more."""
    flows = [Ended("a"), Ended("b")]
    for flow in flows:
        bench.waiting.add(flow)
    bench.waiting.end("the helper stops")
    assert [flow.reason for flow in flows] == ["the helper stops"] * 2
    assert (bench.asked, len(bench.waiting), bench.clock.clock.getDelayedCalls()) == ([], 0, [])
