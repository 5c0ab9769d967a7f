"""The stream shell with sessions that answer anything and peers that do anything: it stays within bounds and ends clean."""

from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from icsframework.dataplane.plane import DataPlane
from icsframework.errors import MappingError
from icsframework.helpers.leg import MOST_UNREAD
from icsframework.helpers.limits import MOST_BYTES, Limits
from icsframework.helpers.patience import FLUSH_PATIENCE, OPEN_PATIENCE, RESET_GRACE
from icsframework.testing.flows import INSIDE, PEER
from icsframework.testing.stream import CABLE, DSL, ONE_UPLINK, TWO_UPLINKS, StreamBench
from icsframework.testing.wire import BUFFER
from icsframework.values import Close, End, Endpoint, Open, Send, Side, StepAside

LIMITS = Limits(sessions=3, expectations=4, idle=1000.0)
PLANES = (
    ONE_UPLINK,
    TWO_UPLINKS,
    DataPlane(),
    DataPlane(uplinks=(replace(CABLE, link=None), DSL)),
    DataPlane(uplinks=(replace(CABLE, link=DSL.link),)),
)

sides = st.sampled_from(Side)
tokens = st.integers(0, 3)
opens = st.builds(
    Open,
    tokens,
    st.just("tcp"),
    st.builds(Endpoint, st.sampled_from([INSIDE, PEER]), st.sampled_from([21, 5000, 65535])),
    st.sampled_from([PEER, PEER, None, INSIDE]),
    st.integers(0, 5),
)
actions = st.one_of(
    st.builds(Send, sides, st.binary(max_size=4)),
    st.builds(Send, sides, st.just(b"x" * 100_000)),
    opens,
    opens,
    st.builds(Close, tokens),
    st.just(StepAside()),
    st.builds(End, st.just("a test")),
    st.just("nonsense"),
)
passing = st.builds(lambda to: [Send(to, b"passed on")], sides)
answers = st.one_of(
    passing,
    passing,
    st.lists(actions, max_size=4),
    st.lists(actions, max_size=4),
    st.none(),
    st.just(ZeroDivisionError("a test")),
)
deadlines = st.sampled_from([None, None, None, 0.0, 5.0, 1e9, "soon"])

steps = st.one_of(
    st.tuples(st.just("call"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["accept", "refuse", "granted", "not granted"]), st.none()),
    st.tuples(st.sampled_from(["says", "says", "closes", "resets", "sleeps", "wakes"]), st.integers(0, 9)),
    st.tuples(st.just("advance"), st.sampled_from([0.05, 1.0, 30.0, 700.0])),
    st.tuples(st.just("plane"), st.sampled_from(PLANES)),
)


class Wild:
    """Answers from a list, one after the other, again and again."""

    def __init__(self, script, due):
        self.script, self.due = script, due
        self.calls = -1  # the first answer is that to the first call

    def _answer(self, *_):
        self.calls += 1
        answer = self.script[self.calls % len(self.script)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    received = opened = closed = timeout = _answer

    def deadline(self):
        return self.due


class World:
    """A bench, and a port book that takes its time."""

    def __init__(self, script, due, fail):
        self.bench = StreamBench(session=lambda flow: Wild(script, due), fail=fail, limits=LIMITS)
        self.asked = []
        self._grant = self.bench.mappings.open
        self.bench.mappings.open = self._ask

    def _ask(self, uplink, request):
        answer = Deferred()
        self.asked.append((answer, uplink, request))
        return answer

    def _live(self, n):
        live = [one for one in self.bench.network.connections if not one.lost]
        return live[n % len(live)] if live else None

    def _dial(self):
        return next((dial for dial in self.bench.network.dialled if not dial.answer.called), None)

    def step(self, what, argument):
        bench = self.bench
        if what == "call":
            wanted = Endpoint(PEER, 21) if argument else None
            bench.call(Endpoint(ip_address(f"192.168.0.{10 + argument % 2}"), 40000 + argument), wanted)
        elif what in ("accept", "refuse") and (dial := self._dial()):
            getattr(dial, what)()
        elif what in ("granted", "not granted") and self.asked:
            answer, uplink, request = self.asked.pop(0)
            if what == "granted":
                self._grant(uplink, request).addCallback(answer.callback)
            else:
                answer.errback(MappingError("a test"))
        elif what == "advance":
            bench.advance(argument)
        elif what == "plane":
            bench.shell.in_force(argument)
        elif what in ("says", "closes", "resets", "sleeps", "wakes") and (end := self._live(argument)):
            if what == "says":
                end.says(b"word" * (1 + argument * 1000))
            elif what in ("closes", "resets"):
                getattr(end, what)()
            else:
                end.reads = what == "wakes"
        bench.turn()

    def leave(self, how):
        """Every peer goes, all that was asked is answered, and a moment passes."""
        for number, end in enumerate(self.bench.network.connections):
            end.reads = True
            if how == "closes" or (how == "one by one" and number % 2):
                end.closes()
            else:
                end.resets()
            if how == "one by one":
                self.bench.turn()
        while (dial := self._dial()) is not None:
            dial.refuse()
        self.bench.turn()
        while self.asked:
            self.step("not granted", None)
        self.bench.advance(RESET_GRACE)

    def check(self):
        """What holds at every moment."""
        figures = self.bench.shell.figures()
        assert figures.sessions <= 2 * LIMITS.sessions
        assert figures.expectations <= figures.sessions * LIMITS.expectations
        for end in self.bench.network.connections:
            assert len(end.waiting) <= MOST_UNREAD + BUFFER + 2 * MOST_BYTES


@settings(max_examples=150)
@given(
    st.lists(steps, max_size=25),
    st.lists(answers, min_size=1, max_size=5),
    deadlines,
    st.sampled_from(["open", "closed"]),
    st.sampled_from([None, "closes", "resets", "one by one"]),
)
def test_whatever_happens(steps, script, due, fail, leaving):
    """Nothing is held beyond its bound; when all peers have gone, or the shell stops, no connection, timer or port is left."""
    world = World(script, due, fail)
    for what, argument in [("call", 1), ("accept", None), *steps]:
        world.step(what, argument)
        world.check()
    bench = world.bench
    if leaving is not None:
        world.leave(leaving)
        assert bench.shell.figures().sessions == 0
    assert bench.stop()
    for answer, uplink, request in world.asked:
        world._grant(uplink, request).addCallback(answer.callback)
    bench.turn()
    assert all(end.lost for end in bench.network.connections)
    assert all(dial.answer.called for dial in bench.network.dialled)
    bench.advance(max(OPEN_PATIENCE, FLUSH_PATIENCE))
    assert bench.idle
