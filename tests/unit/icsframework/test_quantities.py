"""Amounts as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.quantities import (
    FieldError,
    Period,
    Rate,
    TimeWindow,
    format_bandwidth,
    format_duration,
    format_money,
    format_rate,
    format_size,
    parse_bandwidth,
    parse_count,
    parse_duration,
    parse_money,
    parse_rate,
    parse_size,
    parse_time_window,
    shown,
)

GARBAGE = [
    None,
    True,
    False,
    [],
    {},
    "",
    " ",
    "x",
    "-1",
    -1,
    "1 2",
    "\0",
    "9" * 300,
    float("nan"),
    float("inf"),
    10**400,
]


def refused(parse, values):
    """Those of the values that were accepted although none should be."""
    accepted = []
    for value in values:
        try:
            accepted.append((value, parse(value)))
        except FieldError as error:
            assert error.advice, f"the refusal of {value!r} does not say what to write"
    return accepted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("12h", 43200.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("1.5h", 5400.0),
        ("500ms", 0.5),
        ("7d", 604800.0),
        ("2w", 1209600.0),
        ("0s", 0.0),
        (90, 90.0),
        (0.1, 0.1),
        (0, 0.0),
    ],
)
def test_durations_are_read_as_people_write_them(text, seconds):
    """Units combine from large to small; a plain number counts seconds."""
    assert parse_duration(text) == seconds


def test_what_is_no_duration_is_refused():
    """Unknown, repeated and misordered units, bare text and absurd lengths are refused."""
    wrong = ["90", "12 hours", "30m1h", "1h1h", "1h30", "h", "1y", "200000d", "-5m", "1e3s", "1_0s", "١s"]
    assert refused(parse_duration, GARBAGE + wrong) == []


@given(st.integers(0, 10**9))
def test_every_duration_reads_back(seconds):
    """What format_duration writes, parse_duration understands."""
    assert parse_duration(format_duration(seconds)) == seconds
    assert parse_duration(format_duration(seconds / 1000)) == pytest.approx(seconds / 1000, abs=0.001)


def test_durations_are_written_short():
    """The spelling a person would choose."""
    assert [format_duration(n) for n in (0, 59, 60, 5400, 86400, 90061, 0.5, 1.25)] == [
        "0s",
        "59s",
        "1m",
        "1h30m",
        "1d",
        "1d1h1m1s",
        "500ms",
        "1.25s",
    ]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("10MiB", 10 << 20),
        ("1.5GB", 1_500_000_000),
        ("4096B", 4096),
        ("2 kb", 2000),
        (7, 7),
        (7.0, 7),
    ],
)
def test_sizes_are_read_as_people_write_them(text, size):
    """Decimal and binary units differ by the i; a plain number counts bytes."""
    assert parse_size(text) == size


def test_what_is_no_size_is_refused():
    """A bare M could be either, so it is refused."""
    assert refused(parse_size, [*GARBAGE, "500M", "MB", "5PB", "1.5", 0.5, "2EB", "9999999TB"]) == []


@given(st.integers(0, 10**15))
def test_every_size_reads_back(size):
    """What format_size writes, parse_size understands exactly."""
    assert parse_size(format_size(size)) == size


def test_bandwidths():
    """Bits per second with a decimal unit; nothing is no bandwidth."""
    assert [parse_bandwidth(t) for t in ("20Mbit/s", "512kbit/s", "1.5 Mbit/s", "300bit/s", 9600)] == [
        20_000_000,
        512_000,
        1_500_000,
        300,
        9600,
    ]
    assert [format_bandwidth(n) for n in (20_000_000, 1_500_000, 300, 10**9)] == [
        "20Mbit/s",
        "1500kbit/s",
        "300bit/s",
        "1Gbit/s",
    ]
    assert refused(parse_bandwidth, [*GARBAGE, 0, "0bit/s", "20MB/s", "20Mbit", "20"]) == []


@given(st.decimals(0, 10**6, places=4))
def test_every_amount_of_money_reads_back(money):
    """What format_money writes, parse_money understands exactly; without digits that say nothing."""
    assert parse_money(format_money(money)) == money
    assert [format_money(Decimal(text)) for text in ("10.50", "100", "0.00")] == ["10.5", "100", "0"]


def test_money_keeps_the_digits_of_the_file():
    """0.02 in the file is exactly two hundredths."""
    assert [parse_money(v) for v in (0.02, 10, "1.50", Decimal("0.1"), 0)] == [
        Decimal("0.02"),
        Decimal(10),
        Decimal("1.50"),
        Decimal("0.1"),
        Decimal(0),
    ]
    assert (
        refused(parse_money, [*GARBAGE, "1e5", "1_000", "5 EUR", Decimal("NaN"), Decimal(-1), 10**10]) == []
    )


def test_counts():
    """Whole numbers, zero or more."""
    assert [parse_count(v) for v in (20, "20", 0)] == [20, 20, 0]
    assert refused(parse_count, [*GARBAGE, 1.5, "1.5", 10**10]) == []


def test_rates_name_amount_and_period():
    """An amount, a slash and hour, day or month."""
    assert parse_rate("2h/day", parse_duration, "2h/day") == Rate(7200.0, Period.DAY)
    assert parse_rate(" 500MB / month ", parse_size, "500MB/month") == Rate(500_000_000, Period.MONTH)
    assert parse_rate("20/hour", parse_count, "20/hour") == Rate(20, Period.HOUR)
    assert format_rate(Rate(7200.0, Period.DAY), format_duration) == "2h/day"
    wrong = [*GARBAGE, "2h", "2h/week", "2h/day/day", "/day", "2h/", "x/day", 5]
    assert refused(lambda value: parse_rate(value, parse_duration, "2h/day"), wrong) == []


def test_a_window_knows_its_minutes():
    """The start belongs to it, the end does not; it may pass midnight."""
    day, night, whole = (parse_time_window(t) for t in ("06:00-23:00", "22:00-06:30", "00:00-24:00"))
    assert [day.contains(m) for m in (359, 360, 1379, 1380)] == [False, True, True, False]
    assert [night.contains(m) for m in (1319, 1320, 0, 389, 390)] == [False, True, True, True, False]
    assert all(whole.contains(m) for m in range(1440))
    assert [str(w) for w in (day, night, whole)] == ["06:00-23:00", "22:00-06:30", "00:00-24:00"]


def test_what_is_no_window_is_refused():
    """Minutes beyond 59, hours beyond the day and empty windows are refused."""
    wrong = [
        *GARBAGE,
        "06:00",
        "06:00-06:00",
        "24:00-06:00",
        "06:60-07:00",
        "06:00-24:01",
        "6-23",
        "06:00-23:00-24:00",
        630,
    ]
    assert refused(parse_time_window, wrong) == []
    assert parse_time_window(TimeWindow(0, 60)) == TimeWindow(0, 60)


def test_quoted_values_are_short_printable_and_on_one_line():
    """Whatever the file holds, a message stays one line."""
    assert [shown(v) for v in ("a\nb\x1b[31m", None, True, 5, {}, [], "x" * 100)] == [
        "'a?b?[31m'",
        "'nothing'",
        "'true'",
        "'5'",
        "a mapping",
        "a list",
        f"'{'x' * 40}...'",
    ]
