"""Ending a call, from the quick way to the sure one."""

import pytest

from ics_plugins.uplinks.dialup.hangup import hang_up

DROP = ["dtr down", "speed 0", "... 0.5 s", "speed 115200", "dtr up"]


def test_dropping_dtr_is_enough(paper):
    """The modem listens again."""
    assert paper().run(hang_up(115200)) == [*DROP, "> ATH\\r", "done"]


def test_a_line_without_dtr(paper):
    """+++ between two silences, and ATH."""
    log = paper({"ATH": [None, b"OK\r\n"], "+++": b"OK\r\n"}).run(hang_up(115200))
    assert log == [*DROP, "> ATH\\r", "... 0.7 s", "... 1.1 s", "> +++", "> ATH\\r", "done"]


def test_a_modem_that_says_no_carrier_first(paper):
    """Its last words are no answer to ATH, and then it listens."""
    log = paper({"ATH": [b"NO CARRIER\r\n", b"OK\r\n"], "+++": None}).run(hang_up(115200))
    assert log[-1] == "done"


def test_a_dead_modem(paper):
    """It counts as silent, so that its device is opened anew; in less than five seconds."""
    modem = paper(quiet=True)
    assert modem.run(hang_up(115200))[-1] == "silent: the modem does not hang up"
    assert modem.now - 100.0 < 5.0


@pytest.mark.parametrize("speed", [9600, 115200])
def test_what_knows_no_commands(paper, speed):
    """A cable, and the operator's own conversation: the lines alone."""
    log = paper().run(hang_up(speed, at=False))
    assert log == [*DROP[:3], f"speed {speed}", "dtr up", "done"]
