"""Verdicts: which limit is reached, until when, what people are told, and when to judge again."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from icsframework.quantities import (
    Period,
    Rate,
    parse_count,
    parse_duration,
    parse_money,
    parse_rate,
    parse_size,
    parse_time_window,
)
from icsframework.uplinks.calls import Call, Tariff, begun, passed
from icsframework.uplinks.limits import HANG_UP, Verdict, judge, standings
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.terms import Terms
from icsframework.uplinks.usage import Amounts, Usage, added
from icsframework.values import Refused

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
NOON = datetime(2026, 11, 25, 12, tzinfo=BERLIN.zone).timestamp()
"""The wall clock when IClock.now is 0: midnight is at 43200."""
MIDNIGHT, HOUR, DAY = 43200.0, 3600.0, 86400.0
PARSE = {"time": parse_duration, "data": parse_size, "dials": parse_count, "money": parse_money}
CENTS = Tariff(Decimal("0.02"), 60.0)
FREE = Tariff()
UNUSED = Usage()


def terms(hours=(), tariff=FREE, **limits):
    """As an entry of the file says them: ``time="2h/day"`` or a list of such."""
    rates = {
        kind: tuple(parse_rate(one, PARSE[kind], "") for one in ([text] if isinstance(text, str) else text))
        for kind, text in limits.items()
    }
    windows = tuple(parse_time_window(one) for one in ([hours] if isinstance(hours, str) else hours))
    return Terms(**rates, tariff=tariff, hours=windows)


def at(now, wall=NOON):
    """The clocks."""
    return Moment(now, None if wall is None else wall + now)


def used(now=0.0, usage=UNUSED, wall=NOON, **amounts):
    """With so much used at a time."""
    return added(usage, Amounts(**amounts), BERLIN, at(now, wall))


def call_at(counted, began=None):
    """A call that is counted until then; its last unit began then, or at ``began``."""
    return Call("ppp0", 7, 0.0, counted, counted if began is None else began)


def refused(terms, usage, now, **how):
    """Why, and until when."""
    verdict = judge(terms, usage, BERLIN, at(now, how.pop("wall", NOON)), **how)
    return verdict.refused and (verdict.refused.reason, verdict.refused.retry_at)


def test_no_limits():
    """Nothing forbids anything, and nothing will."""
    assert judge(Terms(), used(time=1e6, data=10**12, dials=1000), BERLIN, at(10.0)) == Verdict()


@pytest.mark.parametrize(
    ("limits", "amounts", "reason", "again"),
    [
        ({"time": "2h/day"}, {"time": 7200.0}, "limits.time: 2h/day are used up; again at 2026-11-26 00:00 CET", MIDNIGHT),
        ({"data": "500MB/month"}, {"data": 500_000_000}, "limits.data: 500MB/month are used up; again at 2026-12-01 00:00 CET", MIDNIGHT + 5 * DAY),
        ({"dials": "20/hour"}, {"dials": 20}, "limits.dials: 20/hour are used up; again at 2026-11-25 13:01 CET", 3660.0),
        ({"money": "10/month", "tariff": CENTS}, {"money": Decimal(10)}, "limits.money: 10/month are used up; again at 2026-12-01 00:00 CET", MIDNIGHT + 5 * DAY),
        ({"money": "10/day", "tariff": CENTS}, {"money": Decimal("9.99")}, "limits.money: 0.01 of 10/day is left, less than the next unit costs (0.02); again at 2026-11-26 00:00 CET", MIDNIGHT),
    ],
)  # fmt: skip
def test_a_limit_is_reached(limits, amounts, reason, again):
    """The sentence has the key, the limit and until when, in local time with its zone."""
    ((kind, amount),) = amounts.items()
    assert refused(terms(**limits), used(**amounts), 30.0) == (reason, again)
    less = {kind: amount - (Decimal("0.02") if kind == "money" else 1)}
    assert refused(terms(**limits), used(**less), 30.0) is None


def test_until_when_an_hour_is_full():
    """As soon as enough of it has slid out: here after the second of three calls."""
    usage = used(600.0, used(300.0, used(0.0, time=600.0), time=1000.0), time=700.0)
    assert refused(terms(time="20m/hour"), usage, 900.0) == (
        "limits.time: 20m/hour are used up; again at 2026-11-25 13:06 CET",
        3960.0,
    )
    assert refused(terms(time="20m/hour"), usage, 3959.9) is not None
    assert refused(terms(time="20m/hour"), usage, 3960.0) is None


def test_several_limits():
    """The one that lasts longest is the reason; the others are told too."""
    both = terms(time=["1h/day", "3h/month"], dials="2/hour")
    verdict = judge(both, used(time=3 * HOUR, dials=2), BERLIN, at(30.0))
    assert verdict.refused == Refused(
        "limits.time: 3h/month are used up; again at 2026-12-01 00:00 CET", MIDNIGHT + 5 * DAY
    )
    assert verdict.warnings == (
        "limits.time: 1h/day are used up; again at 2026-11-26 00:00 CET",
        "limits.dials: 2/hour are used up; again at 2026-11-25 13:01 CET",
    )
    assert verdict.due == 3660.0


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"dials": "0/hour"}, "limits.dials: 0/hour allows nothing"),
        ({"time": "0s/day"}, "limits.time: 0s/day allows nothing"),
        ({"data": "0B/month"}, "limits.data: 0B/month allows nothing"),
        ({"money": "0/day", "tariff": CENTS}, "limits.money: 0/day allows nothing"),
        ({"money": "0.01/day", "tariff": CENTS}, "limits.money: 0.01/day is less than one unit costs (0.02)"),
    ],
)
def test_limits_that_allow_nothing(limits, reason):
    """Never, and nobody is told when it may again."""
    assert refused(terms(**limits), Usage(), 30.0) == (reason, None)
    assert refused(terms(**limits), used(10.0, time=1.0, dials=1, data=1), 30.0) == (reason, None)


def test_a_limit_that_allows_nothing_lasts_longest():
    """Whatever else is reached: nobody is told to wait for what does not come."""
    limits = terms(dials="0/hour", time="1h/month")
    assert refused(limits, used(time=HOUR), 30.0) == ("limits.dials: 0/hour allows nothing", None)


def test_money_without_a_price():
    """It is free: such a limit is never reached (ics check says that it is senseless)."""
    assert refused(terms(money="0/day"), Usage(), 30.0) is None


# --- attempts


def test_attempts_are_judged_before_a_try_only():
    """The last one that is allowed is not hung up."""
    limits, usage = terms(dials="3/hour"), used(dials=3)
    assert refused(limits, usage, 10.0) is not None
    assert refused(limits, usage, 10.0, dialling=True) is None
    assert refused(limits, usage, 10.0, call=call_at(10.0)) is None
    verdict = judge(limits, usage, BERLIN, at(10.0), call_at(10.0))
    assert verdict.warnings == ("limits.dials: 3 of 3 of the last hour are used",)


# --- money ahead


def test_a_unit_that_would_be_too_much_does_not_begin():
    """Table by hand: 0.10 a day at 0.02 a minute are five units, so that the link is given up just before the sixth."""
    limits = terms(money="0.10/day", tariff=CENTS)
    usage, call = begun(Usage(), "ppp0", 7, 100.0, CENTS, BERLIN, at(100.0))
    moments = []
    for _ in range(40):
        verdict = judge(limits, usage, BERLIN, at(call.counted), call)
        if verdict.refused is not None:
            break
        moments.append(verdict.due)
        usage, call = passed(usage, call, CENTS, BERLIN, at(verdict.due))
    assert moments == [155.0, 160.0, 215.0, 220.0, 275.0, 280.0, 335.0, 340.0, 395.0]
    assert usage.day.amounts.money == Decimal("0.10")
    assert verdict.refused == Refused(
        "limits.money: 0.1/day are used up; again at 2026-11-26 00:00 CET", MIDNIGHT
    )


def test_a_unit_of_the_next_day():
    """If the next unit begins after midnight it is paid from the new day."""
    limits = terms(money="0.10/day", tariff=CENTS)
    usage = used(MIDNIGHT - 30, money=Decimal("0.10"))
    assert refused(limits, usage, MIDNIGHT - 3) is not None
    assert refused(limits, usage, MIDNIGHT - 2, call=call_at(MIDNIGHT - 58)) is None
    assert refused(limits, usage, MIDNIGHT - 3, call=call_at(MIDNIGHT - 61)) is not None


def test_a_modem_that_hangs_up_slowly():
    """The unit that was too much has begun: it is refused all the more."""
    limits = terms(money="0.10/day", tariff=CENTS)
    assert refused(limits, used(money=Decimal("0.12")), 30.0, call=call_at(20.0)) is not None


def test_short_units():
    """The time to hang up is no longer than half of a unit."""
    limits = terms(money="0.02/day", tariff=Tariff(Decimal("0.02"), 4.0))
    usage = used(money=Decimal("0.02"))
    assert refused(limits, usage, 1.9, call=call_at(0.0)) is None
    assert refused(limits, usage, 2.0, call=call_at(0.0)) is not None
    assert HANG_UP > 4


# --- what comes is known ahead


@pytest.mark.parametrize(
    ("limits", "amounts", "due"),
    [
        ({"time": "2h/day"}, {"time": 7000.0}, 30.0 + 200),
        ({"time": "2h/day"}, {"time": 5000.0}, 30.0 + 760),  # 80 %
        ({"time": "20h/day"}, {"time": 15 * HOUR}, 30.0 + HOUR),
        ({"data": "1MB/day"}, {"data": 1}, MIDNIGHT),
        ({"hours": "06:00-13:00"}, {}, HOUR),
        ({"hours": "06:00-23:00", "time": "30h/day"}, {}, 11 * HOUR),
        ({}, {"time": 1.0}, None),
    ],
)
def test_when_to_judge_again(limits, amounts, due):
    """While it is up: the moment at which a limit is near, or reached, or begins anew, or hours end."""
    verdict = judge(terms(**limits), used(**amounts), BERLIN, at(30.0), call_at(30.0))
    assert verdict.refused is None
    assert verdict.due == pytest.approx(due)


def test_the_verdict_changes_at_that_moment():
    """Seconds before nothing, then refused: a time limit while up."""
    limits, usage, call = terms(time="1h/day"), used(dials=1), call_at(0.0)
    cost = {now: passed(usage, call, Tariff(), BERLIN, at(now)) for now in (3599.9, 3600.0)}
    assert [refused(limits, usage, now, call=call) is None for now, (usage, call) in cost.items()] == [
        True,
        False,
    ]


# --- hours


def test_closed_hours():
    """Refused until they open, up or not."""
    limits = terms(hours=["06:00-10:00", "18:00-23:00"])
    reason = "hours: only from 06:00-10:00, 18:00-23:00; again at 2026-11-25 18:00 CET"
    assert (
        refused(limits, Usage(), 0.0)
        == refused(limits, Usage(), 0.0, call=call_at(0.0))
        == (reason, 6 * HOUR)
    )
    assert refused(limits, Usage(), 6 * HOUR) is None


def test_hours_that_never_come():
    """A window that lies in the gap of the clocks opens a day later."""
    limits = terms(hours="02:10-02:50")
    noon = datetime(2026, 3, 28, 12, tzinfo=BERLIN.zone).timestamp()
    assert refused(limits, Usage(), 0.0, wall=noon) == (
        "hours: only from 02:10-02:50; again at 2026-03-30 02:10 CEST",
        DAY + 13 * HOUR + 600,
    )


# --- a clock that cannot be right


def test_a_wrong_clock():
    """Hours do not count, limits go on with the day that was, and it is said."""
    limits = terms(hours="06:00-07:00", time="1h/day")
    said = (
        "the clock is wrong: hours do not count, and no new day or month begins for limits, until it is set"
    )
    verdict = judge(limits, used(time=1.0), BERLIN, at(30.0, None))
    assert verdict == Verdict(None, (said,), None)
    assert refused(limits, used(time=HOUR), 2 * DAY, wall=None) == (
        "limits.time: 1h/day are used up; again in a new day, when the clock is right",
        None,
    )


def test_a_wrong_clock_and_limits_per_hour():
    """They need no wall clock: there is nothing to say of it, and how long it takes is known."""
    verdict = judge(terms(dials="1/hour"), used(30.0, dials=1, wall=None), BERLIN, at(60.0, None))
    assert verdict.warnings == ()
    assert verdict.refused == Refused("limits.dials: 1/hour are used up; again within the hour", 3660.0)


# --- warnings


@pytest.mark.parametrize(
    ("limits", "amounts", "warning"),
    [
        ({"data": "500MB/month"}, {"data": 412_345_678}, "limits.data: 412MB of 500MB of this month are used"),
        ({"data": "2GiB/day"}, {"data": 2**31 - 1}, "limits.data: 2.14GB of 2.14GB of today are used"),
        ({"data": "10kB/hour"}, {"data": 9_990}, "limits.data: 9.99kB of 10kB of the last hour are used"),
        ({"data": "900B/hour"}, {"data": 899}, "limits.data: 899B of 900B of the last hour are used"),
        ({"time": "2h/day"}, {"time": 6000.5}, "limits.time: 1h40m of 2h of today are used"),
        ({"time": "1m/hour"}, {"time": 48.0}, "limits.time: 48s of 1m of the last hour are used"),
        ({"dials": "20/hour"}, {"dials": 16}, "limits.dials: 16 of 20 of the last hour are used"),
        ({"money": "10/month", "tariff": CENTS}, {"money": Decimal("8.20")}, "limits.money: 8.2 of 10 of this month are used"),
    ],
)  # fmt: skip
def test_warnings_of_limits_that_are_near(limits, amounts, warning):
    """From 80 % on; a figure never says more than there is."""
    assert judge(terms(**limits), used(**amounts), BERLIN, at(30.0)).warnings == (warning,)
    ((kind, amount),) = amounts.items()
    assert judge(terms(**limits), used(**{kind: amount * 7 // 10}), BERLIN, at(30.0)).warnings == ()


def test_how_limits_stand():
    """Each with what is used, in the order of the documentation."""
    found = standings(terms(dials="3/hour", time="1h/day"), used(time=60.0, dials=3), BERLIN, at(30.0))
    time, dials = found
    assert (time.limit.key, str(time.limit), time.used, time.reached) == (
        "limits.time",
        "1h/day",
        60.0,
        False,
    )
    assert (time.resets, time.sentence) == (NOON + MIDNIGHT, "")
    assert (dials.used, dials.reached, dials.again, dials.resets) == (3, True, 3660.0, None)


# --- properties

KINDS = st.sampled_from(["time", "data", "dials", "money"])
AMOUNTS = st.integers(0, 40)


@st.composite
def limits_of(draw):
    """One or two limits of small amounts, so that usage of small amounts comes near."""
    rates = {kind: [] for kind in PARSE}
    for kind in draw(st.lists(KINDS, min_size=1, max_size=2)):
        amount = {"time": float, "data": int, "dials": int, "money": Decimal}[kind](draw(AMOUNTS))
        rates[kind].append(Rate(amount, draw(st.sampled_from(list(Period)))))
    return Terms(**{kind: tuple(found) for kind, found in rates.items()}, tariff=Tariff(Decimal(2), 10.0))


MORE = st.builds(Amounts, AMOUNTS.map(float), AMOUNTS, AMOUNTS, AMOUNTS.map(Decimal))


@given(limits_of(), MORE, MORE, st.floats(0, 7000), st.sampled_from([NOON, None]), st.booleans())
def test_more_usage_is_never_better(limits, amounts, more, now, wall, up):
    """What is refused stays refused when more was used, and never becomes free earlier."""
    usage = added(Usage(), amounts, BERLIN, at(0.0, wall))
    both = added(usage, more, BERLIN, at(0.0, wall))
    call = call_at(now) if up else None
    before = judge(limits, usage, BERLIN, at(now, wall), call).refused
    after = judge(limits, both, BERLIN, at(now, wall), call).refused
    if before is not None:
        assert after is not None
        times = [float("inf") if one.retry_at is None else one.retry_at for one in (before, after)]
        assert times == sorted(times)


@given(limits_of(), MORE, MORE, st.floats(0, 5000), st.floats(1, 5000))
def test_until_is_the_moment(limits, amounts, more, second, wait):
    """A limit that names a time is free at that time, if nothing is used until then, and not before."""
    usage = added(added(Usage(), amounts, BERLIN, at(0.0)), more, BERLIN, at(second))
    now = second + wait
    for one in standings(limits, usage, BERLIN, at(now)):
        assume(one.again is not None)
        alone = replace(Terms(tariff=limits.tariff), **{one.limit.kind: (one.limit.rate,)})
        assert one.again > now
        assert judge(alone, usage, BERLIN, at(one.again - 0.01)).refused is not None
        assert judge(alone, usage, BERLIN, at(one.again + 0.01)).refused is None


@given(limits_of(), MORE, st.floats(1, 8000), st.booleans())
def test_due_is_not_too_late(limits, amounts, now, up):
    """Between now and then nothing changes by time alone; and it lies ahead."""
    usage = added(Usage(), amounts, BERLIN, at(0.0))
    call = call_at(now) if up else None
    verdict = judge(limits, usage, BERLIN, at(now), call)
    due = verdict.due if verdict.due is not None else now + 2 * DAY
    assert due > now
    for part in (0.25, 0.5, 0.75, 0.999):
        moment = now + (due - now) * part
        if due - moment < 0.01:  # so near is as good as there
            continue
        later = at(moment)
        then, after = (usage, call) if call is None else passed(usage, call, limits.tariff, BERLIN, later)
        found = judge(limits, then, BERLIN, later, after)
        assert (found.refused is None) == (verdict.refused is None)
