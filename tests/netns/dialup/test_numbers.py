"""Every way in which a call can fail: `ics connect` says which, and so does the history."""

import pytest

from icsframework.lab.waiting import wait_for

NUMBERS = 'kind: hayes, numbers: {"205": "lost:1", "206": ok, "207": silent}'


@pytest.fixture(scope="module")
def lab(module_dialup):
    """Our own provider, without a slow line; nothing is dialled before it is asked for."""
    return module_dialup(NUMBERS, "", connect="manual")


@pytest.mark.parametrize(
    ("number", "word"),
    [
        ("200", "busy"),
        ("201", "answer"),
        ("202", "dial tone"),
        ("203", "carrier"),
        ("204", "busy"),
        ("206", "OK"),
        ("207", "answer"),
    ],
)
def test_a_call_that_fails(lab, number, word):
    """The reason tells what the modem said; the number was dialled once."""
    lab.configure(numbers=f'"{number}"', redial="60s", dial_timeout="2s")
    before = len(lab.dialled())
    status, said = lab.ics("connect", "phone")
    assert status == 1
    assert word.lower() in said.lower(), said
    assert lab.dialled()[before:] == [number]
    last = lab.history()[-1]
    assert (last["event"], word.lower() in last["reason"].lower()) == ("failed", True), last


def test_several_numbers_in_turn(lab):
    """Busy, no carrier, and then one that answers: it is up with the third."""
    lab.configure(numbers='["200", "203", "123"]')
    before = len(lab.dialled())
    status, said = lab.ics("connect", "phone")
    assert (status, "203.0.113.5" in said) == (0, True), said
    assert lab.dialled()[before:] == ["200", "203", "123"]
    stages = [step["stage"] for step in lab.history()[-1]["steps"]]
    assert [stage for stage in stages if stage.startswith("calling")] == [
        "calling 200",
        "calling 203",
        "calling 123",
    ]


def test_a_carrier_that_is_lost(lab):
    """Up, and then the modem says NO CARRIER in the middle of PPP: failed, with that reason."""
    lab.configure(numbers='"205"', redial="60s")
    assert lab.ics("connect", "phone")[0] == 0
    wait_for(lambda: lab.uplink()["state"] != "up", 5.0, "the carrier to be lost")
    reasons = [event["reason"] for event in lab.history() if event["event"] == "failed"]
    assert "lost the carrier" in reasons[-1]
