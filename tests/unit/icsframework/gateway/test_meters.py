"""Meters: what uplinks use is counted, remembered whatever happens, judged, and told at the right moment."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from twisted.logger import Logger

from icsframework.config.uplinks import UplinkSection
from icsframework.errors import ConfigurationError, StoreError
from icsframework.gateway.meters import KEPT, SLACK, Meters
from icsframework.host.traffic import Traffic
from icsframework.status import Instant, to_json
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.store import MemoryStore
from icsframework.uplinks.permission import FREE
from icsframework.values import Link

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 25, 12, tzinfo=BERLIN).timestamp()
HOUR, DAY = 3600, 86400
MIDNIGHT = 12 * HOUR


def entry(name="modem", hours=(), **limits):
    """An entry of ``uplinks:``."""
    return UplinkSection.model_validate(
        {"plugin": "dialup", "name": name, "limits": limits, "demand": {"hours": hours}}
    )


def link(since, interface="ppp0", ifindex=7):
    """A link that came up then."""
    return Link(interface, ifindex, None, "ppp", "inline", 1500, True, since, None)


class Machine:
    """A machine whose gateway can be killed, restarted and rebooted; its clock shows noon at first."""

    def __init__(self):
        self.clock = FakeClock(NOON)
        self.store = MemoryStore()
        self.traffic = {"ppp0": Traffic(5000, 5000)}
        self.looks = 0
        self.zone = "Europe/Berlin"
        self.start()

    def start(self):
        """A process begins; what ran before is as if killed."""
        for call in self.clock.clock.getDelayedCalls():
            call.cancel()
        self.events = FakeEvents("meters", self.clock)
        self.meters = Meters(self.clock, self.events, Logger(), self._read)
        self.meters.open(self.store)
        self.meters.use(self.zone)
        return self

    def reboot(self, off=0.0):
        """Another boot, so many seconds later."""
        wall = self.clock.wall() + off
        for call in self.clock.clock.getDelayedCalls():
            call.cancel()
        self.clock = FakeClock(wall)
        self.clock.boot = f"boot of {wall}"
        self.clock.clock.advance(20)
        self.clock.wall_offset = wall - 20
        return self.start()

    def _read(self):
        self.looks += 1
        return self.traffic

    def run(self, seconds, step=1.0, rate=0):
        """Let time pass, with so many bytes a second in and as many out."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            if rate and "ppp0" in self.traffic:
                before = self.traffic["ppp0"]
                self.traffic["ppp0"] = Traffic(before.received + rate, before.sent + rate)
            self.clock.clock.advance(min(step, end - self.clock.now()))

    def set_clock(self, by):
        """Somebody sets the wall clock, and the time keeper says so."""
        self.clock.wall_offset += by
        self.events.emit("clock.set", seconds=by, time="")

    def used(self, period="day", name="modem"):
        """What status shows."""
        return self.meters.status(name)["usage"][period]


@pytest.fixture
def machine():
    """Just started."""
    return Machine()


def answers(machine, meter):
    """When ``changed`` is called, and what the answer is then."""
    found = []

    def changed():
        refused = meter.permission().refused
        found.append((machine.clock.now(), refused.reason.split(":")[0] if refused else "free"))

    meter.watch(changed)
    return found


# --- counting


def test_an_uplink_without_limits_is_counted_too(machine):
    """Time, bytes and dials, by hour, day and month; it may always be up."""
    meter = machine.meters.meter("modem", entry())
    meter.dialled()
    machine.run(20)
    meter.up(link(20.0))
    machine.run(100, rate=300)
    meter.down()
    machine.run(50)
    assert meter.permission() == FREE
    expected = {"time": 100.0, "data": 60_000, "dials": 1, "money": "0"}
    assert machine.meters.status("modem") == {
        "rates": [],
        "hours": [],
        "refused": None,
        "again": None,
        "warnings": [],
        "usage": {"hour": expected, "day": expected, "month": expected},
    }


def test_an_uplink_without_limits_costs_little(machine):
    """A look every ten seconds while it is up, and no timer at all while it is down."""
    meter = machine.meters.meter("modem", entry())
    assert machine.clock.clock.getDelayedCalls() == []
    meter.up(link(0.0))
    machine.looks = 0
    machine.run(100)
    assert machine.looks == 10
    meter.down()
    assert machine.clock.clock.getDelayedCalls() == []


