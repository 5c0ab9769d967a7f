"""What was used in the last hour, on the day and in the month; and clocks that cannot be right."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.quantities import Period
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.usage import NOTHING, Amounts, Usage, added, in_period, last_hour, rolled, spread

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
WALL = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
"""What the wall clock shows when IClock.now is 0."""
HOUR, DAY = 3600.0, 86400.0


def moment(now, wall=WALL):
    """The clocks, of which the second one shows ``wall`` more."""
    return Moment(now, None if wall is None else wall + now)


def dials(usage, at):
    """Attempts of the hour, the day and the month."""
    return tuple(in_period(usage, period, at).dials for period in Period)


def dial(usage, *times, wall=WALL):
    """With an attempt at each of these times."""
    for now in times:
        usage = added(usage, Amounts(dials=1), BERLIN, moment(now, wall))
    return usage


def connected(usage, begin, end, wall=WALL):
    """With a second of connection in each second."""
    return spread(usage, lambda a, b: Amounts(time=b - a), begin, BERLIN, moment(end, wall))


def test_the_last_hour_slides():
    """A minute counts until all of it is an hour old."""
    usage = dial(Usage(), 30, 90)
    seen = [last_hour(usage, now).dials for now in (100, 3659, 3660, 3719, 3720)]
    assert seen == [2, 2, 1, 1, 0]
    assert rolled(usage, BERLIN, moment(3720)).minutes == ()


def test_what_is_over_is_not_kept():
    """Whatever is used, no more than the minutes of an hour are there."""
    usage = connected(Usage(), 0, 100 * HOUR)
    assert len(usage.minutes) <= 62
    assert 60 <= last_hour(usage, 100 * HOUR).time / 60 <= 61


def test_day_and_month_begin_anew():
    """The hour knows nothing of midnight; day and month are counted from theirs."""
    midnight = 11 * HOUR
    usage = dial(Usage(), midnight - 60, midnight + 60)
    assert dials(usage, moment(midnight + 60)) == (2, 1, 2)
    first_of_december = midnight + 5 * DAY
    assert dials(rolled(usage, BERLIN, moment(first_of_december)), moment(first_of_december)) == (0, 0, 0)
    assert dials(rolled(usage, BERLIN, moment(first_of_december - 1)), moment(first_of_december - 1)) == (
        0,
        0,
        2,
    )


def test_a_limit_is_asked_ahead():
    """After the end of a day nothing of it counts, though nobody has rolled the usage yet."""
    usage = dial(Usage(), 0)
    assert in_period(usage, Period.DAY, moment(11 * HOUR - 1)).dials == 1
    assert in_period(usage, Period.DAY, moment(11 * HOUR)).dials == 0


def test_time_over_midnight_is_split():
    """Each day gets its part, also of one long look."""
    usage = dial(Usage(), 0)
    usage = connected(usage, 10 * HOUR, 12.5 * HOUR)
    assert in_period(usage, Period.DAY, moment(12.5 * HOUR)).time == 1.5 * HOUR
    assert in_period(usage, Period.MONTH, moment(12.5 * HOUR)).time == 2.5 * HOUR
    assert usage.day.before.time == HOUR


def test_a_sleep_of_days_while_up():
    """Of the days between nothing is left, today's part is right."""
    usage = connected(dial(Usage(), 0), 0, 11 * HOUR + 3 * DAY + 100)
    assert usage.day.amounts == Amounts(time=100.0)
    assert usage.month.amounts == Amounts(time=11 * HOUR + 3 * DAY + 100, dials=1)


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_day_on_which_clocks_are_changed(day):
    """It is whole: 23 or 25 hours of connection fit."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC).timestamp()
    span = BERLIN.day(noon)
    begin, end = span.start - noon, span.end - noon - 1
    usage = connected(dial(Usage(), begin, wall=noon), begin, end, wall=noon)
    assert usage.day.amounts.time == {"2026-03-29": 23 * HOUR, "2026-10-25": 25 * HOUR}[day] - 1
    assert in_period(usage, Period.DAY, moment(end + 1, noon)) == NOTHING


# --- a clock that cannot be right


def test_without_a_right_clock_nothing_ends():
    """Day and month go on; the hour ends as ever."""
    usage = dial(Usage(), 0)
    usage = dial(usage, 20 * HOUR, 40 * DAY, wall=None)
    assert dials(usage, moment(40 * DAY, None)) == (1, 3, 3)


def test_the_clock_is_right_again_in_the_same_day():
    """What was used meanwhile counts for it."""
    usage = rolled(dial(dial(Usage(), 0), HOUR, wall=None), BERLIN, moment(2 * HOUR))
    assert dials(usage, moment(2 * HOUR)) == (1, 2, 2)
    assert usage.day.unsure == NOTHING


def test_the_clock_is_right_again_on_another_day():
    """What was used with the wrong clock counts for that day, what was used before does not."""
    usage = rolled(dial(dial(Usage(), 0), 11.5 * HOUR, wall=None), BERLIN, moment(12 * HOUR))
    assert dials(usage, moment(12 * HOUR)) == (1, 1, 2)


def test_a_clock_that_was_never_right_before():
    """The first right time finds the period that all of it counts for."""
    usage = rolled(dial(Usage(), 0, 1, wall=None), BERLIN, moment(60))
    assert dials(usage, moment(60)) == (2, 2, 2)
    assert usage.day.span == BERLIN.day(WALL)


def test_a_clock_put_forward_and_back():
    """A year ahead by mistake, then right again: nothing of the month is lost."""
    year = 365 * DAY
    usage = dial(dial(Usage(), 0, 1), 100, wall=WALL + year)
    assert dials(usage, moment(100, WALL + year)) == (3, 1, 1)
    usage = rolled(usage, BERLIN, moment(200))
    assert dials(usage, moment(200)) == (3, 3, 3)


def test_a_clock_put_back_over_midnight():
    """It gives nobody a new day: what the new day had counts for the old one too."""
    usage = dial(dial(Usage(), 0), 11 * HOUR + 60)
    usage = rolled(usage, BERLIN, moment(11 * HOUR + 120, WALL - 1800))
    assert in_period(usage, Period.DAY, moment(11 * HOUR + 120, WALL - 1800)).dials == 2


def test_a_clock_put_back_by_months():
    """What was used goes on to count, in the period that it is now."""
    usage = rolled(dial(Usage(), 0), BERLIN, moment(60, WALL - 100 * DAY))
    assert dials(usage, moment(60, WALL - 100 * DAY)) == (1, 1, 1)
    assert usage.month.span == BERLIN.month(WALL - 100 * DAY)


def test_another_billing_day():
    """A new beginning of the month loses nothing of this one."""
    usage = dial(Usage(), 0)
    other = Calendar(BERLIN.zone, 15)
    usage = rolled(usage, other, moment(60))
    assert usage.month.amounts.dials == 1
    assert usage.month.span == other.month(WALL)


# --- properties

AMOUNTS = st.builds(
    Amounts,
    st.integers(0, 100).map(float),
    st.integers(0, 10**9),
    st.integers(0, 5),
    st.integers(0, 500).map(lambda cents: Decimal(cents) / 100),
)
STEPS = st.lists(st.tuples(st.floats(0, 3 * DAY), AMOUNTS, st.sampled_from([WALL, None])), max_size=15)


@given(STEPS)
def test_nothing_is_lost_within_a_period(steps):
    """The sum of the parts is in the month while it lasts, never less than the day, never less than nothing."""
    usage, now, total = Usage(), 0.0, NOTHING
    for step, amounts, wall in steps:
        now = min(now + step, 4 * DAY)
        usage = added(usage, amounts, BERLIN, moment(now, wall))
        total += amounts
        hour, day, month = (in_period(usage, period, moment(now, wall)) for period in Period)
        assert month == total
        for kind in ("time", "data", "dials", "money"):
            assert 0 <= getattr(hour, kind) <= getattr(total, kind)
            assert 0 <= getattr(day, kind) <= getattr(month, kind)


@given(st.lists(st.floats(0, 10 * HOUR), min_size=1, max_size=12))
def test_however_often_one_looks(steps):
    """A connection that is looked at now and then is as long as one that is looked at once."""
    usage, now = Usage(), 0.0
    for step in steps:
        usage = connected(usage, now, now + step)
        now += step
    once = connected(Usage(), 0.0, now)
    for period in Period:
        parts, whole = in_period(usage, period, moment(now)), in_period(once, period, moment(now))
        if period is Period.HOUR or now < 11 * HOUR:
            assert parts.time == pytest.approx(whole.time, abs=0.001)
        assert parts.time <= now + 0.001
    assert last_hour(usage, now).time <= 61 * 60 + 0.001
