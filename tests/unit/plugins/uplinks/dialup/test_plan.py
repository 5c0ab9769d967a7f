"""Which number is next, how long to wait, and what to do to the modem."""

import pytest

from ics_plugins.uplinks.dialup.plan import (
    REFUSED_MOST,
    REFUSED_PAUSE,
    Numbers,
    Order,
    Remedy,
    joined,
    pause,
    refused_pause,
    remedy,
)


def test_pauses_double_up_to_the_longest():
    """And are spread by a fifth, either way."""
    assert [pause(failures, 5.0, 300.0, 0.5) for failures in (1, 2, 3, 6, 7, 8, 1000)] == [
        5.0, 10.0, 20.0, 160.0, 300.0, 300.0, 300.0,
    ]  # fmt: skip
    assert pause(1, 5.0, 300.0, 0.0) == 4.0
    assert 5.9 < pause(1, 5.0, 300.0, 0.999) < 6.0


def test_a_wrong_password_is_not_hammered():
    """Ten minutes at least, and ever longer."""
    assert refused_pause(1, 0.5) == REFUSED_PAUSE == 600.0
    assert refused_pause(2, 0.5) == 1200.0
    assert refused_pause(99, 0.5) == REFUSED_MOST


@pytest.mark.parametrize(
    ("failures", "silent", "what"),
    [
        (0, False, Remedy()),
        (0, True, Remedy()),
        (1, False, Remedy()),
        (2, False, Remedy()),
        (3, False, Remedy(reset=True)),
        (4, False, Remedy()),
        (6, False, Remedy(reset=True, reopen=True)),
        (1, True, Remedy(reopen=True)),
        (2, True, Remedy(reset=True, reopen=True)),
        (300, False, Remedy(reset=True, reopen=True)),
    ],
)
def test_remedies(failures, silent, what):
    """Redial, then reset, then reopen; a silent modem is opened anew at once; never given up."""
    assert remedy(failures, silent) == what


def test_numbers_in_turn():
    """Each once a round; the next round begins behind the last that failed."""
    numbers = Numbers(("1", "2", "3"))
    assert [numbers.begin(), numbers.following(), numbers.following(), numbers.following()] == [
        "1",
        "2",
        "3",
        None,
    ]
    assert [numbers.begin(), numbers.following()] == ["1", "2"]
    assert numbers.begin() == "2"
    assert [numbers.following(), numbers.following(), numbers.following()] == ["3", "1", None]


def test_a_number_that_answered_stays_first():
    """The next round begins with it."""
    numbers = Numbers(("1", "2"))
    numbers.begin()
    numbers.following()
    assert numbers.begin() == "2"


def test_no_number():
    """A cable has one round of one call."""
    numbers = Numbers(())
    assert [numbers.begin(), numbers.following()] == ["", None]


def test_reasons_are_said_once():
    """In order."""
    assert joined(["1: busy", "2: busy", "1: busy"]) == "1: busy; 2: busy"


def test_an_order_shows_no_secret():
    """In a log or a traceback."""
    assert "hunter2" not in repr(Order(pin="hunter2", password="hunter2"))
