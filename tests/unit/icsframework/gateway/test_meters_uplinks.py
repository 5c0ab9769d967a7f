"""Real meters and real uplinks together: never up past a limit, whatever happens to the line, the clock and the gateway."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from icsframework.config.uplinks import UplinkSection
from icsframework.errors import IcsError, UplinkRefused
from icsframework.gateway.meters import Meters
from icsframework.host.traffic import Traffic
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.store import MemoryStore
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.quiet import NEVER_QUIET
from icsframework.uplinks.spec import UplinkSpec
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Cause, Down, Failed, Link, Refused, Up

NOON = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
HOUR = 3600.0
DIAL, HANG_UP = 20.0, 3.0
"""Seconds that the line takes."""
RATE = 50_000
"""Bytes a second in each direction while up."""
BY_HAND = Cause(rule="command")
ASKED = Cause(rule="dns", client=None, protocol="udp", name="www.example")


class Line(ScriptedUplink):
    """A modem that takes its time to dial and to hang up."""

    def __init__(self, observer, world):
        super().__init__(observer)
        self.world = world
        self.up = False
        self.ringing = None

    def connect(self, cause):
        """See IUplink."""
        self.calls.append(cause.rule)
        self.ringing = self.world.clock.call_later(DIAL, self.arrive)
        return Deferred()

    def arrive(self):
        """The call is there."""
        self.up, self.ringing = True, None
        self.report(Up(Link("ppp0", 7, None, "ppp", "inline", 1500, True, self.world.clock.now(), None)))

    def disconnect(self, reason):
        """See IUplink."""
        self.calls.append(f"-{reason}")
        self.stop_ringing()
        gone = Deferred()

        def end():
            self.up = False
            self.report(Down(reason))
            gone.callback(None)

        self.world.clock.call_later(HANG_UP, end)
        return gone

    def stop_ringing(self):
        """No call comes."""
        if self.ringing is not None and self.ringing.active():
            self.ringing.cancel()
        self.ringing = None


class World:
    """One uplink ``modem`` with its meter; the process can be killed, which ends the call."""

    def __init__(self, connect="always", hours=(), **limits):
        self.clock = FakeClock(NOON)
        self.store = MemoryStore()
        self.octets = 0.0
        self.logged = []
        self.log = Logger(observer=self.logged.append)
        self.section = UplinkSection.model_validate(
            {"plugin": "x", "name": "modem", "connect": connect, "limits": limits, "demand": {"hours": hours}}
        )
        self.begin()

    def begin(self):
        """A process starts."""
        for call in self.clock.clock.getDelayedCalls():
            call.cancel()
        self.events = FakeEvents("x", self.clock)
        self.meters = Meters(self.clock, self.events, self.log, self.traffic)
        self.meters.open(self.store)
        self.meters.use("Europe/Berlin")
        self.supervisor = Supervisor(self.clock, self.events, self.log, lambda: succeed(None), lambda: 0.5)
        self.supervisor.start(
            UplinkSpec(
                "modem", "x", self.section.connect, "modem", True, 1 << 16, self.make,
                meter=self.meters.meter("modem", self.section),
            )
        )  # fmt: skip
        self.line.report(Down())

    def make(self, observer):
        """The plugin."""
        self.line = Line(observer, self)
        return self.line

    def traffic(self):
        """The kernel's counters."""
        return {"ppp0": Traffic(int(self.octets), int(self.octets))}

    def run(self, seconds):
        """Let time pass, second by second."""
        while seconds > 0:
            step = min(1.0, seconds)
            if self.line.up:
                self.octets += RATE * step
            self.clock.clock.advance(step)
            seconds -= step

    @property
    def runner(self):
        """The uplink."""
        return self.supervisor.runner("modem")

    @property
    def state(self):
        """What people see."""
        return self.runner.shown()

    def connect(self, override=False):
        """``ics connect``; what it says."""
        said = []
        self.runner.connect(BY_HAND, override).addErrback(lambda failure: said.append(failure.value))
        return said

    def used(self, period="day"):
        """What status shows."""
        return self.meters.status("modem")["usage"][period]


def test_an_always_uplink_is_hung_up_and_comes_back():
    """At the second at which its time is used up; and by itself when the new day begins."""
    world = World(time="10m/day")
    world.run(DIAL + 600)
    reason = "limits.time: 10m/day are used up; again at 2026-11-26 00:00 CET"
    assert world.line.calls == ["always", f"-{reason}"]
    world.run(10)
    assert world.state == Refused(reason, pytest.approx(12 * HOUR))
    assert world.used()["time"] == pytest.approx(600 + HANG_UP, abs=1)
    world.run(12 * HOUR - world.clock.now() + DIAL + 1)
    assert isinstance(world.state, Up)
    assert world.used()["time"] == pytest.approx(1, abs=1)


def test_a_manual_uplink_is_refused():
    """The command is told which limit and until when, unless it overrides; then it is counted all the same."""
    world = World(connect="manual", dials="1/day")
    world.connect()
    world.run(60)
    world.runner.hang_up("enough")
    world.run(60)
    (error,) = world.connect()
    assert isinstance(error, UplinkRefused)
    assert "limits.dials: 1/day are used up; again at 2026-11-26 00:00 CET" in str(error)
    assert world.connect(override=True) == []
    world.run(60)
    assert isinstance(world.state, Up)
    assert world.used()["dials"] == 2


