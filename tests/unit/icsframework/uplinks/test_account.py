"""The account of an uplink in the journal: there and back, in the same boot, after a reboot, and nonsense."""

import json
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import StoreError
from icsframework.quantities import Period, Rate
from icsframework.uplinks.account import MAX_MINUTES, Account, Stamp, read, record_of
from icsframework.uplinks.calls import Call, Tariff
from icsframework.uplinks.limits import judge
from icsframework.uplinks.periods import Calendar, Moment
from icsframework.uplinks.terms import Terms
from icsframework.uplinks.usage import Amounts, Usage, added, last_hour, rolled

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
WALL = datetime(2026, 11, 25, 12, tzinfo=BERLIN.zone).timestamp()
CALL = Call("ppp0", 7, 12.345, 100.5, 72.25, 1000, None)


def stamp(now, wall=WALL, boot="this"):
    """The clocks of a boot."""
    return Stamp(Moment(now, None if wall is None else wall + now), boot)


def used(*times):
    """Twelve seconds, a thousand bytes, one attempt and two cents at each of these times."""
    usage = Usage()
    for now in times:
        usage = added(usage, Amounts(12.0, 1000, 1, Decimal("0.02")), BERLIN, Moment(now, WALL + now))
    return usage


def revived(account, written, read_at):
    """The account as another process reads it."""
    record = json.loads(json.dumps(record_of("modem", account, written)))
    name, found = read(record, read_at)
    assert name == "modem"
    return found


def test_there_and_back():
    """The next process of this boot has all of it."""
    account = Account(used(10.0, 70.0, 100.0), CALL, frozenset({"near limits.data/month"}))
    assert revived(account, stamp(120.0), stamp(150.0)) == account
    assert revived(Account(), stamp(120.0), stamp(150.0)) == Account()


def hour_of(usage, now):
    """Attempts in the last hour."""
    return last_hour(usage, now).dials


def test_after_a_reboot():
    """Both clocks were right: the hour is as old as the wall clock says, day and month are as they were; no call."""
    account = Account(used(5000.0, 6000.0), CALL)
    found = revived(
        account, stamp(6030.0), stamp(60.0, WALL + 6030.0 + 1740.0, boot="next")
    )  # half an hour later
    assert found.call is None
    assert (found.usage.day, found.usage.month) == (account.usage.day, account.usage.month)
    times = [0, 60.0, 830.0, 960.0, 1830.0, 1980.0]
    assert [hour_of(found.usage, now) for now in times] == [2, 2, 2, 1, 1, 0]


@pytest.mark.parametrize("now", [5.0, 7205.0], ids=["just booted", "for two hours"])
def test_minutes_are_never_older_than_they_are(now):
    """Whatever the two boots' clocks show, an attempt counts for the whole of its hour."""
    for age in range(5, 125, 7):
        next_boot = stamp(now, WALL + 6060.0 + age - now, boot="next")
        found = revived(Account(used(6059.0)), stamp(6060.0), next_boot)
        over = now - age - 1.0 + 3600.0
        assert hour_of(found.usage, over - 1.0) == 1
        assert hour_of(found.usage, over + 121.0) == 0


@pytest.mark.parametrize(
    ("written", "now"),
    [(None, WALL + 10 * 86400), (WALL, None), (None, None), (WALL, WALL - 86400)],
    ids=["then", "now", "both", "back"],
)
def test_after_a_reboot_with_a_wrong_clock(written, now):
    """Nobody knows how long it was off: the hour counts as if it had just been."""
    account = Account(used(5000.0, 6000.0))
    found = revived(account, stamp(6030.0, written), stamp(60.0, now, boot="next"))
    assert hour_of(found.usage, 60.0) == 2
    assert hour_of(found.usage, 60.0 + 1800) == 2
    assert hour_of(found.usage, 60.0 + 3700) == 0


def test_stamps_of_the_future():
    """A record that claims so much of a later time of this boot counts as just now."""
    found = revived(Account(used(8000.0, 9000.0)), stamp(9000.0), stamp(1000.0))
    assert hour_of(found.usage, 1000.0) == 2
    assert hour_of(found.usage, 4681.0) == 0


GOOD = record_of("modem", Account(used(10.0), CALL), stamp(20.0))


@pytest.mark.parametrize("key", sorted(set(GOOD) - {"told", "call"}))
def test_a_record_without_a_part(key):
    """It is refused as a whole."""
    with pytest.raises(StoreError, match="makes no sense"):
        read({name: value for name, value in GOOD.items() if name != key}, stamp(30.0))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("minutes", [[0, -1.0, 0, 0, "0"]]),
        ("minutes", [[0, 1.0, 0, 0]]),
        ("minutes", [[0, 1.0, 0.5, 0, "0"]]),
        ("minutes", [[True, 1.0, 0, 0, "0"]]),
        ("minutes", [[number, 1.0, 0, 0, "0"] for number in range(MAX_MINUTES + 1)]),
        ("minutes", [[0, 1.0, 0, 0, "NaN"]]),
        ("minutes", [[0, 1.0, 0, 0, "ten"]]),
        ("minutes", [[0, float("inf"), 0, 0, "0"]]),
        ("minutes", [[10**30, 1.0, 0, 0, "0"]]),
        ("minutes", [[0, 1.0, 10**30, 0, "0"]]),
        ("minutes", [[0, 1.0, 0, 0, "1E+99999"]]),
        ("minutes", [[0, 1.0, 0, 0, "-1"]]),
        ("minutes", 7),
        ("now", "noon"),
        ("now", None),
        ("wall", True),
        ("day", {**GOOD["day"], "span": [2.0, 1.0]}),
        ("day", {**GOOD["day"], "span": [0.0, 1e300]}),
        ("day", {**GOOD["day"], "used": None}),
        ("month", []),
        ("call", ["ppp0"]),
        ("call", ["ppp0", 7, 1.0, 1.0, 1.0, -0.5, None]),
        ("told", 5),
    ],
)
def test_nonsense(key, value):
    """Amounts below nothing, text for numbers, lists that are none: StoreError, and nothing else."""
    with pytest.raises(StoreError, match="makes no sense"):
        read({**GOOD, key: value}, stamp(30.0))


ALL = Terms(
    time=(Rate(1.0, Period.HOUR), Rate(5.0, Period.DAY)),
    data=(Rate(1, Period.MONTH),),
    dials=(Rate(1, Period.DAY),),
    money=(Rate(Decimal(1), Period.MONTH),),
    tariff=Tariff(Decimal("0.02"), 60.0),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(key=st.sampled_from(sorted(GOOD)), value=JSON)
def test_any_part_may_be_anything(key, value):
    """What is read is sound, whatever stood there, and can be judged; else it is a StoreError."""
    try:
        _, account = read({**GOOD, key: value}, stamp(30.0))
    except StoreError:
        return
    hour = last_hour(account.usage, 30.0)
    assert min(hour.time, hour.data, hour.dials, hour.money) >= 0
    assert all(minute.number <= 0 for minute in account.usage.minutes)
    for boundary in (30.0, 90_000.0):
        at = Moment(boundary, WALL + boundary)
        judge(ALL, rolled(account.usage, BERLIN, at), BERLIN, at, account.call)


@given(st.lists(st.floats(0, 7000), max_size=8), st.floats(0, 9000))
def test_records_of_all_kinds_of_usage(times, later):
    """Read in the same boot, the usage is the same."""
    usage = used(*sorted(times))
    account = Account(usage)
    assert revived(account, stamp(7000.0), stamp(7000.0 + later)).usage == usage