def test_a_data_limit_is_looked_at_each_second(machine):
    """So that it is passed by a second's bytes at most."""
    meter = machine.meters.meter("modem", entry(data="1MB/day"))
    found = answers(machine, meter)
    meter.up(link(0.0))
    machine.looks = 0
    machine.run(20, rate=50_000)
    assert machine.looks == 20
    assert found == [(8.0, "free"), (10.0, "limits.data")]  # near, reached


def test_two_uplinks_share_a_look(machine):
    """The kernel's counters are read once for both."""
    machine.traffic["ppp1"] = Traffic(0, 0)
    for name, interface in (("a", "ppp0"), ("b", "ppp1")):
        machine.meters.meter(name, entry(name, data="1MB/day")).up(link(0.0, interface))
    machine.looks = 0
    machine.run(10)
    assert machine.looks == 10


def test_a_link_that_is_announced_again(machine):
    """It is the same call: no second unit, no second beginning."""
    meter = machine.meters.meter("modem", entry(price=1, charge_unit="1h"))
    meter.up(link(0.0))
    machine.run(30, rate=10)
    meter.up(link(0.0))
    meter.up(link(30.0))  # another address, the same call
    machine.run(30, rate=10)
    assert machine.used() == {"time": 60.0, "data": 1200, "dials": 0, "money": "1"}


def test_another_interface_while_up(machine):
    """What it carried before is not of this call."""
    machine.traffic["ppp1"] = Traffic(10**9, 10**9)
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))
    machine.run(10, rate=100)
    meter.up(link(0.0, "ppp1", ifindex=8))
    machine.traffic["ppp1"] = Traffic(10**9 + 5, 10**9)
    machine.run(10)
    assert machine.used()["data"] == 2005


def test_an_interface_made_anew_while_up(machine):
    """Its counters begin anew, and nothing is negative."""
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))
    machine.run(10, rate=100)
    machine.traffic["ppp0"] = Traffic(0, 0)
    meter.up(link(0.0, ifindex=8))
    machine.run(10, rate=100)
    assert machine.used()["data"] == 4000


def test_counters_that_cannot_be_read(machine):
    """Time is counted all the same, and bytes again when they can."""
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))

    def refuse():
        raise PermissionError("not now")

    machine.meters._read_traffic = refuse
    machine.run(30)
    machine.meters._read_traffic = machine._read
    machine.traffic["ppp0"] = Traffic(6000, 6000)
    machine.run(10)
    assert machine.used() == {"time": 40.0, "data": 2000, "dials": 0, "money": "0"}


def test_an_interface_that_vanishes_while_up(machine):
    """No negative bytes."""
    meter = machine.meters.meter("modem", entry(data="1GB/day"))
    meter.up(link(0.0))
    machine.run(10, rate=100)
    del machine.traffic["ppp0"]
    machine.run(10)
    meter.down()
    assert machine.used()["data"] == 2000


# --- telling at the right moment


def test_a_time_limit_is_told_at_its_second(machine):
    """Also when nothing else happens; and again when the day is over."""
    meter = machine.meters.meter("modem", entry(time="1h/day"))
    found = answers(machine, meter)
    machine.run(0.25, step=0.25)
    meter.up(link(0.25))
    machine.run(2 * HOUR, step=0.25)
    meter.down()
    machine.run(12 * HOUR, step=0.25)
    assert found == [(0.25 + 48 * 60, "free"), (0.25 + HOUR, "limits.time"), (MIDNIGHT, "free")]


def test_an_hour_that_slides(machine):
    """Refused until the first of the attempts is an hour old."""
    meter = machine.meters.meter("modem", entry(dials="2/hour"))
    found = answers(machine, meter)
    for _ in range(2):
        meter.dialled()
        machine.run(10)
        meter.down()
        machine.run(600)
    machine.run(2 * HOUR)
    assert found == [
        (610.0, "free"),  # near: the second is the last
        (620.0, "limits.dials"),
        (3660.0, "free"),
    ]
    assert meter.permission() == FREE


