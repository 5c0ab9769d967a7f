"""The sign of life of a listener."""

import pytest

from icsframework.errors import NftError
from icsframework.helpers.heartbeat import LIFETIME, PERIOD, Heartbeat
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.testing.stream import Lines


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def elements(clock):
    return FakeElements(clock)


@pytest.fixture
def log():
    return Lines()


@pytest.fixture
def heartbeat(clock, elements, log):
    return Heartbeat(clock, elements.change, log, "ftp")


def test_it_is_there_from_the_start_to_the_stop(clock, elements, heartbeat):
    """Each beat gives the element its whole time again; one that is missed does no harm."""
    heartbeat.start(41111)
    heartbeat.beat()
    for _ in range(20):
        clock.clock.advance(PERIOD - 0.1)
        assert elements.left("fail_open", (41111,)) > LIFETIME - PERIOD
    heartbeat.stop()
    assert elements.keys("fail_open") == {}
    clock.clock.advance(60)
    assert (elements.keys("fail_open"), clock.clock.getDelayedCalls()) == ({}, [])


def test_who_hangs_is_passed_by(clock, elements, heartbeat):
    """Without beats the element goes by itself."""
    heartbeat.start(41111)
    heartbeat.beat()
    for call in clock.clock.getDelayedCalls():
        call.cancel()  # the daemon hangs
    clock.clock.advance(LIFETIME)
    assert elements.keys("fail_open") == {}


def test_a_beat_between_is_no_second_timer(clock, elements, heartbeat):
    """A rule set that has come into force is told at once, and the rhythm goes on from there."""
    heartbeat.beat()
    heartbeat.start(41111)
    assert (elements.transactions, clock.clock.getDelayedCalls()) == (0, [])
    heartbeat.beat()
    elements.wipe()
    heartbeat.beat()
    assert elements.keys("fail_open") == {(41111,): ()}
    assert len(clock.clock.getDelayedCalls()) == 1


def test_a_change_that_fails_is_tried_again(clock, elements, heartbeat, log):
    """There may be no table yet; when connections pass by because of it, people are told, once."""
    elements.fail = NftError("no such table")
    heartbeat.start(41111)
    heartbeat.beat()
    for _ in range(4):
        clock.clock.advance(PERIOD)
    assert [level for level, _, _ in log.lines] == ["debug", "debug", "warn", "debug", "debug"]
    assert "ftp" in log.lines[2][1] and "no such table" in log.lines[2][1]
    elements.fail = None
    clock.clock.advance(PERIOD)
    assert elements.keys("fail_open") == {(41111,): ()}
    elements.fail = NftError("busy")
    for _ in range(2):
        clock.clock.advance(PERIOD)
    assert [level for level, _, _ in log.lines[5:]] == ["debug", "debug"]


def test_a_defect_shows(clock, log):
    """With its traceback; the next beat comes all the same."""

    def broken(add, delete):
        raise ZeroDivisionError

    heartbeat = Heartbeat(clock, broken, log, "ftp")
    heartbeat.start(41111)
    heartbeat.beat()
    assert [(level, failure.type) for level, _, failure in log.lines] == [("failure", ZeroDivisionError)]
    assert len(clock.clock.getDelayedCalls()) == 1
    done = []
    heartbeat.stop().addBoth(done.append)
    assert done == [None]


def test_beats_do_not_pile_up_behind_a_busy_nft(clock, elements, heartbeat):
    """One waits; the stop comes after it."""
    elements.held = True
    heartbeat.start(41111)
    heartbeat.beat()
    clock.clock.advance(PERIOD)
    clock.clock.advance(PERIOD)
    stopped = []
    heartbeat.stop().addCallback(stopped.append)
    assert stopped == []
    elements.flush()
    assert (stopped, elements.transactions, elements.keys("fail_open")) == ([None], 2, {})
