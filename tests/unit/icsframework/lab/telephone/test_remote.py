"""A modem's program and fate's hand on it."""

import json
import sys

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.telephone.remote import ModemDaemon


@pytest.fixture
def modem(here):
    """The program of a modem."""
    control = here.directory / "modem.sock"
    config = {
        "device": str(here.directory / "modem"),
        "control": str(control),
        "kind": "cellular",
        "rate": 0,
        "latency": 0.0,
        "book": {},
        "providers": {},
        "pin": "1234",
    }
    file = here.directory / "modem.json"
    file.write_text(json.dumps(config))
    arguments = [sys.executable, "-m", "icsframework.lab.telephone.emulator", file]
    daemon = ModemDaemon(here, "modem", arguments, control)
    daemon.start()
    daemon.wait_ready()
    return daemon


def test_each_change_is_there_at_once(modem):
    """All that can be done to a line, seen in the modem's state."""
    modem.set_rate(9600)
    modem.set_latency(0.5)
    modem.corrupt(0.25)
    modem.stall()
    modem.set_number("5", "busy")
    modem.set_dial_tone(False)
    modem.set_registered(False)
    modem.drop()
    state = modem.look()
    assert (state["rate"], state["latency"], state["errors"], state["stalled"]) == (9600, 0.5, 0.25, True)
    assert (state["mode"], state["plugged"], state["open"], state["dialled"]) == ("command", True, False, [])
    modem.stall(False)
    modem.unplug()
    assert (modem.look()["stalled"], modem.look()["plugged"]) == (False, False)
    modem.plug()
    assert modem.look()["plugged"]


def test_what_is_refused(modem):
    """A sentence, and the modem goes on."""
    with pytest.raises(LabError, match="modem on here: a modem has no wings"):
        modem.ask(wings=2)
    with pytest.raises(LabError, match="lost:SECONDS"):
        modem.set_number("5", "lost:x")
    assert modem.look()["plugged"]
    modem.kill()
    with pytest.raises(LabError, match="modem on here does not answer"):
        modem.look()
