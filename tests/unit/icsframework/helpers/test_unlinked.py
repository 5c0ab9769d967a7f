"""Connections that wait for a link: asked for one by one, bounded in time; with a whole shell in test_stream_no_link.py."""

from ipaddress import ip_address

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from icsframework.errors import UplinkFailed, UplinkRefused
from icsframework.helpers.unlinked import LINK_PATIENCE, LOOK, TOO_LATE, Unlinked
from icsframework.testing.gateway import FakeClock
from icsframework.testing.stream import Lines
from icsframework.values import Endpoint

PC, OTHER = ip_address("192.168.0.10"), ip_address("192.168.0.11")
SERVER = Endpoint(ip_address("192.0.2.80"), 21)


class Flow(str):
    """A name that remembers why it ended."""

    ended = None

    def end(self, reason):
        self.ended = reason


class Bench:
    """Names wait; ``asked`` has every request, ``told`` what became of them."""

    def __init__(self, looks=True):
        self.clock = FakeClock()
        self.log = Lines()
        self.asked, self.told, self.gone = [], [], set()
        self.cancelled = []
        self.answer = lambda: Deferred(self.cancelled.append)
        self.waiting = Unlinked(
            self.clock,
            self.log,
            self._ask,
            lambda flow: self.told.append((flow, "linked")),
            lambda flow, client, wanted, reason: self.told.append((flow, str(client), str(wanted), reason)),
            (lambda flow: flow not in self.gone) if looks else None,
        )

    def _ask(self, client, wanted):
        self.asked.append((client, wanted, self.answer()))
        return self.asked[-1][2]

    def add(self, name, client=PC, port=40000):
        flow = Flow(name)
        self.waiting.add(flow, Endpoint(client, port), SERVER)
        return flow

    @property
    def idle(self):
        return not len(self.waiting) and not self.clock.clock.getDelayedCalls()


@pytest.fixture
def bench():
    return Bench()


def test_each_has_its_own_answer(bench):
    """One is refused, another gets its link; nothing waits then."""
    for name in "abc":
        bench.add(name)
    assert (len(bench.waiting), bench.waiting.of(PC), bench.waiting.of(OTHER)) == (3, 3, 0)
    bench.asked[1][2].errback(UplinkRefused("wake[0]"))
    bench.asked[0][2].callback("link")
    bench.asked[2][2].errback(UplinkFailed("no carrier"))
    assert bench.told == [
        ("b", "192.168.0.10:40000", "192.0.2.80:21", "wake[0]"),
        ("a", "linked"),
        ("c", "192.168.0.10:40000", "192.0.2.80:21", "no carrier"),
    ]
    assert bench.idle


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: succeed("link"), ("a", "linked")),
        (lambda: fail(UplinkRefused("hours")), ("a", "192.168.0.10:40000", "192.0.2.80:21", "hours")),
    ],
)
def test_an_answer_at_once(bench, answer, told):
    """Is as good as a later one."""
    bench.answer = answer
    bench.add("a")
    assert bench.told == [told]
    assert bench.idle


def test_nobody_waits_for_ever(bench):
    """Each has its time; whoever is too late wants no link any more, and its answer is nothing."""
    bench.add("a")
    bench.clock.clock.pump([LINK_PATIENCE - 1])
    bench.add("b")
    bench.clock.clock.advance(1)
    assert bench.told == [("a", "192.168.0.10:40000", "192.0.2.80:21", TOO_LATE)]
    assert bench.cancelled == [bench.asked[0][2]]
    assert len(bench.waiting) == 1


def test_a_link_that_somebody_else_got(bench):
    """All go on, in the order in which they came, and their own requests are taken back."""
    bench.add("a"), bench.add("b")
    bench.waiting.go_on()
    assert bench.told == [("a", "linked"), ("b", "linked")]
    assert len(bench.cancelled) == 2
    assert bench.idle


def test_a_client_that_gives_up(bench):
    """Is forgotten within a second, and resets its connection; the others wait on."""
    a, b = bench.add("a"), bench.add("b")
    bench.gone.add(a)
    bench.clock.clock.advance(LOOK)
    assert (a.ended, b.ended, bench.told) == ("its client has given up", None, [])
    assert (a in bench.waiting, b in bench.waiting, bench.waiting.of(PC)) == (False, True, 1)
    bench.gone.add(b)
    bench.clock.clock.advance(LOOK)
    assert b.ended
    assert bench.idle


def test_where_nobody_looks():
    """A connection that is read tells by itself that it is gone."""
    bench = Bench(looks=False)
    a = bench.add("a")
    assert len(bench.clock.clock.getDelayedCalls()) == 1
    bench.waiting.forget(a)
    bench.waiting.forget(a)
    assert (a.ended, bench.told) == (None, [])
    assert bench.idle


def test_an_end_is_for_all(bench):
    """Each is reset, and nobody is told anything else."""
    flows = [bench.add("a"), bench.add("b", OTHER)]
    bench.waiting.end("the helper stops")
    assert [flow.ended for flow in flows] == ["the helper stops"] * 2
    assert bench.told == []
    assert bench.idle


def test_a_request_that_fails_otherwise(bench):
    """A defect is logged with its traceback, a request taken back by somebody else is not; the connection is refused."""
    bench.add("a"), bench.add("b")
    bench.asked[0][2].errback(ZeroDivisionError("oops"))
    bench.asked[1][2].errback(CancelledError("stopped"))
    assert [told[3] for told in bench.told] == ["oops", "stopped"]
    ((level, text, failure),) = bench.log.lines
    assert (level, text) == ("failure", "a link for 192.168.0.10:40000 could not be asked for")
    assert failure.type is ZeroDivisionError
    assert bench.idle
