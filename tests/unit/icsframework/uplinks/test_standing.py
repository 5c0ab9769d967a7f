"""How an uplink stands, from its policy value."""

from dataclasses import replace

import pytest

from icsframework.uplinks.occasions import ADOPTING, UplinkPolicy
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.standing import (
    coming,
    command_refusal,
    deadline,
    hangs_up_at,
    hindrance,
    promising,
    refusal,
    shown,
    why_not,
)
from icsframework.values import Absent, Cause, Connecting, Cooling, Down, Failed, Link, Refused, Up

DNS = Cause("demand.wake: built in")
LINK = Link("ppp0", 2, None, "ppp", "inline", 1500, True, 0.0, None)
TIME, BARRED = Refused("limits.time: 2h/day are used", 5000.0), Refused("by root", 7200.0)
DOWN = UplinkPolicy("demand", Quiet(300.0), device=Down())
DIALLING = replace(DOWN, device=Connecting("dialling"), wanted=DNS)
IN_USE = replace(DOWN, device=Up(LINK), wanted=DNS, since=0.0)
LEAVING = replace(IN_USE, leaving=True)
LOST = replace(DOWN, device=Failed("carrier lost"), wanted=DNS, retry_at=9.0, redialling=True, reason="lost")
COOLING = replace(DOWN, device=Failed("busy"), retry_at=9.0, reason="busy")
GONE = replace(DOWN, device=Absent("no modem"))


@pytest.mark.parametrize(
    ("policy", "on_its_way", "worth_waiting"),
    [
        (DOWN, False, False),
        (DIALLING, True, True),
        (replace(DIALLING, wanted=None), False, False),
        (replace(DIALLING, forbidden=TIME), False, False),
        (IN_USE, False, True),
        (LEAVING, True, True),
        (replace(LEAVING, wanted=None), False, False),
        (replace(LEAVING, forbidden=TIME), False, False),
        (LOST, True, True),
        (replace(LOST, device=Absent("no modem")), False, False),
        (COOLING, False, False),
        (GONE, False, False),
        (replace(DOWN, device=ADOPTING, wanted=DNS, forbidden=TIME), True, True),
    ],
)
def test_what_is_on_its_way(policy: UplinkPolicy, on_its_way: bool, worth_waiting: bool) -> None:
    """Connecting, a wish behind a hang-up, the pause before a redial; and what is up is worth waiting for as well."""
    assert (coming(policy), promising(policy)) == (on_its_way, worth_waiting)


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        (DOWN, None),
        (IN_USE, None),
        (LEAVING, None),
        (replace(LEAVING, wanted=None), None),
        (LOST, None),
        (COOLING, Failed("busy", 9.0)),
        (GONE, Failed("no modem")),
        (replace(GONE, forbidden=TIME), Failed("no modem")),
        (replace(DOWN, forbidden=TIME), TIME),
        (replace(DOWN, forbidden=TIME, barred=BARRED), BARRED),
        (replace(COOLING, forbidden=TIME), TIME),
        (replace(DOWN, forbidden=TIME, override=True), None),
        (replace(DOWN, barred=BARRED, override=True), BARRED),
        (
            replace(DOWN, mode="always", reason="by root"),
            Refused("connect: always: by root; it is connected by command only (ics connect)"),
        ),
        (
            replace(DOWN, mode="standby"),
            Refused("connect: standby: it is connected by command only (ics connect)"),
        ),
    ],
)
def test_what_a_wish_would_get(policy: UplinkPolicy, answer: Refused | Failed | None) -> None:
    """A device that is not there comes first, then the operator's word, then limits, then the hold-off."""
    assert refusal(policy) == answer


def test_who_waited_in_vain_hears_why() -> None:
    """What forbids it now, else what the device said, else what we know."""
    assert why_not(replace(DOWN, forbidden=TIME)) == TIME
    assert why_not(COOLING) == Failed("busy", 9.0)
    assert why_not(replace(DOWN, reason="by root")) == Failed("by root")


def test_a_command_is_stopped_by_limits_only() -> None:
    """Its own earlier hang-up is not in its way, and an override is for limits."""
    barred = replace(DOWN, forbidden=TIME, barred=BARRED)
    assert command_refusal(barred, override=False) == TIME
    assert command_refusal(barred, override=True) is None
    assert command_refusal(replace(barred, override=True), override=False) is None
    assert hindrance(replace(DOWN, forbidden=TIME, override=True)) is None


def test_the_time_that_comes_first_is_the_deadline() -> None:
    """Of those that matter now."""
    assert [deadline(policy) for policy in (DOWN, DIALLING, COOLING, LOST, IN_USE, LEAVING)] == [
        *(None, None, 9.0, 9.0, 300.0, None),
    ]
    assert deadline(replace(DOWN, barred=BARRED)) == 7200.0
    assert hangs_up_at(replace(IN_USE, mode="always")) is None


def test_limits_are_seen_where_they_are_what_keeps_it_down() -> None:
    """Not while the device is at work or gone, and not on one that was hung up for good."""
    limited = [replace(policy, forbidden=TIME) for policy in (DOWN, COOLING, GONE, DIALLING)]
    assert [shown(policy).name for policy in limited] == ["refused", "refused", "absent", "connecting"]
    always = replace(DOWN, mode="always", forbidden=TIME, reason="by root")
    assert shown(always) == Down("by root")
    assert shown(replace(always, wanted=DNS)) == TIME
    assert shown(replace(always, barred=BARRED)) == BARRED
    assert shown(COOLING) == Cooling("busy", 9.0)
