"""Scripts as generators, run with octets and time."""

from ics_plugins.uplinks.dialup.results import Kind
from ics_plugins.uplinks.dialup.steps import (
    MAX_TEXT,
    Answer,
    Connected,
    Conversation,
    Done,
    Failed,
    Fault,
    Find,
    Found,
    Pause,
    Stage,
    Write,
)


def talk(*steps, end=None):
    """A conversation that yields these and keeps what each was resumed with."""
    got = []

    def script():
        for step in steps:
            got.append((yield step))
        return end or Done()

    return Conversation(script()), got


def test_actions_come_at_once_and_waits_hold_it_up():
    """Until the answer is there."""
    one, got = talk(Stage("a"), Write(b"ATZ\r"), Answer(3.0), Write(b"ATH\r"), Answer(3.0))
    assert one.start(10.0) == (Stage("a"), Write(b"ATZ\r"))
    assert one.deadline() == 13.0
    assert one.receive(b"\r\nO", 11.0) == ()
    assert one.receive(b"K\r", 12.0) == (Write(b"ATH\r"),)
    assert one.deadline() == 15.0
    assert one.timeout(14.9) == ()
    assert one.outcome is None
    one.timeout(15.0)
    assert isinstance(one.outcome, Done)
    assert (got[2].kind, got[4]) == (Kind.OK, None)


def test_an_answer_that_is_there_already_does_not_wait():
    """Two results in one read."""
    one, got = talk(Answer(3.0), Answer(3.0))
    one.start(0.0)
    one.receive(b"OK\rERROR\r", 1.0)
    assert [result.kind for result in got] == [Kind.OK, Kind.ERROR]
    assert one.outcome is not None


def test_rings_and_information_answer_no_command():
    """Unless they are asked for."""
    one, got = talk(Answer(3.0), Answer(3.0, final=False))
    one.start(0.0)
    one.receive(b"RING\r+CSQ: 1\rOK\rRING\r", 1.0)
    assert [result.kind for result in got] == [Kind.OK, Kind.RING]
    assert one.heard == "RING"


def test_what_comes_in_a_pause_is_dropped():
    """It is silence that the modem wants."""
    one, _ = talk(Pause(1.0), Answer(3.0))
    one.start(0.0)
    one.receive(b"OK\r", 0.5)
    one.timeout(1.0)
    assert one.outcome is None
    assert one.deadline() == 4.0


def test_the_first_text_is_found():
    """The one that stands first wins, and what stands before it is told."""
    one, got = talk(Find((b"BUSY", b"CONNECT"), 3.0), Find((b"ogin:",), 3.0))
    one.start(0.0)
    one.receive(b"\r\nCONN", 1.0)
    one.receive(b"ECT and BUSY login:", 1.0)
    assert got == [Found(1, b"\r\n"), Found(0, b" and BUSY l")]


def test_text_is_bounded():
    """A banner that never ends."""
    one, got = talk(Find((b"ogin:",), 3.0))
    one.start(0.0)
    for _ in range(100):
        one.receive(b"x" * 1000, 1.0)
    one.receive(b"ogin:", 2.0)
    assert len(got[0].before) == MAX_TEXT - len(b"ogin:")


def test_the_peers_first_octets_are_handed_on():
    """Behind the last result, and behind the last text."""
    for wait, data in ((Answer(3.0), b"CONNECT\r~\xff"), (Find((b"CONNECT\r",), 3.0), b"CONNECT\r~\xff")):
        one, _ = talk(wait, end=Connected(None))
        one.start(0.0)
        one.receive(data, 1.0)
        assert one.outcome == Connected(None, b"~\xff")


def test_after_the_end_nothing_happens():
    """Neither octets nor time."""
    one, _ = talk(end=Failed("no", Fault.CALL))
    assert one.start(0.0) == ()
    assert one.receive(b"OK\r", 1.0) == ()
    assert (one.timeout(9.0), one.deadline()) == ((), None)


def test_a_bad_echo_of_a_secret_is_not_remembered():
    """What a modem says to it is, the secret itself is not."""
    one, _ = talk(Write(b"PIN 1234\r", secret=True), Answer(3.0))
    one.start(0.0)
    one.receive(b"xPIN 1234\r\n", 1.0)
    assert one.heard == ""
    one.receive(b"ERROR\r\n", 1.0)
    assert one.heard == "ERROR"


def test_a_write_shows_no_octets():
    """In a log or a traceback it may be a password."""
    assert "hunter2" not in repr(Write(b"hunter2\r", secret=True))