def test_money_is_told_before_the_unit(machine):
    """Three units of a minute: told five seconds before the fourth."""
    meter = machine.meters.meter("modem", entry(money="3/day", price=1, charge_unit="60s"))
    found = answers(machine, meter)
    meter.up(link(0.0))
    machine.run(300, step=0.5)
    assert found == [(120.0, "free"), (175.0, "limits.money")]


def test_hours_begin_and_end(machine):
    """At their minute, up or not."""
    meter = machine.meters.meter("modem", entry(hours=["13:00-14:00", "22:00-02:00"]))
    found = answers(machine, meter)
    assert meter.permission().refused.reason.startswith(
        "hours: only from 13:00-14:00, 22:00-02:00; again at "
    )
    machine.run(24 * HOUR)
    seen = [(now // HOUR + 12, word) for now, word in found]
    assert seen == [(13, "free"), (14, "hours"), (22, "free"), (26, "hours")]


def test_the_clock_is_set(machine):
    """A new day by hand is a new day at once, and back it is the old one."""
    meter = machine.meters.meter("modem", entry(dials="1/day"))
    found = answers(machine, meter)
    meter.dialled()
    meter.down()
    machine.set_clock(DAY)
    machine.set_clock(-DAY)
    assert [word for _, word in found] == ["free", "limits.dials", "free", "limits.dials"]


def test_a_clock_that_is_slewed(machine):
    """A day that ends a little earlier or later than foreseen ends when it does."""
    meter = machine.meters.meter("modem", entry(dials="1/day"))
    meter.dialled()
    meter.down()
    found = answers(machine, meter)
    for _ in range(12 * HOUR // 10):
        machine.clock.wall_offset -= 0.005
        machine.clock.clock.advance(10)
    assert found == []
    machine.run(60, step=0.1)
    assert found == [(pytest.approx(MIDNIGHT + 12 * HOUR * 0.0005, abs=0.11), "free")]


def test_a_clock_that_becomes_right(machine):
    """Until then the limit of the day goes on, and it is said; then the new day has what was used meanwhile."""
    meter = machine.meters.meter("modem", entry(dials="2/day", hours="00:00-11:00"))
    machine.clock.wall_trusted = False
    machine.events.emit("clock.wrong", problem="")
    meter.dialled()
    meter.down()
    found = answers(machine, meter)
    assert meter.permission().refused is None
    assert machine.meters.warnings() == (
        "uplink modem: the clock is wrong: hours do not count, and no new day or month begins for limits, "
        "until it is set",
    )
    machine.run(2 * DAY, step=600)
    assert found == []
    machine.clock.wall_offset += 13 * HOUR  # one o'clock in the night
    machine.clock.wall_trusted = True
    machine.events.emit("clock.right", time="")
    assert machine.used()["dials"] == 1
    assert machine.meters.warnings() == ()


def test_what_watchers_do(machine):
    """One who hangs up at once is told what follows; one who has left is not told."""
    meter = machine.meters.meter("modem", entry(time="1m/day"))
    found = []

    def hang_up():
        refused = meter.permission().refused
        found.append(refused is not None)
        if refused is not None:
            meter.down()

    unwatch = meter.watch(hang_up)
    meter.up(link(0.0))
    machine.run(100)
    assert found == [False, True]
    assert machine.used()["time"] == 60.0
    unwatch()
    machine.run(DAY, step=60)
    assert found == [False, True]


def test_an_answer_that_stays(machine):
    """The same refusal is the same value, though the wall clock trembles."""
    meter = machine.meters.meter("modem", entry(dials="0/hour", time="0s/day", hours="00:00-01:00"))
    machine.meters.meter("modem", entry(hours="00:00-01:00"))
    first = meter.permission().refused
    machine.set_clock(0.003)
    assert meter.permission().refused is first
    machine.set_clock(5.0)
    assert meter.permission().refused.retry_at == pytest.approx(first.retry_at - 5.003)


# --- events


def test_events_come_once_in_a_period(machine):
    """Near and reached, each once, with uplink, limit and until; and in the next period again."""
    meter = machine.meters.meter("modem", entry(dials="5/day"))
    for _ in range(5):
        meter.dialled()
        meter.down()
        machine.run(10)
    until = Instant(NOON + MIDNIGHT)
    fields = {"uplink": "modem", "limit": "limits.dials 5/day", "until": until}
    assert machine.events.said("limits.near") == [
        {**fields, "reason": "limits.dials: 4 of 5 of today are used"}
    ]
    assert machine.events.said("limits.reached") == [
        {**fields, "reason": "limits.dials: 5/day are used up; again at 2026-11-26 00:00 CET"}
    ]
    machine.run(MIDNIGHT, step=60)
    for _ in range(5):
        meter.dialled()
        meter.down()
    assert machine.events.ids() == ["limits.near", "limits.reached"] * 2


def test_a_limit_that_is_passed_in_one_go(machine):
    """It is reached; that it was near before that is no news."""
    meter = machine.meters.meter("modem", entry(data="1MB/day"))
    meter.up(link(0.0))
    machine.run(1, rate=10**9)
    assert machine.events.ids() == ["limits.reached"]


def test_events_are_not_repeated_by_a_restart(machine):
    """The next process knows what was told."""
    meter = machine.meters.meter("modem", entry(dials="1/day"))
    meter.dialled()
    meter.down()
    assert machine.events.ids() == ["limits.near", "limits.reached"]
    machine.start().meters.meter("modem", entry(dials="1/day")).permission()
    assert machine.events.ids() == []


def test_an_hour_that_is_full_again_and_again(machine):
    """A limit per hour that is just reached and just free in turns is told once."""
    meter = machine.meters.meter("modem", entry(dials="10/hour"))
    for _ in range(100):
        if meter.permission().refused is None:
            meter.dialled()
            meter.down()
        machine.run(240)
    assert machine.events.ids() == ["limits.near", "limits.reached"]


# --- memory


def test_a_killed_process_has_lost_little(machine):
    """Half a minute of a call at most."""
    meter = machine.meters.meter("modem", entry(time="1h/day"))
    meter.dialled()
    meter.up(link(0.0))
    machine.run(100, rate=10)
    machine.start().meters.meter("modem", entry(time="1h/day"))
    assert 70 <= machine.used()["time"] <= 100
    assert machine.used()["dials"] == 1


def test_a_link_that_survives_a_kill_loses_nothing(machine):
    """Time, bytes and units between the last record and the new process are of the same call."""
    wanted = entry(price="0.10", charge_unit="60s")
    meter = machine.meters.meter("modem", wanted)
    meter.dialled()
    meter.up(link(0.123456))
    machine.run(100, rate=10)
    machine.start()
    machine.run(50, rate=10)
    meter = machine.meters.meter("modem", wanted)
    machine.run(50, rate=10)
    meter.up(link(0.123456))
    machine.run(50, rate=10)
    assert machine.used() == {"time": 250.0, "data": 5000, "dials": 1, "money": "0.50"}


def test_a_call_that_did_not_survive(machine):
    """A new one begins with its own first unit, and nothing is counted for the time between."""
    wanted = entry(price=1, charge_unit="1h")
    machine.meters.meter("modem", wanted).up(link(0.0))
    machine.run(60, rate=10)
    machine.start()
    meter = machine.meters.meter("modem", wanted)
    machine.run(100)
    meter.dialled()
    meter.up(link(170.0))
    machine.run(10, rate=10)
    assert machine.used() == {"time": 70.0, "data": 1400, "dials": 1, "money": "2"}


def test_killed_while_dialling(machine):
    """The attempt counts: nobody evades a limit by dying."""
    for _ in range(3):
        meter = machine.meters.meter("modem", entry(dials="3/hour"))
        assert meter.permission().refused is None
        meter.dialled()
        machine.start()
    assert machine.meters.meter("modem", entry(dials="3/hour")).permission().refused is not None


def test_a_stop_writes_all(machine):
    """To the second."""
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))
    machine.run(7, rate=10)
    machine.meters.stop()
    assert machine.clock.clock.getDelayedCalls() == []
    machine.start().meters.meter("modem", entry())
    assert machine.used() == {"time": 7.0, "data": 140, "dials": 0, "money": "0"}


def test_after_a_stop_nothing_is_counted_or_written(machine):
    """Last words of a plugin do no harm."""
    meter = machine.meters.meter("modem", entry())
    machine.meters.stop()
    before = machine.store.records("usage")
    meter.dialled()
    meter.down()
    assert machine.store.records("usage") == before
    assert machine.clock.clock.getDelayedCalls() == []


def test_a_reboot(machine):
    """A quarter of an hour later the hour is still that full; later it is not."""
    wanted = entry(dials="2/hour", time="1h/day")
    meter = machine.meters.meter("modem", wanted)
    machine.run(5000, step=10)
    for _ in range(2):
        meter.dialled()
        meter.down()
    meter = machine.reboot(off=900).meters.meter("modem", wanted)
    refused = meter.permission().refused
    assert refused.retry_at == pytest.approx(20 + 3600 - 900, abs=120)
    machine.run(2600, step=10)
    assert meter.permission().refused is not None
    machine.run(300, step=10)
    assert meter.permission().refused is None
    assert machine.used()["dials"] == 2


def test_a_reboot_into_another_month(machine):
    """What was used in the old one is over."""
    meter = machine.meters.meter("modem", entry())
    meter.dialled()
    machine.reboot(off=40 * DAY).meters.meter("modem", entry())
    assert [machine.used(period)["dials"] for period in ("hour", "day", "month")] == [0, 0, 0]


def test_a_link_of_another_boot_is_another_call(machine):
    """Its number and its time mean nothing after a reboot."""
    machine.meters.meter("modem", entry()).up(link(0.0))
    machine.run(40)
    machine.reboot(off=100)
    machine.meters.meter("modem", entry()).up(link(0.0))
    assert machine.used()["time"] <= 40


def test_a_journal_with_nonsense(machine):
    """It is told and passed over; the other accounts are there."""
    for name in ("a", "b"):
        machine.meters.meter(name, entry(name)).dialled()
    machine.meters._journal.append({"uplink": "b", "minutes": "none"})
    machine.start()
    for name in ("a", "b"):
        machine.meters.meter(name, entry(name))
    assert [machine.used(name=name)["dials"] for name in ("a", "b")] == [1, 1]
    (told,) = machine.events.said("store.unreadable")
    assert told["reason"].startswith("a record of the journal usage makes no sense")


def test_the_journal_stays_small(machine):
    """Days of being up, and it holds no more than a bounded number of records."""
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))
    machine.run(DAY, step=30)
    assert len(machine.store.records("usage")) <= SLACK + 2
    machine.start().meters.meter("modem", entry())
    assert machine.used("month")["time"] >= DAY - 60


