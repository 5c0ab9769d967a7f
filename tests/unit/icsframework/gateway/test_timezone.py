"""gateway.timezone: the machine's own local time, or a zone by name."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from icsframework.errors import ConfigurationError
from icsframework.gateway.timezone import find_zone

CODE = """
from datetime import UTC, datetime
from icsframework.gateway.timezone import find_zone
import sys
zone = find_zone("system")
for seconds in {instants}:
    local = datetime.fromtimestamp(seconds, zone)
    assert local.timestamp() == seconds, (seconds, local)
    print(local.strftime("%Y-%m-%d %H:%M %z %Z"))
print("zoneinfo" in sys.modules)
"""


def shown(tz, *instants):
    """Local times of a machine whose variable TZ is that."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(instants=instants)],
        env={**os.environ, "TZ": tz},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def at(text):
    """An instant, of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize("tz", ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"])
def test_the_local_time_of_the_machine(tz):
    """By name or rule, through gap and fold, and without a table of zones in Python."""
    instants = [
        at(one) for one in ("2026-03-29T00:59", "2026-03-29T01:00", "2026-10-25T00:30", "2026-10-25T01:30")
    ]
    assert shown(tz, *instants) == [
        "2026-03-29 01:59 +0100 CET",
        "2026-03-29 03:00 +0200 CEST",
        "2026-10-25 02:30 +0200 CEST",
        "2026-10-25 02:30 +0100 CET",
        "False",
    ]


def test_local_times_that_clocks_leave_out():
    """A midnight in a gap is the instant at which it ends, as with zones of zoneinfo."""
    code = (
        "from datetime import date\n"
        "from icsframework.gateway.timezone import find_zone\n"
        "from icsframework.uplinks.periods import Calendar\n"
        "print(*(Calendar(find_zone(name)).midnight(date(2026, 3, 29)) for name in ('system', 'Asia/Beirut')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": "Asia/Beirut"},
        capture_output=True,
        text=True,
        check=True,
    )
    system, named = done.stdout.split()
    assert system == named == str(at("2026-03-28T22:00"))


def test_a_zone_by_name():
    """It is that zone."""
    assert datetime(2026, 7, 1, tzinfo=find_zone("Asia/Kolkata")).strftime("%z") == "+0530"


def test_a_zone_that_is_gone():
    """The sentence has the key and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        find_zone("Mars/Base")
    assert str(caught.value) == (
        "gateway.timezone: there is no time zone 'Mars/Base'; write system, or a name such as Europe/Berlin"
    )
