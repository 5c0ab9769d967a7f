"""A link that redials or flaps all night leaves room for everything else."""

from typing import Any

from icsframework.gateway.repeats import PER_DAY, REFUSED_PER_DAY, ROW, add

Record = dict[str, Any]


def record(time: float, event: str, reason: str = "", uplink: str = "modem", **more: Any) -> Record:
    """One of the journal."""
    return {"time": time, "uplink": uplink, "event": event, "cause": None, "reason": reason, **more}


def kept(*records: Record) -> list[Record]:
    """What stays of them."""
    found: list[Record] = []
    for one in records:
        add(found, dict(one))
    return found


def brief(records: list[Record]) -> list[tuple[Any, ...]]:
    """Time, event, reason and count of each."""
    return [(one["time"], one["event"], one["reason"], one.get("times", 1)) for one in records]


def tries(*reasons: str) -> list[Record]:
    """A try every ten seconds, each with its end."""
    return [
        part
        for number, reason in enumerate(reasons)
        for part in (record(10.0 * number, "connecting"), record(10.0 * number + 5, "failed", reason))
    ]


def test_equal_failures_in_a_row_are_one() -> None:
    """Counted, with the time of the first and of the last, and the steps of the last."""
    rows = tries("busy", "busy", "busy")
    rows[-1]["steps"] = [{"stage": "calling", "seconds": 3.0}]
    found = kept(*rows)
    assert brief(found) == [(0.0, "connecting", "", 1), (5.0, "failed", "busy", 3)]
    assert (found[1]["last"], found[1]["steps"]) == (25.0, rows[-1]["steps"])


def test_numbers_in_turn_are_a_row_too() -> None:
    """Each reason once, as long as there are not too many of them."""
    found = kept(*tries("busy", "no answer", "busy", "no answer", "busy"))
    assert [row[2:] for row in brief(found) if row[1] == "failed"] == [("busy", 3), ("no answer", 2)]
    many = [f"reason {number}" for number in range(ROW + 1)]
    assert [row[3] for row in brief(kept(*tries(*many, many[0]))) if row[1] == "failed"] == [1] * (ROW + 2)


def test_a_row_ends_when_the_link_comes_up_or_somebody_hangs_up() -> None:
    """Then the same failure is news again; so is one for another cause or of another uplink."""
    for between in ("up", "down", "absent"):
        found = kept(*tries("busy"), record(7.0, between), *tries("busy"))
        assert [row[3] for row in brief(found)] == [1] * 5
    other = record(9.0, "failed", "busy", cause={"rule": "dns"})
    assert len(kept(*tries("busy"), other, record(9.0, "failed", "busy", "cable"))) == 4


def test_other_uplinks_do_not_end_a_row() -> None:
    """And nothing of theirs is taken away."""
    cable = record(8.0, "connecting", uplink="cable")
    first, second = tries("busy"), [record(20.0, "connecting"), cable, record(25.0, "failed", "busy")]
    assert [(one["uplink"], one["event"]) for one in kept(*first, *second)] == [
        ("modem", "connecting"),
        ("modem", "failed"),
        ("cable", "connecting"),
    ]


def test_by_a_wrong_clock_nothing_is_made_one() -> None:
    """Its times are corrected later, each for itself."""
    rows = [one | {"trusted": False} for one in tries("busy", "busy")]
    assert len(kept(*rows)) == 4
    assert len(kept(*tries("busy"), *rows)) == 6


def test_what_was_made_one_is_read_back_as_it_is() -> None:
    """A compacted journal, and what was appended to it afterwards."""
    once = kept(*tries("busy", "busy", "no answer"))
    assert kept(*once) == once
    assert brief(kept(*once, *tries("busy")))[1][3] == 3


def flaps(count: int, start: float = 0.0) -> list[Record]:
    """A link that comes and goes, every ten seconds."""
    return [
        record(start + 10.0 * number, event)
        for number in range(count)
        for event in ("connecting", "up", "down")
    ]


def test_a_day_of_flaps_keeps_its_beginning_and_its_end() -> None:
    """The first after the gap says how many are missing; another uplink and another day lose nothing."""
    rows = flaps(1000)
    cable = record(1.0, "up", uplink="cable")
    found = kept(cable, *rows, record(90000.0, "up"))
    assert found[0] == cable
    assert found[1 : 1 + PER_DAY // 2] == rows[: PER_DAY // 2]
    assert found[2 + PER_DAY // 2 : -1] == rows[1 - PER_DAY // 2 :]
    assert [one["skipped"] for one in found if "skipped" in one] == [len(rows) - PER_DAY]
    assert len(found) == PER_DAY + 2
    assert kept(*found) == found


def refused(
    time: float, client: str = "192.168.0.9", reason: str = "limits.dials: 20/hour are used up"
) -> Record:
    """A wish that a limit forbids."""
    return record(time, "refused", reason, cause={"client": client, "destination": f"192.0.2.1:{time:.0f}"})


def test_equal_wishes_that_are_refused_are_one() -> None:
    """By who wants it and the key that decides: with another destination, and until another time, it is the same wish."""
    found = kept(
        refused(0.0, reason="limits.dials: 20/hour are used up; again at 10:00"),
        refused(5.0, "192.168.0.10"),
        refused(9.0, reason="limits.dials: 20/hour are used up; again at 10:07"),
        refused(9.5, reason="hours: only from 06:00-23:00"),
    )
    assert [(one["time"], one["reason"][:30], one.get("times", 1), one.get("last")) for one in found] == [
        (0.0, "limits.dials: 20/hour are used", 2, 9.0),
        (5.0, "limits.dials: 20/hour are used", 1, None),
        (9.5, "hours: only from 06:00-23:00", 1, None),
    ]
    assert found[0]["reason"].endswith("10:07")
    assert found[0]["cause"]["destination"] == "192.0.2.1:0"
    assert kept(*found) == found


def test_what_happens_between_makes_a_refusal_news_again() -> None:
    """A dial or a drop; what another uplink does is nothing between."""
    for between in ("connecting", "up", "down", "failed"):
        assert len(kept(refused(0.0), record(1.0, between), refused(2.0))) == 3
    assert len(kept(refused(0.0), record(1.0, "up", uplink="cable"), refused(2.0))) == 2
    assert len(kept(refused(0.0) | {"trusted": False}, refused(1.0) | {"trusted": False})) == 2


def test_refusals_do_not_end_a_row_of_failures() -> None:
    """A number that stays busy is one entry, whoever is refused meanwhile; and no attempt of it is left over."""
    found = kept(*tries("busy"), refused(7.0), *tries("busy"), refused(8.0))
    assert [(one["event"], one.get("times", 1)) for one in found] == [
        ("connecting", 1),
        ("failed", 2),
        ("refused", 2),
    ]


def test_a_storm_of_refusals_pushes_no_dial_out() -> None:
    """They have a share of their own in each day, for all their clients."""
    dials = flaps(20)
    storm = [refused(500.0 + number, f"10.0.{number // 250}.{number % 250}") for number in range(2000)]
    found = kept(*dials, *storm, *flaps(20, 9000.0))
    assert [one for one in found if one["event"] != "refused"] == [*dials, *flaps(20, 9000.0)]
    told = [one for one in found if one["event"] == "refused"]
    assert len(told) == REFUSED_PER_DAY
    assert [one["skipped"] for one in told if "skipped" in one] == [2000 - REFUSED_PER_DAY]
    assert (told[0], told[-1]) == (storm[0], storm[-1])
