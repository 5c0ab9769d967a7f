"""The telephone book."""

import pytest

from icsframework.lab.errors import LabSpecError
from icsframework.lab.telephone.numbers import FAULTS, Fate, Outcome, fate_of, look_up, target_of


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("busy", Fate(Outcome.BUSY)),
        ("refused", Fate(Outcome.BUSY)),
        ("noanswer", Fate(Outcome.NO_ANSWER)),
        ("nodialtone", Fate(Outcome.NO_DIAL_TONE)),
        ("nocarrier", Fate(Outcome.NO_CARRIER)),
        ("silent", Fate(Outcome.SILENT)),
        ("ok", Fate(Outcome.OK)),
        ("isp", Fate(Outcome.ANSWERED, "isp")),
        ("answered", Fate(Outcome.ANSWERED, "answered")),
        ("lost:5", Fate(Outcome.ANSWERED, "", 5.0)),
        ("lost:0.5@isp", Fate(Outcome.ANSWERED, "isp", 0.5)),
    ],
)
def test_entries(text, fate):
    """A word is a fault, anything else a host; `lost` has a time."""
    assert fate_of(text) == fate


def test_a_loss_without_its_time():
    """One sentence."""
    with pytest.raises(LabSpecError, match=r"'lost:soon@isp': lost:SECONDS or lost:SECONDS@HOST is expected"):
        fate_of("lost:soon@isp")


def test_who_answers():
    """The host that is named, or the first; nobody where the call does not get that far."""
    providers = {"a": "/a.sock", "b": "/b.sock"}
    assert target_of(fate_of("b"), providers) == "/b.sock"
    assert target_of(fate_of("lost:5"), providers) == "/a.sock"
    assert [target_of(fate_of(text), providers) for text in ("c", "busy")] == ["", ""]
    assert target_of(fate_of("lost:5"), {}) == ""


def test_what_was_dialled():
    """Pauses and what is for people do not matter; * and # do."""
    book = {number: fate_of(text) for number, text in FAULTS.items()}
    assert look_up(book, "W2,0 (0)") == Fate(Outcome.BUSY)
    assert look_up(book, "205") == Fate(Outcome.ANSWERED, "", 5.0)
    assert look_up(book, "*200#") is None
