"""Days and billing months as spans of instants."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.uplinks.periods import Calendar, Span, local_text

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Asia/Kolkata"), UTC, ZoneInfo("Pacific/Apia")]
WALLS = st.floats(0, 4_000_000_000)  # 1970 to 2096
DAY = 86400.0


def at(text, zone=BERLIN):
    """An instant, of local time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def shown(span, zone=BERLIN):
    """A span as local times."""
    return tuple(
        datetime.fromtimestamp(one, zone).strftime("%Y-%m-%d %H:%M") for one in (span.start, span.end)
    )


@pytest.mark.parametrize(
    ("noon", "hours"), [("2026-03-28 12:00", 24), ("2026-03-29 12:00", 23), ("2026-10-25 12:00", 25)]
)
def test_a_day_is_as_long_as_the_clocks_make_it(noon, hours):
    """23 hours when summer time begins in Berlin, 25 when it ends."""
    span = Calendar(BERLIN).day(at(noon))
    assert span.end - span.start == hours * 3600
    assert shown(span)[0] == noon[:10] + " 00:00"


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("America/St_Johns", timedelta(hours=-3.5)),
        ("Asia/Kolkata", timedelta(hours=5.5)),
        ("UTC", timedelta(0)),
    ],
)
def test_days_of_other_offsets(zone, offset):
    """Midnight is that of the zone, half hours included (in winter)."""
    noon = datetime(2026, 1, 15, 12, tzinfo=timezone(offset))
    midnight = noon.replace(hour=0).timestamp()
    assert Calendar(ZoneInfo(zone)).day(noon.timestamp()) == Span(midnight, midnight + DAY)


def test_clocks_that_are_put_back_over_midnight():
    """In St. John's 2006 00:01 became 23:01 of the day before: the new day had begun and goes on, 25 hours long."""
    zone = ZoneInfo("America/St_Johns")
    first = at("2006-10-29 00:00", zone)
    again = datetime(2006, 10, 28, 23, 30, fold=1, tzinfo=zone).timestamp()
    assert first < again
    calendar = Calendar(zone)
    assert calendar.day(again) == calendar.day(first) == calendar.day(at("2006-10-29 12:00", zone))
    assert calendar.day(first).end - calendar.day(first).start == 25 * 3600
    assert calendar.day(first - 1).end == first


def test_a_midnight_that_clocks_leave_out():
    """In Beirut 2026 summer time begins at midnight: the day begins at one o'clock."""
    zone = ZoneInfo("Asia/Beirut")
    span = Calendar(zone).day(at("2026-03-29 12:00", zone))
    assert shown(span, zone) == ("2026-03-29 01:00", "2026-03-30 00:00")
    assert Calendar(zone).day(span.start) == span


def test_a_day_that_a_country_left_out():
    """Samoa had no 30 December 2011: the 29th is followed by the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    before = Calendar(zone).day(at("2011-12-29 12:00", zone))
    assert shown(Calendar(zone).day(before.end), zone) == ("2011-12-31 00:00", "2012-01-01 00:00")


@pytest.mark.parametrize(
    ("billing_day", "today", "first", "following"),
    [
        (1, "2026-11-25", "2026-11-01", "2026-12-01"),
        (31, "2026-11-29", "2026-10-31", "2026-11-30"),
        (31, "2026-11-30", "2026-11-30", "2026-12-31"),
        (31, "2026-12-31", "2026-12-31", "2027-01-31"),
        (31, "2027-02-27", "2027-01-31", "2027-02-28"),
        (31, "2027-02-28", "2027-02-28", "2027-03-31"),
        (30, "2027-02-28", "2027-02-28", "2027-03-30"),
        (29, "2027-02-28", "2027-02-28", "2027-03-29"),
        (29, "2028-02-28", "2028-01-29", "2028-02-29"),
        (29, "2028-02-29", "2028-02-29", "2028-03-29"),
        (30, "2028-02-29", "2028-02-29", "2028-03-30"),
        (31, "2028-02-29", "2028-02-29", "2028-03-31"),
        (15, "2026-01-14", "2025-12-15", "2026-01-15"),
        (28, "2100-02-28", "2100-02-28", "2100-03-28"),
        (29, "2100-02-28", "2100-02-28", "2100-03-29"),
    ],
)
@pytest.mark.parametrize("time", ["00:00", "23:59"])
def test_billing_months(billing_day, today, first, following, time):
    """A billing day that a month does not have is its last day, in leap years too."""
    span = Calendar(BERLIN, billing_day).month(at(f"{today} {time}"))
    assert shown(span) == (f"{first} 00:00", f"{following} 00:00")


@given(wall=WALLS, zone=st.sampled_from(ZONES), billing_day=st.integers(1, 31), days=st.booleans())
def test_periods_follow_each_other(wall, zone, billing_day, days):
    """Each instant is in its period, and at its end begins the next one: boundaries strictly increase."""
    calendar = Calendar(zone, billing_day)
    find = calendar.day if days else calendar.month
    span = find(wall)
    assert wall in span
    following = find(span.end)
    assert following.start == span.end < following.end
    assert find(span.start) == span
    assert find(span.start - 1).end == span.start


@given(day=st.dates(date(1970, 1, 2), date(2090, 1, 1)))
def test_utc_days(day):
    """Without a change of clocks days are what they seem."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    assert Calendar(UTC).day(noon) == Span(noon - DAY / 2, noon + DAY / 2)


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (at("2026-11-26 00:00"), "2026-11-26 00:00 CET"),
        (at("2026-07-26 00:00:01"), "2026-07-26 00:01 CEST"),
        (at("2026-11-26 00:00") + 0.2, "2026-11-26 00:00 CET"),
        (at("2026-11-26 00:00") - 0.2, "2026-11-26 00:00 CET"),
    ],
)
def test_local_text(wall, text):
    """Whole minutes, never too early; what clocks disagree about by milliseconds does not show."""
    assert local_text(wall, BERLIN) == text