def test_uplinks_that_are_gone_are_kept_within_bounds(machine):
    """The oldest of very many are forgotten."""
    for index in range(KEPT + 20):
        machine.meters.meter(f"u{index}", entry(f"u{index}")).dialled()
        machine.meters.forget(f"u{index}")
    machine.meters.meter("u0", entry("u0")).dialled()
    machine.start().meters.stop()
    assert len(machine.store.records("usage")) == KEPT
    machine.start()
    found = {}
    for name in ("u0", "u1", f"u{KEPT}"):
        machine.meters.meter(name, entry(name))
        found[name] = machine.used(name=name)["dials"]
    assert found == {"u0": 2, "u1": 0, f"u{KEPT}": 1}


def test_a_disk_that_is_full(machine):
    """Counting goes on; what is known is written when there is room again."""
    meter = machine.meters.meter("modem", entry())
    meter.up(link(0.0))
    machine.store.fail = OSError(28, "No space left on device")
    machine.run(100)
    machine.store.fail = None
    machine.run(100)
    machine.start().meters.meter("modem", entry())
    assert machine.used()["time"] >= 170


def test_a_store_that_cannot_be_opened(machine):
    """It is told to whoever starts the gateway: limits must not be forgotten silently."""
    store, failed = MemoryStore(), []
    store.open("usage", 99)
    Meters(machine.clock, machine.events, Logger(), dict).open(store).addErrback(failed.append)
    assert failed[0].check(StoreError)


