"""One uplink on demand: its plugin, its meter, its timer, and those who wait for it."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from icsframework.errors import IcsError, UplinkFailed, UplinkRefused
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.permission import Unmetered
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.refusals import EVERY
from icsframework.uplinks.runner import Runner, UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.traffic import wake_rules
from icsframework.values import Absent, Armed, Cause, Connecting, Cooling, Down, Failed, Link, Refused, Up

DNS = Cause(rule="demand.wake: built in", protocol="udp", name="example.org")
COMMAND = Cause(rule="command")
TIME = Refused("limits.time: 2h/day are used", 5000.0)
HOURS = Refused("hours: 06:00-23:00")
IDLE = "demand.idle: no traffic for 5m"


def link(mtu: int = 1500, since: float = 0.0) -> Link:
    """A link."""
    return Link("icsu-modem", 2, None, "ppp", "inline", mtu, True, since, None)


class Bench:
    """A runner, its plugin and its meter; the machine agrees at once."""

    def __init__(self, meter: Any, mode: str = "demand", saved: SavedUplink | None = None) -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.meter = meter
        self.adopting: Deferred[Link | None] = Deferred()
        self.settled = 0
        made: list[ScriptedUplink] = []

        def make(observer: Any) -> ScriptedUplink:
            made.append(ScriptedUplink(observer, lambda link: self.adopting))
            return made[0]

        self.spec = UplinkSpec(
            "modem", "dialup", mode, "icsu-modem", True, 0x10000, make,  # type: ignore[arg-type]
            quiet=Quiet(300.0), wake=wake_rules(()), meter=meter,
        )  # fmt: skip
        self.runner = Runner(
            self.spec, self.clock, self.events, Logger(), self.settle, lambda: None, lambda: 0.5
        )
        self.plugin = made[0]
        self.runner.start(saved)
        if saved is None or saved.link is None:
            self.plugin.report(Down())

    def settle(self) -> Deferred[None]:
        """The machine agrees at once."""
        self.settled += 1
        return succeed(None)

    def up(self) -> None:
        """Dialled by traffic and in force."""
        self.runner.ask(DNS)
        self.plugin.report(Up(link()))

    def told(self) -> list[str]:
        """What was asked of the plugin since the last time."""
        calls, self.plugin.calls = self.plugin.calls, []
        return calls


def outcome(deferred: "Deferred[Any]") -> list[Any]:
    """The result or the error, as soon as there is one."""
    got: list[Any] = []
    deferred.addCallbacks(got.append, lambda failure: got.append(failure.value))
    return got


def said(got: list[IcsError]) -> list[tuple[type[IcsError], str, float | None]]:
    """Errors as values."""
    return [(type(error), str(error), getattr(error, "retry_at", None)) for error in got]


# --- quiet and failures ---------------------------------------------------------------------------


def test_it_is_hung_up_by_the_clock(meter: Any) -> None:
    """One timer, moved by traffic; the drop has its reason in the history, and nothing waits afterwards."""
    bench = Bench(meter)
    bench.up()
    assert bench.runner.hangs_up_at() == 300.0
    bench.clock.clock.advance(200.0)
    bench.runner.active(200.0)
    bench.clock.clock.advance(299.0)
    assert (bench.runner.hangs_up_at(), bench.runner.shown()) == (500.0, Up(link()))
    assert [call.getTime() for call in bench.clock.clock.getDelayedCalls()] == [500.0]
    bench.clock.clock.advance(1.0)
    assert bench.told() == ["demand.wake: built in", f"-{IDLE}"]
    assert bench.events.said("uplink.down")[0]["reason"] == IDLE
    assert isinstance(bench.runner.shown(), Armed)
    assert (bench.runner.hangs_up_at(), bench.clock.clock.getDelayedCalls()) == (None, [])


def test_a_plugin_that_calls_the_hang_up_a_failure_has_no_word_in_it(meter: Any) -> None:
    """A modem says "carrier lost" when it hangs up; what people read is why it did."""
    bench = Bench(meter)
    bench.up()
    bench.plugin.disconnect = lambda reason: bench.plugin.report(Failed("carrier lost"))  # type: ignore[assignment, func-returns-value]
    bench.clock.clock.advance(300.0)
    assert [event.id for event in bench.events.all][-1] == "uplink.down"
    assert bench.events.said("uplink.down")[0]["reason"] == IDLE


def test_who_wishes_while_it_cools_fails_at_once(meter: Any) -> None:
    """With the reason of the failure, and when it may be tried again; then it is tried."""
    bench = Bench(meter)
    first = outcome(bench.runner.ask(DNS))
    bench.plugin.report(Failed("busy", 30.0))
    assert said(first) == said(outcome(bench.runner.ask(DNS))) == [(UplinkFailed, "busy", 30.0)]
    assert bench.runner.shown() == Cooling("busy", 30.0)
    assert len(bench.told()) == 1
    bench.clock.clock.advance(30.0)
    assert bench.told() == []
    assert outcome(bench.runner.ask(DNS)) == []
    assert bench.told() == ["demand.wake: built in"]


def test_who_wishes_before_the_redial_waits_for_it(meter: Any) -> None:
    """A lost line is called again by itself, once for everybody."""
    bench = Bench(meter)
    bench.up()
    bench.plugin.report(Failed("carrier lost"))
    got = [outcome(bench.runner.ask(DNS)) for _ in range(3)]
    assert (got, bench.runner.coming) == ([[], [], []], True)
    bench.clock.clock.advance(1.0)
    bench.plugin.report(Up(link(1400)))
    assert got == [[link(1400)]] * 3
    assert bench.told() == ["demand.wake: built in"] * 2


def test_who_waits_for_a_redial_that_fails_hears_why(meter: Any) -> None:
    """It was the last try."""
    bench = Bench(meter)
    bench.up()
    bench.plugin.report(Failed("carrier lost"))
    got = outcome(bench.runner.ask(DNS))
    bench.clock.clock.advance(1.0)
    bench.plugin.report(Failed("busy"))
    assert said(got) == [(UplinkFailed, "busy", 3.0)]


def test_who_stops_waiting_hangs_up_nothing(meter: Any) -> None:
    """A cancelled wish is forgotten; the dial goes on, and others get the link."""
    bench = Bench(meter)
    first, second = bench.runner.ask(DNS), bench.runner.ask(DNS)
    got = outcome(second)
    first.addErrback(lambda failure: None)
    first.cancel()
    bench.plugin.report(Up(link()))
    assert (got, bench.told()) == ([link()], ["demand.wake: built in"])


# --- the meter --------------------------------------------------------------------------------------


def test_the_meter_hears_of_every_step(meter: Any) -> None:
    """Each dial, each announcement and change, each end, in order."""
    bench = Bench(meter)
    bench.runner.ask(DNS).addErrback(lambda _: None)
    bench.plugin.report(Failed("busy"))
    bench.clock.clock.advance(1.0)
    bench.up()
    bench.plugin.report(Up(link(1400)))
    bench.plugin.report(Failed("carrier lost"))
    bench.clock.clock.advance(1.0)
    bench.plugin.report(Up(link()))
    bench.runner.hang_up("by root")
    assert meter.calls == [
        *("dialled", "down"),
        *("dialled", "up 1500", "up 1400", "down"),
        *("dialled", "up 1500", "down"),
    ]


def test_a_hang_up_with_a_wish_behind_it_is_one_end_and_one_dial(meter: Any) -> None:
    """In one step: the old call is counted to its end before the next begins."""
    bench = Bench(meter)
    bench.up()
    bench.plugin.disconnect = lambda reason: Deferred()  # type: ignore[method-assign]
    bench.runner.hang_up("by root")
    bench.runner.ask(DNS)
    bench.plugin.report(Down("by root"))
    assert meter.calls == ["dialled", "up 1500", "down", "dialled"]


def test_a_limit_hangs_up_at_once(meter: Any) -> None:
    """When the meter says so; who wishes is refused with the limit, and it is told."""
    bench = Bench(meter)
    bench.up()
    meter.say(TIME)
    assert bench.told() == ["demand.wake: built in", f"-{TIME.reason}"]
    assert bench.events.said("uplink.down")[0]["reason"] == TIME.reason
    assert bench.runner.shown() == TIME
    assert said(outcome(bench.runner.ask(DNS))) == [(UplinkRefused, TIME.reason, 5000.0)]
    meter.say(None)
    assert isinstance(bench.runner.shown(), Armed)


def test_a_limit_during_the_dial_is_told_to_who_waits(meter: Any) -> None:
    """As a refusal: it did not fail."""
    bench = Bench(meter)
    got = outcome(bench.runner.ask(DNS))
    meter.say(HOURS)
    assert said(got) == [(UplinkRefused, HOURS.reason, None)]


def test_the_meter_is_asked_before_every_wish_and_every_try(meter: Any) -> None:
    """Also if it forgot to tell: a wish, a command and a redial are refused."""
    bench = Bench(meter)
    meter.answer = TIME
    assert said(outcome(bench.runner.ask(DNS))) == [(UplinkRefused, TIME.reason, 5000.0)]
    meter.answer = None
    bench.up()
    bench.plugin.report(Failed("carrier lost"))
    meter.answer = TIME
    bench.told()
    bench.clock.clock.advance(1.0)
    assert (bench.told(), bench.runner.shown()) == ([], TIME)


def test_a_limit_that_the_link_itself_reaches_is_applied_when_the_step_is_done(meter: Any) -> None:
    """The meter speaks up while it is told of the link: it is up, and then hung up, in that order."""
    bench = Bench(meter)

    def up(link: Link) -> None:
        meter.say(TIME)

    meter.up = up
    bench.up()
    assert bench.told() == ["demand.wake: built in", f"-{TIME.reason}"]
    assert bench.events.ids() == [
        "uplink.connecting",
        "uplink.stage",
        "uplink.up",
        "uplink.down",
    ]


def test_a_meter_may_refuse_the_dial_that_it_was_just_told_of(meter: Any) -> None:
    """The plugin is asked to connect and to disconnect, never the other way round."""
    bench = Bench(meter)
    meter.dialled = lambda: meter.say(TIME)
    assert said(outcome(bench.runner.ask(DNS))) == [(UplinkRefused, TIME.reason, 5000.0)]
    assert bench.told() == ["demand.wake: built in", f"-{TIME.reason}"]


def test_a_try_that_was_the_last_is_not_followed_by_another(meter: Any) -> None:
    """It was hung up with a command behind it: the meter, told of its end, has the last word before the next dial."""
    bench = Bench(meter, "always")
    bench.plugin.disconnect = lambda reason: Deferred()  # type: ignore[method-assign]
    meter.down = lambda: meter.say(TIME)
    bench.runner.hang_up("by root")
    got = outcome(bench.runner.connect(COMMAND))
    bench.plugin.report(Down("by root"))
    assert (bench.told(), said(got)) == (["always"], [(UplinkRefused, TIME.reason, 5000.0)])
    meter.say(None)
    assert bench.told() == ["command"]


def test_a_dial_that_failed_is_not_hung_up_by_the_limit_that_it_reached(meter: Any) -> None:
    """It was the last that was allowed: the plugin is asked nothing, and who waited hears the limit."""
    bench = Bench(meter)
    meter.down = lambda: meter.say(TIME)
    got = outcome(bench.runner.ask(DNS))
    bench.plugin.report(Failed("busy"))
    assert (bench.told(), bench.runner.shown()) == (["demand.wake: built in"], TIME)
    assert said(got) == [(UplinkRefused, TIME.reason, 5000.0)]


def test_a_stopped_uplink_hears_no_meter(meter: Any) -> None:
    """Nothing of it is left."""
    bench = Bench(meter)
    bench.up()
    bench.runner.stop("removed")
    assert (meter.watchers, meter.calls[-1]) == ([], "down")
    assert bench.clock.clock.getDelayedCalls() == []


def test_handing_over_ends_no_call(meter: Any) -> None:
    """The next process goes on counting."""
    bench = Bench(meter)
    bench.up()
    bench.runner.hand_over("the gateway hands over")
    assert (meter.watchers, meter.calls[-1]) == ([], "up 1500")


# --- the operator -------------------------------------------------------------------------------------


def test_a_command_is_refused_past_a_limit_and_told(meter: Any) -> None:
    """``ics connect`` says which limit; ``--override`` connects."""
    bench = Bench(meter)
    meter.say(TIME)
    assert said(outcome(bench.runner.connect(COMMAND))) == [(UplinkRefused, TIME.reason, 5000.0)]
    assert bench.events.said("uplink.refused") == [
        {
            "uplink": "modem",
            "why": {"rule": "command", "client": "", "mac": "", "hostname": "", "protocol": "", "destination": "", "name": ""},
            "cause": "command",
            "reason": TIME.reason,
        }
    ]  # fmt: skip
    got = outcome(bench.runner.connect(COMMAND, override=True))
    bench.plugin.report(Up(link()))
    assert got == [link()]
    meter.say(HOURS)
    assert bench.runner.shown() == Up(link())


def test_a_hang_up_for_a_time_is_a_refusal_until_then(meter: Any) -> None:
    """Who waited and who comes hear until when; the timer ends it."""
    bench = Bench(meter)
    got = outcome(bench.runner.ask(DNS))
    bench.runner.hang_up("disconnected by root", until=7200.0)
    barred = [(UplinkRefused, "disconnected by root", 7200.0)]
    assert said(got) == said(outcome(bench.runner.ask(DNS))) == barred
    assert bench.runner.shown() == Refused("disconnected by root", 7200.0)
    bench.clock.clock.advance(7200.0)
    assert isinstance(bench.runner.shown(), Armed)


def test_refusals_of_one_kind_are_told_now_and_then(meter: Any) -> None:
    """A PC that asks every second writes four lines an hour; after the limit the next one is news."""
    bench = Bench(meter)
    bench.runner.told.refused(DNS, TIME)
    for _ in range(100):
        bench.clock.clock.advance(1.0)
        bench.runner.told.refused(DNS, TIME)
    bench.runner.told.refused(DNS, HOURS)
    assert [fields["reason"] for fields in bench.events.said("uplink.refused")] == [TIME.reason, HOURS.reason]
    bench.clock.clock.advance(EVERY)
    bench.runner.told.refused(DNS, TIME)
    meter.say(TIME)
    meter.say(None)
    bench.runner.told.refused(DNS, TIME)
    assert len(bench.events.said("uplink.refused")) == 4


# --- causes -------------------------------------------------------------------------------------------


def test_what_nobody_wished_for_has_the_device_as_its_cause(meter: Any) -> None:
    """A modem that is pulled out is not pulled out for the lookup that dialled it yesterday."""
    bench = Bench(meter)
    bench.plugin.report(Absent("no modem"))
    bench.plugin.report(Down())
    bench.up()
    bench.plugin.report(Absent("no modem"))
    bench.plugin.report(Down())
    bench.plugin.report(Absent("no modem"))
    causes = [(event.id, event.fields["why"]["rule"]) for event in bench.events.all]
    assert causes == [
        ("uplink.absent", "device"),
        ("uplink.connecting", DNS.rule),
        ("uplink.stage", DNS.rule),
        ("uplink.up", DNS.rule),
        ("uplink.failed", DNS.rule),
        ("uplink.absent", "device"),
    ]


def test_a_connect_that_is_handed_over_has_ended(meter: Any) -> None:
    """Nobody goes on with it: the history says so; a link that is up goes on, and nothing is said."""
    bench = Bench(meter)
    bench.runner.ask(DNS).addErrback(lambda failure: failure.trap(UplinkFailed))
    bench.plugin.report(Connecting("calling 123"))
    bench.runner.hand_over("the gateway hands over")
    [down] = bench.events.said("uplink.down")
    assert (down["reason"], down["why"]["rule"]) == ("the gateway hands over", DNS.rule)
    bench = Bench(meter)
    bench.up()
    bench.runner.hand_over("the gateway hands over")
    assert bench.events.said("uplink.down") == []


# --- another configuration ---------------------------------------------------------------------------


def test_rearming_leaves_the_call_alone(meter: Any) -> None:
    """Other times, rules, mode and meter; the new meter hears of the link, the old one that it counts no more."""
    bench = Bench(meter)
    bench.up()
    other = type(meter)()
    bench.runner.rearm("demand", Quiet(60.0), (), other)
    assert bench.told() == ["demand.wake: built in"]
    assert (meter.calls[-1], meter.watchers, other.calls) == ("down", [], ["up 1500"])
    assert (bench.runner.hangs_up_at(), bench.runner.spec.quiet) == (60.0, Quiet(60.0))
    assert bench.runner.would_dial(Cause("noise", protocol="igmp")) == Cause("noise", protocol="igmp")
    other.say(TIME)
    assert bench.told() == [f"-{TIME.reason}"]


@pytest.mark.parametrize("mode", ["demand", "manual"])
def test_a_limit_that_goes_with_always_dials_nothing(meter: Any, mode: Any) -> None:
    """It waited for its limit to end; by the new settings it has no limit, and waits for somebody who needs it."""
    meter.answer = TIME
    bench = Bench(meter, "always")
    bench.runner.rearm(mode, Quiet(300.0), (), Unmetered())
    assert bench.told() == []
    bench.runner.rearm("always", Quiet(), (), meter)
    assert bench.told() == []


def test_rearming_with_the_same_meter_tells_it_nothing(meter: Any) -> None:
    """Its limits may have changed all the same: it is asked."""
    bench = Bench(meter)
    bench.up()
    meter.answer = TIME
    bench.runner.rearm("demand", Quiet(300.0), (), meter)
    assert meter.calls == ["dialled", "up 1500", "down"]
    assert bench.runner.shown() == TIME


# --- another process ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["demand", "always", "manual"])
def test_a_hang_up_for_a_time_outlives_the_process(meter: Any, mode: str) -> None:
    """Until then; what follows is the mode's."""
    bench = Bench(meter, mode)
    bench.runner.hang_up("by root", until=7200.0)
    saved = bench.runner.remembered(3)
    assert saved == SavedUplink(3, hung_up="by root", until=7200.0)
    bench = Bench(meter, mode, saved)
    assert bench.runner.shown() == Refused("by root", 7200.0)
    bench.clock.clock.advance(7200.0)
    assert bench.told() == (["always"] if mode == "always" else [])