def test_a_demand_uplink_is_refused_outside_of_its_hours():
    """A wish of a client gets the reason; inside of them it is dialled."""
    world = World(connect="demand", hours="18:00-19:00")
    failed = []
    world.supervisor.request(ASKED).addErrback(failed.append)
    assert "hours: only from 18:00-19:00; again at 2026-11-25 18:00 CET" in failed[0].getErrorMessage()
    world.run(6 * HOUR)
    got = []
    world.supervisor.request(ASKED).addBoth(got.append)
    world.run(DIAL)
    assert isinstance(got[0], Link)
    world.run(HOUR)
    assert isinstance(world.state, Refused)


def test_wanted_again_while_it_hangs_up():
    """The attempt that is being given up was the last that is allowed: there is no other one."""
    world = World(connect="manual", dials="1/hour")
    world.connect()
    world.run(5)
    world.runner.hang_up("ics disconnect")
    world.run(1)
    world.connect()
    world.run(60)
    assert world.line.calls == ["command", "-ics disconnect"]
    assert isinstance(world.state, Refused)
    assert world.used()["dials"] == 1


def test_money_is_never_more_than_the_limit():
    """Five units of a minute in an hour: the sixth never begins, though the modem takes its time."""
    world = World(money="5/hour", price=1, charge_unit="60s")
    world.run(2 * HOUR)
    assert Decimal(world.used()["money"]) <= 10
    assert Decimal(world.used("hour")["money"]) <= 5


class Life(RuleBasedStateMachine):
    """Anything may happen at any time."""

    @initialize(mode=st.sampled_from(["always", "demand", "manual"]))
    def begin(self, mode):
        """All four limits, and hours."""
        self.world = World(
            connect=mode,
            hours=["06:00-22:00"],
            time=["20m/hour", "1h/day"],
            data="200MB/day",
            dials=["6/hour", "20/day"],
            money="20/day",
            price=1,
            charge_unit="3m",
        )

    @rule(seconds=st.sampled_from([1, 17, 60, 300, 1800]))
    def time_passes(self, seconds):
        """Some of it."""
        self.world.run(seconds)

    @rule()
    def somebody_asks(self):
        """A lookup."""
        self.world.supervisor.request(ASKED).addErrback(lambda failure: failure.trap(IcsError) and None)

    @rule()
    def command(self):
        """``ics connect``."""
        self.world.connect()

    @rule()
    def hang_up(self):
        """``ics disconnect``."""
        self.world.runner.hang_up("ics disconnect")

    @precondition(lambda self: self.world.line.up)
    @rule()
    def lost(self):
        """The call is lost."""
        self.world.line.up = False
        self.world.line.report(Failed("carrier lost"))

    @precondition(lambda self: self.world.line.ringing is not None)
    @rule()
    def busy(self):
        """The number is busy."""
        self.world.line.stop_ringing()
        self.world.line.report(Failed("busy"))

    @rule()
    def killed(self):
        """kill -9 and a new start."""
        self.world.begin()

    @rule(trusted=st.booleans())
    def clock(self, trusted):
        """The clock is wrong, or right again."""
        self.world.clock.wall_trusted = trusted
        self.world.events.emit("clock.right" if trusted else "clock.wrong", time="", problem="")

    @rule(seconds=st.sampled_from([HOUR, 12 * HOUR, 40 * 24 * HOUR]))
    def clock_put_forward(self, seconds):
        """Somebody sets it."""
        self.world.clock.wall_offset += seconds
        self.world.events.emit("clock.set", seconds=seconds, time="")

    @rule(data=st.sampled_from(["200MB/day", "50MB/day"]))
    def reload(self, data):
        """Another limit, and back."""
        limits = self.world.section.limits.model_dump(mode="json") | {"data": data}
        section = self.world.section.model_dump(mode="json") | {"limits": limits}
        self.world.section = UplinkSection.model_validate(section)
        meter = self.world.meters.meter("modem", self.world.section)
        self.world.runner.rearm(self.world.section.connect, NEVER_QUIET, (), meter)

    @invariant()
    def within_the_limits(self):
        """Never more than allowed, but for the seconds of hanging up and the bytes of a look."""
        if not hasattr(self, "world"):
            return
        hour, day = self.world.used("hour"), self.world.used()
        assert hour["time"] <= 20 * 60 + HANG_UP + 1
        assert day["time"] <= HOUR + HANG_UP + 1
        assert hour["dials"] <= 6
        assert day["dials"] <= 20
        assert Decimal(day["money"]) <= 20
        assert day["data"] <= 200_000_000 + 2 * RATE * (HANG_UP + 2)

    @invariant()
    def nothing_else_counts(self):
        """What is counted is what the line did."""
        if hasattr(self, "world"):
            assert self.world.meters.meter("modem", self.world.section).is_up == self.world.line.up

    def teardown(self):
        """Nothing was logged as a failure."""
        if hasattr(self, "world"):
            self.world.meters.stop()
            assert [event for event in self.world.logged if "log_failure" in event] == []


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
