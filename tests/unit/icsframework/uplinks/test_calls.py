"""Calls as they are charged."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.quantities import Period
from icsframework.uplinks.calls import Tariff, begun, carried, next_unit, passed, same
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.usage import Usage, in_period, last_hour

CALENDAR = Calendar(UTC)
WALL = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
CENTS = Tariff(Decimal("0.02"), 60.0)


def moment(now):
    """The clocks."""
    return Moment(now, WALL + now)


def call_of(begin, tariff=CENTS):
    """A call that begins."""
    return begun(Usage(), "ppp0", 7, begin, tariff, CALENDAR, moment(begin))


@pytest.mark.parametrize(
    ("unit", "seconds", "units"),
    [
        (60, 0, 1), (60, 59.9, 1), (60, 60, 2), (60, 119, 2), (60, 3600, 61), (60, 3661, 62),
        (1, 10.5, 11), (10, 9.99, 1), (10, 10, 2), (3600, 7199, 2), (0.5, 2, 5), (90, 270, 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("looks", [1, 7, 50])
def test_units_that_have_begun(unit, seconds, units, looks):
    """By hand: each is charged as it begins, the first when the link comes up, however often one looks."""
    usage, call = call_of(1000.0, tariff=Tariff(Decimal("0.02"), unit))
    for look in range(1, looks + 1):
        usage, call = passed(
            usage, call, Tariff(Decimal("0.02"), unit), CALENDAR, moment(1000 + seconds * look / looks)
        )
    spent = in_period(usage, Period.MONTH, moment(1000 + seconds))
    assert spent.money == units * Decimal("0.02")
    assert spent.time == pytest.approx(seconds)


def test_when_the_next_unit_begins():
    """As the one before it ends."""
    usage, call = call_of(1000.0)
    assert next_unit(call, CENTS) == 1060.0
    usage, call = passed(usage, call, CENTS, CALENDAR, moment(1130.0))
    assert next_unit(call, CENTS) == 1180.0


def test_units_are_booked_in_the_minute_they_begin_in():
    """A look after two hours knows what belongs to the last one."""
    usage, call = call_of(0.0)
    usage, _ = passed(usage, call, CENTS, CALENDAR, moment(7200.0))
    assert last_hour(usage, 7200.0).money == 61 * Decimal("0.02")
    assert in_period(usage, Period.DAY, moment(7200.0)).money == 121 * Decimal("0.02")


def test_a_unit_belongs_to_the_day_it_begins_on():
    """A call over midnight: ten minutes of today, ten units."""
    midnight = 12 * 3600.0
    usage, call = call_of(midnight - 600)
    usage, _ = passed(usage, call, CENTS, CALENDAR, moment(midnight + 590))
    assert in_period(usage, Period.DAY, moment(midnight + 590)).money == 10 * Decimal("0.02")
    assert in_period(usage, Period.MONTH, moment(midnight + 590)).money == 20 * Decimal("0.02")


def test_another_price_while_up():
    """What has begun is charged as it was; the following units cost the new price."""
    usage, call = call_of(0.0)
    usage, call = passed(usage, call, CENTS, CALENDAR, moment(61.0))
    usage, call = passed(usage, call, Tariff(Decimal(1), 60.0), CALENDAR, moment(121.0))
    assert usage.day.amounts.money == Decimal("1.04")


def test_a_clock_that_stands_still():
    """Nothing is used in no time."""
    usage, call = call_of(0.0)
    assert passed(usage, call, CENTS, CALENDAR, moment(0.0)) == (usage, call)


def counted(*readings):
    """Bytes after each reading of the counters of a call (None: no counters), added up."""
    usage, call = call_of(0.0)
    found = []
    for now, reading in enumerate(readings):
        usage, call = carried(usage, call, *(reading or (None, None)), CALENDAR, moment(now))
        found.append(usage.day.amounts.data)
    return found


def test_bytes_are_differences():
    """What the counters showed at first is not of this call."""
    assert counted((1000, 500), (1000, 500), (1100, 520)) == [0, 0, 120]


def test_counters_that_go_back():
    """An interface made anew: no negative usage, and counting goes on from there."""
    assert counted((1000, 500), (10, 700), (30, 700)) == [0, 200, 220]


def test_an_interface_that_vanishes():
    """Counting goes on when it is back; one that was never there begins then."""
    assert counted((1000, 500), None, (1100, 500)) == [0, 0, 100]
    assert counted(None, (1000, 500), (1001, 501)) == [0, 0, 2]


def test_which_call_it_is():
    """The same interface and the same beginning, to the milliseconds that a record keeps."""
    _, call = call_of(1000.1234)
    assert same(call, 7, 1000.123)
    assert not same(call, 8, 1000.1234)
    assert not same(call, 7, 1000.2)


@given(unit=st.floats(0.5, 4000), looks=st.lists(st.floats(0, 4000), max_size=12), price=st.integers(0, 300))
def test_money_is_what_the_units_cost(unit, looks, price):
    """Never less than the time that has passed costs, never more than a unit beyond; the sum does not depend on the looks."""
    tariff = Tariff(Decimal(price) / 100, unit)
    usage, call = call_of(0.0, tariff=tariff)
    now = 0.0
    for step in looks:
        now += step
        usage, call = passed(usage, call, tariff, CALENDAR, moment(now))
    units = in_period(usage, Period.MONTH, moment(now)).money / tariff.price if price else 1
    if price:
        assert units == int(units)
        assert now / unit - 0.01 <= units <= now / unit + 1.01
    assert call.unit_began <= now + 0.001 < next_unit(call, tariff) + 0.002