# --- settings


def test_new_settings_keep_the_account(machine):
    """The same meter by its name; a limit that is new is judged by what was used before."""
    meter = machine.meters.meter("modem", entry())
    found = answers(machine, meter)
    meter.up(link(0.0))
    machine.run(120)
    assert machine.meters.meter("modem", entry(time="1m/day")) is meter
    assert found == [(120.0, "limits.time")]
    machine.meters.meter("modem", entry(time="1h/day"))
    assert found == [(120.0, "limits.time"), (120.0, "free")]


def test_a_new_price_holds_from_its_time_on(machine):
    """What has begun is charged as it was."""
    machine.meters.meter("modem", entry(price=1, charge_unit="60s")).up(link(0.0))
    machine.run(90)
    machine.meters.meter("modem", entry(price=5, charge_unit="60s"))
    machine.run(60)
    assert machine.used()["money"] == "7"


def test_an_uplink_that_is_removed_and_comes_again(machine):
    """Its limits go on where they were; meanwhile it warns of nothing."""
    meter = machine.meters.meter("modem", entry(dials="1/day"))
    meter.dialled()
    machine.meters.forget("modem")
    assert machine.meters.warnings() == ()
    assert machine.meters.status("modem") == {}
    machine.run(60)
    assert machine.meters.meter("modem", entry(dials="1/day")).permission().refused is not None