def test_one_whose_time_is_over_is_as_it_was(meter: Any) -> None:
    """The gateway was down when it ended."""
    bench = Bench(meter, "always", SavedUplink(3, hung_up="by root", until=-5.0))
    bench.clock.clock.advance(0.0)
    assert bench.told() == ["always"]


def test_an_override_outlives_the_process(meter: Any) -> None:
    """The adopted call goes on past its limit; one that does not go on is not dialled."""
    bench = Bench(meter)
    meter.say(TIME)
    bench.runner.connect(COMMAND, override=True)
    bench.plugin.report(Up(link()))
    saved = bench.runner.remembered(3)
    assert saved == SavedUplink(3, link(), COMMAND, override=True)
    bench = Bench(meter, saved=saved)
    bench.adopting.callback(link())
    assert bench.runner.shown() == Up(link())
    bench = Bench(meter, saved=saved)
    bench.plugin.report(Down())
    bench.adopting.callback(None)
    assert (bench.runner.shown(), bench.told()) == (TIME, ["adopt icsu-modem"])


def test_a_killed_dial_is_not_repeated(meter: Any) -> None:
    """Killed while dialling or while up: the next process begins armed, and tidies up what is left."""
    bench = Bench(meter)
    bench.runner.ask(DNS)
    assert bench.runner.remembered(3) == SavedUplink(3)
    bench.plugin.report(Up(link()))
    saved = bench.runner.remembered(3)
    bench = Bench(type(meter)(), saved=saved)
    bench.plugin.report(Down())
    bench.adopting.callback(None)
    assert (bench.told(), bench.settled) == (["adopt icsu-modem"], 1)
    assert isinstance(bench.runner.shown(), Armed)
    assert bench.meter.calls == ["down"]


def test_one_that_was_being_hung_up_when_the_process_ended_is_hung_up(meter: Any) -> None:
    """The operator's word was said; whatever the plugin finds is taken down, and not dialled again."""
    saved = SavedUplink(3, link(), DNS, hung_up="by root", until=7200.0)
    bench = Bench(meter, saved=saved)
    assert bench.told() == ["adopt icsu-modem", "-by root"]
    bench.adopting.callback(link())
    assert bench.told() == ["-by root"]
    assert bench.runner.shown() == Refused("by root", 7200.0)


def test_a_limit_reached_between_two_processes_ends_the_adopted_call(meter: Any) -> None:
    """When the plugin has said that it goes on."""
    meter.answer = TIME
    bench = Bench(meter, saved=SavedUplink(3, link(), DNS))
    assert bench.runner.shown() == Connecting("adopting")
    bench.adopting.callback(link())
    assert (bench.told(), bench.runner.shown()) == (["adopt icsu-modem", f"-{TIME.reason}"], TIME)
