"""One TCP connection of a flow."""

from ipaddress import ip_address

import pytest

from icsframework.helpers.leg import PATIENCE, Leg, Stop
from icsframework.testing.wire import BUFFER, MemoryConnection
from icsframework.values import Endpoint, Side

HERE, PEER = Endpoint(ip_address("192.168.0.1"), 41111), Endpoint(ip_address("192.168.0.10"), 40000)


class Flow:
    """Writes down what its leg tells."""

    def __init__(self):
        self.told = []

    def made(self, side):
        self.told.append("made")

    def came(self, side, data):
        self.told.append(data)

    def finished(self, side):
        self.told.append("finished")

    def lost(self, side, reason):
        self.told.append("lost")

    def hold(self, side, full):
        self.told.append(("hold", full))

    def overflowed(self, side):
        self.told.append("overflowed")


@pytest.fixture
def flow():
    return Flow()


class Turns:
    """Turns whose time is over while ``busy``."""

    def __init__(self):
        self.busy = False
        self.waiting = []

    def take(self, work):
        if self.busy:
            self.waiting.append(work)
        else:
            work()
        return not self.busy


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def leg(flow, turns):
    return Leg(flow, Side.CLIENT, turns)


@pytest.fixture
def end(leg):
    made = MemoryConnection(HERE, PEER)
    made.attach(leg)
    return made


def turn(end):
    while end.turn():
        pass


def test_reading_waits_until_nobody_objects(flow, leg, end):
    """It begins stopped; each reason has to go."""
    end.says(b"x")
    turn(end)
    leg.stop(Stop.ASKED)
    leg.go(Stop.CONNECTING)
    turn(end)
    assert flow.told == ["made"]
    leg.go(Stop.ASKED)
    turn(end)
    assert flow.told == ["made", b"x"]
    assert (leg.here, leg.peer, leg.gone) == (HERE, PEER, False)


def test_after_their_fin_nothing_is_read_again(flow, leg, end):
    """Whatever stops and goes; the connection would tell of its end for ever."""
    leg.go(Stop.CONNECTING)
    end.closes()
    turn(end)
    leg.stop(Stop.FULL)
    leg.go(Stop.FULL)
    end.says(b"ghost")
    turn(end)
    assert flow.told == ["made", "finished"]
    assert leg.ended


def test_a_full_buffer_is_told_and_an_empty_one(flow, leg, end):
    """Once each."""
    end.reads = False
    leg.send(b"x" * (BUFFER + 1))
    leg.send(b"x")
    assert flow.told == ["made", ("hold", True)]
    end.reads = True
    turn(end)
    assert flow.told == ["made", ("hold", True), ("hold", False)]


def test_who_does_not_read_is_not_read_either(flow, leg, end):
    """Beyond our patience; it goes on when the buffer is empty."""
    leg.go(Stop.CONNECTING)
    end.reads = False
    leg.send(b"x" * (BUFFER + 1))
    leg.send(b"x" * PATIENCE)
    end.says(b"1")
    turn(end)
    leg.send(b"x")
    end.says(b"2")
    turn(end)
    assert b"1" in flow.told
    assert b"2" not in flow.told
    end.reads = True
    turn(end)
    assert flow.told[-1] == b"2"


def test_finishing_a_leg_that_is_full_still_reads_it(flow, leg, end):
    """Nothing waits for a buffer that nobody fills any more."""
    leg.go(Stop.CONNECTING)
    end.reads = False
    leg.send(b"x" * (BUFFER + 1))
    leg.send(b"x" * (PATIENCE + 1))
    end.says(b"upload")
    leg.finish()
    leg.finish()
    turn(end)
    assert flow.told[-1] == b"upload"
    end.reads = True
    turn(end)
    assert end.closed


@pytest.mark.parametrize("first", ["close", "fin"])
def test_close_is_gentle(flow, leg, end, first):
    """Both FINs, in whatever order, then the connection is over; what comes after our close is forgotten."""
    leg.go(Stop.CONNECTING)
    leg.send(b"bye")
    if first == "close":
        leg.close()
        end.says(b"unheard")
        turn(end)
        assert (end.closed, end.lost, end.unread) == (True, False, 0)
        end.closes()
    else:
        end.closes()
        turn(end)
        leg.close()
    turn(end)
    assert (end.heard, end.lost, end.aborted) == (b"bye", True, False)
    assert b"unheard" not in flow.told
    assert flow.told[-1] == "lost"


def test_a_leg_that_is_gone_takes_anything(flow, leg, end):
    """Whoever comes too late does no harm."""
    leg.abort()
    turn(end)
    assert (leg.gone, flow.told) == (True, ["made", "lost"])
    leg.send(b"x")
    leg.stop(Stop.FULL)
    leg.go(~Stop.END)
    leg.finish()
    leg.close()
    leg.abort()
    leg.stopProducing()
    assert flow.told == ["made", "lost"]


def test_a_leg_that_was_never_made(leg):
    """Neither."""
    leg.stop(Stop.ASKED)
    leg.go(Stop.ASKED)
    leg.send(b"x")
    leg.close()
    leg.abort()
    assert leg.gone


def test_what_waits_for_its_turn_is_told_then(leg, flow, end, turns):
    """And nothing more is read until then."""
    leg.go(Stop.CONNECTING)
    turns.busy = True
    end.says(b"one")
    turn(end)
    end.says(b"two")
    turn(end)
    assert (flow.told, end.unread) == (["made"], 3)
    turns.busy = False
    turns.waiting.pop()()
    turn(end)
    assert flow.told == ["made", b"one", b"two"]
    assert turns.waiting == []


@pytest.mark.parametrize("event", ["resets", "closes"])
def test_the_end_comes_after_what_waits_for_its_turn(leg, flow, end, turns, event):
    """Nothing that was said before a reset or a FIN is lost or told late, and it is told once."""
    leg.go(Stop.CONNECTING)
    turns.busy = True
    end.says(b"last words")
    turn(end)
    getattr(end, event)()
    turn(end)
    turns.waiting.pop()()
    turn(end)
    assert flow.told == ["made", b"last words", "lost" if event == "resets" else "finished"]


def test_a_leg_that_closes_forgets_what_waits_for_its_turn(leg, flow, end, turns):
    """Its flow has ended: nobody is told."""
    leg.go(Stop.CONNECTING)
    turns.busy = True
    end.says(b"too late")
    turn(end)
    leg.close()
    turns.waiting.pop()()
    turn(end)
    assert flow.told == ["made"]
