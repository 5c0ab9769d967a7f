"""Windows of local time: open or closed, and when that changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.quantities import TimeWindow, parse_time_window
from icsframework.uplinks.hours import is_open, next_change

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Asia/Kolkata"), UTC]
WALLS = st.floats(1_700_000_000, 1_900_000_000)


def at(text, fold=0, zone=BERLIN):
    """An instant, of local time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def windows(*texts):
    """As the file has them."""
    return tuple(parse_time_window(text) for text in texts)


def changes(hours, begin, end, zone=BERLIN):
    """Every change between two instants: local time with its offset, and what it becomes."""
    found = []
    while (begin := next_change(hours, begin, zone)) is not None and begin < end:
        local = datetime.fromtimestamp(begin, zone)
        found.append((local.strftime("%d %H:%M %Z"), is_open(hours, begin, zone)))
    return found


def test_a_window():
    """Open from its first minute on, closed from its end on."""
    hours = windows("06:00-23:00")
    times = ("05:59:59", "06:00", "22:59:59", "23:00")
    assert [is_open(hours, at(f"2026-11-25 {one}"), BERLIN) for one in times] == [False, True, True, False]
    assert changes(hours, at("2026-11-25 12:00"), at("2026-11-26 12:00")) == [
        ("25 23:00 CET", False),
        ("26 06:00 CET", True),
    ]


def test_a_window_past_midnight():
    """Midnight itself changes nothing."""
    hours = windows("22:00-06:00")
    assert is_open(hours, at("2026-11-25 00:00"), BERLIN)
    assert changes(hours, at("2026-11-25 12:00"), at("2026-11-26 12:00")) == [
        ("25 22:00 CET", True),
        ("26 06:00 CET", False),
    ]


def test_windows_that_touch_or_overlap():
    """Only where nothing is open it closes; the end of the day is midnight."""
    hours = windows("20:00-24:00", "00:00-02:00", "01:00-03:00", "12:00-13:00")
    assert changes(hours, at("2026-11-25 14:00"), at("2026-11-26 14:00")) == [
        ("25 20:00 CET", True),
        ("26 03:00 CET", False),
        ("26 12:00 CET", True),
        ("26 13:00 CET", False),
    ]


@pytest.mark.parametrize("hours", [(), windows("00:00-24:00"), windows("00:00-12:00", "12:00-24:00")])
def test_always_open(hours):
    """No windows, and windows that leave nothing out, never change."""
    assert is_open(hours, at("2026-11-25 12:00"), BERLIN)
    assert next_change(hours, at("2026-11-25 12:00"), BERLIN) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("02:30-04:00", [("29 03:00 CEST", True), ("29 04:00 CEST", False)]),
        ("02:10-02:50", []),
        ("01:00-02:30", [("29 01:00 CET", True), ("29 03:00 CEST", False)]),
        ("03:00-04:00", [("29 03:00 CEST", True), ("29 04:00 CEST", False)]),
    ],
)
def test_the_hour_that_summer_time_leaves_out(text, found):
    """On 29 March 2026 02:00 is followed by 03:00: a window inside of the gap does not come that day."""
    assert changes(windows(text), at("2026-03-29 00:00"), at("2026-03-29 12:00")) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "01:00-02:30",
            [
                ("25 01:00 CEST", True),
                ("25 02:30 CEST", False),
                ("25 02:00 CET", True),
                ("25 02:30 CET", False),
            ],
        ),
        ("01:00-04:00", [("25 01:00 CEST", True), ("25 04:00 CET", False)]),
        (
            "02:15-02:45",
            [
                ("25 02:15 CEST", True),
                ("25 02:45 CEST", False),
                ("25 02:15 CET", True),
                ("25 02:45 CET", False),
            ],
        ),
    ],
)
def test_the_hour_that_comes_twice(text, found):
    """On 25 October 2026 03:00 becomes 02:00: what a clock on the wall shows counts both times."""
    assert changes(windows(text), at("2026-10-25 00:00"), at("2026-10-25 12:00")) == found


def test_half_an_hour_of_offset():
    """Windows are those of local time where offsets are no whole hours."""
    zone = ZoneInfo("America/St_Johns")
    change = next_change(windows("06:00-23:00"), at("2026-11-25 03:00", zone=zone), zone)
    assert datetime.fromtimestamp(change, UTC).isoformat() == "2026-11-25T09:30:00+00:00"


WINDOWS = st.builds(TimeWindow, st.integers(0, 1439), st.integers(0, 1440)).filter(
    lambda one: one.start != one.end
)


@given(hours=st.lists(WINDOWS, min_size=1, max_size=3), wall=WALLS, zone=st.sampled_from(ZONES))
def test_the_next_change_is_a_change_and_the_first(hours, wall, zone):
    """It lies ahead, the answer differs from there on, and is the same until then."""
    change = next_change(hours, wall, zone)
    before = is_open(hours, wall, zone)
    if change is None:
        assert all(is_open(hours, wall + 600 * step, zone) == before for step in range(300))
        return
    assert change > wall
    assert is_open(hours, change, zone) != before
    steps = [wall + (change - wall) * part / 40 for part in range(40)]
    assert all(is_open(hours, min(step, change - 0.001), zone) == before for step in steps if step < change)
    assert is_open(hours, max(wall, change - 0.001), zone) == before
