"""Time zones by name."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from icsframework.config.timezones import known_zones, load_zone


def test_a_zone_by_its_name():
    """It has the offsets of its place."""
    zone = load_zone("Europe/Berlin")
    assert datetime(2026, 7, 1, tzinfo=zone).strftime("%z %Z") == "+0200 CEST"
    assert "Europe/Berlin" in known_zones()


@pytest.mark.parametrize("name", ["Europe", "Mars/Base", "", "../../etc/passwd", "/etc/localtime", "UTC\0"])
def test_what_is_no_zone(name):
    """One kind of error, whatever is wrong with the name."""
    with pytest.raises(LookupError):
        load_zone(name)


def test_utc_needs_no_table():
    """It is known on a machine without any table of time zones."""
    assert load_zone("UTC") is UTC
    assert "UTC" in known_zones()


def test_a_machine_without_a_table():
    """The table of the package tzdata is used."""
    code = "from icsframework.config.timezones import load_zone; print(load_zone('Asia/Kolkata'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Asia/Kolkata\n"
