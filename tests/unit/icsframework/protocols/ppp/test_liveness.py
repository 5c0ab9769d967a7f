"""Is the peer still there?"""

from icsframework.protocols.ppp.liveness import Echo, Liveness

ECHO = Echo(interval=20.0, retry=5.0, failures=3)


def started():
    """One that runs since 0."""
    liveness = Liveness(ECHO)
    liveness.start(0.0)
    return liveness


def test_a_busy_link_carries_no_echoes():
    """Whatever is heard puts off the question."""
    liveness = started()
    for second in range(0, 200, 10):
        liveness.heard(float(second))
        assert not liveness.ask(second + 9.9)
    assert liveness.deadline == 210.0


def test_silence_is_questioned_and_then_is_death():
    """First after the interval, then after each retry; dead one retry after the last question."""
    liveness = started()
    assert [now for now in range(40) if liveness.ask(now)] == [20, 25, 30]
    assert not liveness.dead(34.9)
    assert liveness.dead(35.0)
    assert liveness.silence == 35.0


def test_any_frame_is_an_answer():
    """A peer that stalled and goes on is not dead, and has all tries again."""
    liveness = started()
    asked = [now for now in range(34) if liveness.ask(now)]
    liveness.heard(34.5)
    assert asked == [20, 25, 30]
    assert not liveness.dead(40.0)
    assert liveness.deadline == 54.5


def test_the_round_trip_is_measured():
    """From the last question to its answer; an answer to nothing says nothing."""
    liveness = started()
    liveness.answered(1.0)
    assert liveness.rtt is None
    liveness.ask(20.0)
    liveness.answered(20.25)
    liveness.answered(29.0)
    assert liveness.rtt == 0.25


def test_it_can_be_switched_off():
    """By an interval of 0, and while the link is not open."""
    liveness = Liveness(Echo(interval=0))
    liveness.start(0.0)
    liveness.heard(1.0)
    assert liveness.deadline is None
    assert not liveness.ask(1e6)
    liveness = started()
    liveness.stop()
    liveness.heard(1.0)
    assert liveness.deadline is None
    assert not liveness.dead(1e6)


def test_an_answer_gives_all_tries_again():
    """Two questions without an answer, then a frame: three more questions before the peer is dead."""
    liveness = started()
    assert [now for now in range(27) if liveness.ask(now)] == [20, 25]
    liveness.heard(27.0)
    assert [now for now in range(27, 80) if liveness.ask(now)] == [47, 52, 57]
    assert liveness.dead(62.0)
