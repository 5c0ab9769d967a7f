"""The journal of added mappings: written, read back, and what time means after a restart."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.mappings.held import ADDED, Held
from icsframework.mappings.records import Moment, record_of, removal_of, replay
from icsframework.values import Endpoint

THEN = Moment(1000.0, 1_800_000_000.0, True, "boot 1")
WEB = Held("cable", "tcp", 8080, Endpoint(ip_address("192.168.0.10"), 80), None, ADDED, None)
GAME = Held(
    "dsl",
    "udp",
    6112,
    Endpoint(ip_address("192.168.0.11"), 6112),
    ip_address("192.0.2.80"),
    ADDED,
    4600.0,
    3600.0,
    8,
)


def back(records, at: Moment = THEN) -> list[Held]:
    """What is read, without anything odd."""
    held, odd = replay(records, at)
    assert odd == 0
    return held


def test_what_is_written_is_read() -> None:
    """All that belongs to it."""
    assert back([record_of([WEB, GAME], THEN)]) == [WEB, GAME]


def test_the_last_word_counts() -> None:
    """Removed, added anew, renewed."""
    renewed = replace(GAME, expires=4500.0)
    records = [record_of([WEB, GAME], THEN), removal_of([WEB]), record_of([renewed], THEN)]
    assert back(records) == [renewed]
    assert back([*records, record_of([WEB], THEN)]) == [renewed, WEB]
    assert back([removal_of([WEB])]) == []


@pytest.mark.parametrize(
    ("at", "left"),
    [
        (Moment(2000.0, 1_800_001_000.0, True, "boot 1"), 2600.0),
        (Moment(2000.0, 1_900_000_000.0, True, "boot 1"), 2600.0),
        (Moment(2000.0, 0.0, False, "boot 1"), 2600.0),
        (Moment(50.0, 1_800_001_000.0, True, "boot 2"), 2600.0),
        (Moment(50.0, 1_700_000_000.0, True, "boot 2"), 3600.0),
        (Moment(50.0, 1_800_001_000.0, False, "boot 2"), 3600.0),
    ],
    ids=["same boot", "wall clock set", "wall clock lost", "reboot", "set back", "reboot without clock"],
)
def test_the_time_that_is_left(at: Moment, left: float) -> None:
    """By the clock of the boot, else by a wall clock that is trusted; never more than was asked for."""
    (held,) = back([record_of([GAME], THEN)], at)
    assert held == replace(GAME, expires=at.now + left)


def test_a_wall_clock_that_was_wrong_when_written_means_nothing() -> None:
    """The whole time begins again."""
    record = record_of([GAME], THEN._replace(wall=0.0, trusted=False))
    (held,) = back([record], Moment(50.0, 1_800_001_000.0, True, "boot 2"))
    assert held.expires == 50.0 + 3600.0


@pytest.mark.parametrize(
    "at", [THEN._replace(now=4600.0), Moment(9.0, THEN.wall + 3601, True, "boot 2")], ids=["here", "reboot"]
)
def test_what_is_over_is_not_read(at: Moment) -> None:
    """While nobody was there, its time went on."""
    assert back([record_of([GAME], THEN)], at) == []


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "sctp"},
        {"port": 0},
        {"port": "x"},
        {"count": 0},
        {"count": 65536},
        {"to": "nowhere"},
        {"to_port": 65535, "count": 2},
        {"remote": 7.5},
        {"duration": "long"},
        {"uplink": None, "port": None},
    ],
    ids=str,
)
def test_an_entry_that_makes_no_sense_is_counted(change: dict) -> None:
    """The others are read."""
    record = record_of([GAME, WEB], THEN)
    record["keep"][0].update(change)
    assert replay([record], THEN) == ([WEB], 1)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["keep", "end", "other"]),
            st.lists(
                st.dictionaries(
                    st.sampled_from(["uplink", "protocol", "port", "count", "to", "to_port", "duration"]),
                    st.none() | st.integers() | st.text(max_size=5),
                ),
                max_size=3,
            ),
        ),
        max_size=4,
    )
)
def test_no_record_stops_a_start(records: list) -> None:
    """Whatever somebody wrote into the file."""
    held, odd = replay(records, THEN)
    assert odd <= sum(len(entries) for record in records for entries in record.values())
    assert all(one.added for one in held)