def test_another_time_zone(machine):
    """Days end when they end there."""
    meter = machine.meters.meter("modem", entry(dials="1/day"))
    meter.dialled()
    meter.down()
    machine.meters.use("Asia/Kolkata")
    assert (
        meter.permission().refused.reason == "limits.dials: 1/day are used up; again at 2026-11-26 00:00 IST"
    )
    assert meter.permission().refused.retry_at == pytest.approx(7.5 * HOUR)
    with pytest.raises(ConfigurationError, match=r"gateway\.timezone: there is no time zone 'Mars'"):
        machine.meters.use("Mars")


def test_a_meter_before_the_journal_is_read(machine):
    """Its account comes when it is."""
    machine.meters.meter("modem", entry()).dialled()
    meters = Meters(machine.clock, machine.events, Logger(), dict)
    meter = meters.meter("modem", entry(dials="1/day"))
    meters.open(machine.store)
    assert meter.permission().refused is not None


# --- status


def test_the_status_of_limits(machine):
    """JSON-able, a stable shape."""
    wanted = entry(
        time="2h/day", data="500MB/month", dials="3/hour", money="10/month", price="0.05", hours="06:00-23:00"
    )
    meter = machine.meters.meter("modem", wanted)
    meter.dialled()
    meter.up(link(0.0))
    machine.run(100.04, rate=1000)
    shown = to_json(machine.meters.status("modem"))
    assert shown["rates"] == [
        {"key": "limits.time", "period": "day", "used": 100.0, "limit": 7200.0, "unit": "seconds",
         "resets": "2026-11-25T23:00:00Z", "near": False, "reached": False},
        {"key": "limits.data", "period": "month", "used": 200_000, "limit": 500_000_000, "unit": "bytes",
         "resets": "2026-11-30T23:00:00Z", "near": False, "reached": False},
        {"key": "limits.dials", "period": "hour", "used": 1, "limit": 3, "unit": "",
         "resets": None, "near": False, "reached": False},
        {"key": "limits.money", "period": "month", "used": "0.10", "limit": "10", "unit": "",
         "resets": "2026-11-30T23:00:00Z", "near": False, "reached": False},
    ]  # fmt: skip
    assert (shown["hours"], shown["refused"], shown["again"]) == (["06:00-23:00"], None, None)
    assert shown["usage"]["hour"] == {"time": 100.0, "data": 200_000, "dials": 1, "money": "0.10"}


def test_the_status_of_a_refusal(machine):
    """Why, and until when."""
    machine.meters.meter("modem", entry(hours="06:00-07:00"))
    shown = to_json(machine.meters.status("modem"))
    assert shown["refused"] == "hours: only from 06:00-07:00; again at 2026-11-26 06:00 CET"
    assert shown["again"] == "2026-11-26T05:00:00Z"
