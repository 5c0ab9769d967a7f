"""What people read of limits (whole sentences as verdicts have them are in test_limits.py)."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from icsframework.quantities import Period, Rate, parse_time_window
from icsframework.uplinks.calls import Tariff
from icsframework.uplinks.limitwords import clock_warning, closed, sentence
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.terms import Limit, Standing, Terms

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
NOON = Moment(1000.0, datetime(2026, 11, 25, 12, tzinfo=BERLIN.zone).timestamp())
WRONG = Moment(1000.0, None)
CENTS = Terms(tariff=Tariff(Decimal("0.02"), 60.0))


def near(kind, used, amount, period=Period.DAY):
    """What is said of a limit of which so much is used."""
    return sentence(Standing(Limit(kind, Rate(amount, period)), used, reached=False), CENTS, BERLIN, NOON)


def reached(limit, used, again, at=NOON):
    """What is said of a limit that is reached."""
    return sentence(Standing(limit, used, True, again), CENTS, BERLIN, at)


@pytest.mark.parametrize(
    ("used", "text"),
    [
        (999, "999B"),
        (1_000, "1kB"),
        (9_999, "9.99kB"),
        (99_999, "99.9kB"),
        (999_999, "999kB"),
        (1_500_000, "1.5MB"),
        (412_999_999, "412MB"),
        (2_000_000_000, "2GB"),
        (3_210_000_000_000, "3.21TB"),
    ],
)
def test_bytes_have_three_digits_and_are_never_more_than_there_are(used, text):
    """500 MB are not used up while a few are left."""
    assert near("data", used, used, Period.MONTH).startswith(f"limits.data: {text} of {text} of this month")


@pytest.mark.parametrize(
    ("used", "text"), [(59.9, "59s"), (3599.0, "59m59s"), (5399.0, "1h29m"), (7200.0, "2h")]
)
def test_times_are_never_more_than_there_were(used, text):
    """To the second below an hour, to the minute above."""
    assert near("time", used, used) == f"limits.time: {text} of {text} of today are used"


def test_numbers_and_money():
    """As one writes them; nothing is said of what is far away."""
    assert near("dials", 18, 20, Period.HOUR) == "limits.dials: 18 of 20 of the last hour are used"
    assert near("money", Decimal("8.40"), Decimal(10)) == "limits.money: 8.4 of 10 of today are used"
    assert near("dials", 3, 20) == ""


def test_until_when():
    """By the clock on the wall; where that is wrong an hour can still be told, and a day cannot."""
    hour, day = Limit("dials", Rate(20, Period.HOUR)), Limit("dials", Rate(20, Period.DAY))
    used_up = "limits.dials: 20/hour are used up"
    assert reached(hour, 20, 1600.0) == f"{used_up}; again at 2026-11-25 12:10 CET"
    assert reached(hour, 20, 1600.0, WRONG) == f"{used_up}; again within the hour"
    assert reached(day, 20, None, WRONG) == (
        "limits.dials: 20/day are used up; again in a new day, when the clock is right"
    )


def test_money_that_is_left_and_too_little():
    """It says what the next unit costs."""
    limit = Limit("money", Rate(Decimal(1), Period.DAY))
    left = "limits.money: 0.01 of 1/day is left, less than the next unit costs (0.02); again at 2026-11-25 12:10 CET"
    assert reached(limit, Decimal("0.99"), 1600.0) == left
    assert (
        reached(limit, Decimal(1), 1600.0) == "limits.money: 1/day are used up; again at 2026-11-25 12:10 CET"
    )


def test_what_allows_nothing():
    """There is no end of that to be told."""
    never = Limit("dials", Rate(0, Period.DAY))
    assert reached(never, 0, None) == "limits.dials: 0/day allows nothing"
    cent = Limit("money", Rate(Decimal("0.01"), Period.DAY))
    assert reached(cent, Decimal(0), None) == "limits.money: 0.01/day is less than one unit costs (0.02)"


def test_closed_hours():
    """When it may be up, and when that is next, if ever."""
    terms = Terms(hours=(parse_time_window("06:00-11:00"), parse_time_window("20:00-23:00")))
    hours = "hours: only from 06:00-11:00, 20:00-23:00"
    assert closed(terms, 29800.0, BERLIN, NOON) == f"{hours}; again at 2026-11-25 20:00 CET"
    assert closed(terms, None, BERLIN, NOON) == hours


def test_a_wrong_clock_is_told_where_it_matters():
    """Not of limits that go by the last hour only."""
    by_day = Terms(dials=(Rate(20, Period.DAY),))
    assert len(clock_warning(by_day, WRONG)) == 1
    assert clock_warning(by_day, NOON) == ()
    assert clock_warning(Terms(dials=(Rate(20, Period.HOUR),)), WRONG) == ()
