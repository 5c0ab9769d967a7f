"""What an uplink may cost, as the file says it."""

from decimal import Decimal

import pytest

from icsframework.quantities import Period, Rate, parse_time_window
from icsframework.uplinks.calls import GRAIN, Tariff
from icsframework.uplinks.terms import Limit, Standing, Terms

TIME = Limit("time", Rate(7200.0, Period.DAY))
DATA = Limit("data", Rate(500_000_000, Period.MONTH))
DIALS = Limit("dials", Rate(20, Period.HOUR))
MONEY = Limit("money", Rate(Decimal("10.50"), Period.MONTH))
CENTS = Terms(tariff=Tariff(Decimal("0.02"), 60.0))


@pytest.mark.parametrize(
    ("limit", "key", "text"),
    [
        (TIME, "limits.time", "2h/day"),
        (DATA, "limits.data", "500MB/month"),
        (DIALS, "limits.dials", "20/hour"),
        (MONEY, "limits.money", "10.5/month"),
    ],
)
def test_a_limit_is_said_as_it_may_stand_in_the_file(limit, key, text):
    """Its key, and how much for how long."""
    assert (limit.key, str(limit)) == (key, text)


def test_all_limits_in_order():
    """Each kind may have several."""
    terms = Terms((TIME.rate,), (DATA.rate, Rate(1, Period.DAY)), (DIALS.rate,), (MONEY.rate,))
    assert list(terms.limits()) == [TIME, DATA, Limit("data", Rate(1, Period.DAY)), DIALS, MONEY]


def test_what_depends_on_the_wall_clock():
    """Hours, days and months; an hour is the last sixty minutes, whatever the clock shows."""
    assert not Terms().by_calendar
    assert not Terms(dials=(DIALS.rate,)).by_calendar
    assert Terms(dials=(DIALS.rate,), time=(TIME.rate,)).by_calendar
    assert Terms(hours=(parse_time_window("06:00-23:00"),)).by_calendar


@pytest.mark.parametrize(
    ("limit", "last"),
    [(TIME, 7200.0 - 2 * GRAIN), (DATA, 499_999_999), (DIALS, 19), (MONEY, Decimal("10.48"))],
)
def test_what_is_left(limit, last):
    """Something, up to the whole of it; of money enough for the next unit."""
    assert CENTS.leaves(limit, last)
    assert not CENTS.leaves(limit, limit.rate.amount)
    assert not CENTS.leaves(MONEY, Decimal("10.49"))
    assert not CENTS.leaves(TIME, 7200.0 - GRAIN / 2)


def test_limits_that_allow_nothing():
    """Zero, and less money than one unit costs; money without a price may be nothing."""
    assert not CENTS.forbids(DIALS)
    for limit in (
        Limit("time", Rate(0.0, Period.DAY)),
        Limit("dials", Rate(0, Period.DAY)),
        Limit("money", Rate(Decimal("0.01"), Period.DAY)),
    ):
        assert CENTS.forbids(limit)
    assert not Terms().forbids(Limit("money", Rate(Decimal(0), Period.DAY)))


@pytest.mark.parametrize(
    ("limit", "near"),
    [(TIME, 5760.0), (DATA, 400_000_000), (DIALS, 16), (MONEY, Decimal("8.4"))],
)
def test_near_is_four_fifths(limit, near):
    """Exactly, for every kind of number; of nothing nothing is near."""
    assert Standing(limit, near, reached=False).near
    assert not Standing(limit, near - type(near)("0.01") if limit is MONEY else near - 1, reached=False).near
    nothing = Limit(limit.kind, Rate(type(near)(0), Period.DAY))
    assert not Standing(nothing, near, reached=True).near
