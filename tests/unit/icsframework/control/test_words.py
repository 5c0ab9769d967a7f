"""Tables, amounts and times on a terminal."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from icsframework.control import words

NOW = datetime(2026, 11, 25, 23, 0, tzinfo=timezone(timedelta(hours=1)))
"""In Berlin; 22:00 UTC."""


def test_what_is_over_is_now() -> None:
    """A lease that ends this moment, or did, is not in the past of the future."""
    assert [words.until(text, NOW) for text in ("2026-11-25T21:59:00Z", "2026-11-25T22:00:00Z")] == [
        "now",
        "now",
    ]
    assert words.until("2026-11-25T22:01:05Z", NOW) == "in 1m 5s"


def test_sizes_and_spans_stay_short() -> None:
    """At most four characters and a unit; the two largest units of time."""
    assert [words.size(n) for n in (0, 999, 1000, 12345, 999_999, 10**9, 10**15)] == [
        "0 B", "999 B", "1.0 kB", "12.3 kB", "1000 kB", "1.0 GB", "1000 TB",
    ]  # fmt: skip
    assert [words.span(n) for n in (0, 59, 61, 3600, 90061)] == ["0s", "59s", "1m 1s", "1h", "1d 1h"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-25T22:04:30Z", "23:04:30"),
        ("2026-11-25T21:51:00Z", "22:51:00"),
        ("2026-11-25T22:30:00Z", "23:30"),
        ("2026-11-25T23:05:00Z", "tomorrow 00:05"),
        ("2026-11-26T05:00:00Z", "tomorrow 06:00"),
        ("2026-11-30T23:00:00Z", "Tue 1 Dec 00:00"),
        ("2026-12-31T23:00:00Z", "Fri 1 Jan 2027 00:00"),
    ],
)
def test_times_by_the_clock_of_who_reads_them(text: str, shown: str) -> None:
    """As short as they are clear; with seconds only when it is a matter of minutes."""
    assert words.clock(text, NOW) == shown


def test_a_time_to_come_and_one_that_was() -> None:
    """How long until then; a date for lists."""
    assert words.until_clock("2026-11-26T05:00:00Z", NOW) == "tomorrow 06:00 (in 7h)"
    assert words.stamp("2026-11-25T23:00:07Z", NOW) == "2026-11-26 00:00:07"


def test_summer_time_of_the_machine_is_that_of_each_moment() -> None:
    """In an Oslo winter a time of July has July's offset, and of the hour that comes twice each is told from the other."""
    code = (
        "from datetime import datetime, UTC; from icsframework.control.words import LOCAL, stamp, seconds\n"
        "now = datetime(2026, 11, 25, 22, tzinfo=UTC).astimezone(LOCAL)\n"
        "print(now.hour, stamp('2026-07-01T10:00:00Z', now), now.utcoffset())\n"
        "for hour in (0, 1):\n"
        "    print(datetime(2026, 10, 25, hour, 30, tzinfo=UTC).astimezone(LOCAL).isoformat())\n"
        "print(seconds('2026-11-25T22:00:30Z', now), LOCAL.tzname(now), LOCAL.dst(now))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        env=os.environ | {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"},
    )
    assert done.stdout.splitlines() == [
        "23 2026-07-01 12:00:00 1:00:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "30.0 local None",
    ]


def test_now_is_now_by_the_clock_of_the_machine() -> None:
    """Whatever its time zone is."""
    assert abs(datetime.now(words.LOCAL) - datetime.now(UTC)) < timedelta(seconds=5)


def test_sentences_stand_behind_a_line_or_below_it() -> None:
    """A single one behind, if the terminal is wide enough; several below, each on its own and wrapped."""
    lines = ["NAME", "modem", "cable"]
    assert words.explained(lines, [["WHY"], ["busy"], ["one", "", "two"]]) == [
        "NAME   WHY",
        "modem  busy",
        "cable",
        "    one",
        "    two",
    ]
    long = words.explained(["modem"], [["no dial tone " * 9]])
    assert long[0] == "modem"
    assert len(long) == 3
    assert all(line.startswith("    ") for line in long[1:])
    assert max(map(len, long)) <= words.WIDTH
    edge = "x" * (words.WIDTH - len("modem") - 2)
    assert words.explained(["modem"], [[edge]]) == [f"modem  {edge}"]
    assert words.explained(["modem"], [[edge + "x"]])[0] == "modem"


def test_colours_do_not_count() -> None:
    """Columns are as wide as what is seen."""
    red = words.paint("failed", True)
    assert red == "\x1b[31mfailed\x1b[0m"
    assert words.paint("failed", False) == words.paint("failed", False)
    assert (words.paint("armed", True), words.width_of(red)) == ("armed", 6)
    assert words.table(("A", "B"), [(red, "x")]) == ["A       B", f"{red}  x"]
    assert words.explained([f"a  {red}"], [["why"]]) == [f"a  {red}  why"]
