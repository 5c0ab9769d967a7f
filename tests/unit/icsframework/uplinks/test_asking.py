"""One wish on its way through several uplinks."""

from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import Logger

from icsframework.errors import UplinkFailed, UplinkRefused
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.asking import GRACE, Asking
from icsframework.uplinks.permission import Unmetered
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.runner import UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.uplinks.supervisor import Supervisor
from icsframework.uplinks.traffic import TrafficRule, wake_rules
from icsframework.values import Absent, Cause, Down, Failed, Link, Refused, Up

PC = ip_address("192.168.0.100")
WEB = Cause(rule="demand.wake", client=PC, protocol="tcp", destination="203.0.113.10:80")
LOOKUP = Cause(rule="demand.wake", client=PC, protocol="udp", name="www.example.org")
BUILT_IN = "demand.wake: built in"
NO_ADS = (TrafficRule("ignore", "wake[0]", name="*.ads.example"),)
TIME = Refused("limits.time: 2h/day are used", 5000.0)


def link(interface: str) -> Link:
    """A link on an interface."""
    return Link(interface, 2, None, "ppp", "inline", 1500, True, 0.0, None)


class Bench:
    """Uplinks ``name=mode`` whose devices are there; the machine agrees at once."""

    def __init__(self, meter: Any = None, saved: SavedUplink | None = None, **modes: str) -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.supervisor = Supervisor(self.clock, self.events, Logger(), lambda: succeed(None), lambda: 0.5)
        self.plugins: dict[str, ScriptedUplink] = {}
        self.adopting: Deferred[Link | None] = Deferred()
        self.meter = meter
        for index, (name, mode) in enumerate(modes.items(), 1):
            self._start(index, name, mode, saved)

    def _start(self, index: int, name: str, mode: str, saved: SavedUplink | None) -> None:
        def make(observer: Any) -> ScriptedUplink:
            self.plugins[name] = ScriptedUplink(observer, lambda link: self.adopting)
            return self.plugins[name]

        more = {"meter": self.meter} if self.meter is not None and mode == "demand" else {}
        spec = UplinkSpec(
            name, "scripted", mode, name, False, index << 16, make,  # type: ignore[arg-type]
            quiet=Quiet(300.0) if mode == "demand" else Quiet(), wake=wake_rules(NO_ADS), **more,
        )  # fmt: skip
        self.supervisor.start(spec, saved)
        self.plugins[name].report(Down())

    def ask(self, cause: Cause = WEB) -> list[Any]:
        """A wish; what comes of it."""
        got: list[Any] = []
        self.supervisor.request(cause).addCallbacks(
            got.append, lambda failure: got.append((type(failure.value), str(failure.value), failure.value.retry_at))
        )  # fmt: skip
        return got

    def up(self, name: str) -> None:
        """An uplink comes up."""
        self.plugins[name].report(Up(link(name)))

    def calls(self) -> list[tuple[str, str]]:
        """What was asked of the plugins since the last time."""
        found = [(name, call) for name, plugin in self.plugins.items() for call in plugin.calls]
        for plugin in self.plugins.values():
            plugin.calls = []
        return found


def test_many_wishes_are_one_dial() -> None:
    """Whoever comes while it is dialled waits with the others; the first cause is the cause."""
    bench = Bench(modem="demand")
    got = [bench.ask(cause) for cause in (WEB, LOOKUP, WEB, Cause("a plugin"))]
    assert bench.calls() == [("modem", BUILT_IN)]
    assert bench.supervisor.runner("modem").told.cause == Cause(
        BUILT_IN, client=PC, protocol="tcp", destination="203.0.113.10:80"
    )
    bench.up("modem")
    assert got == [[link("modem")]] * 4
    assert bench.ask() == [link("modem")]


def test_a_cancelled_wish_hangs_up_nothing() -> None:
    """The others wait on, and so does the modem."""
    bench = Bench(modem="demand")
    wish = bench.supervisor.request(WEB)
    wish.addErrback(lambda failure: failure.trap(CancelledError))
    other = bench.ask()
    wish.cancel()
    bench.up("modem")
    assert (bench.calls(), other) == ([("modem", BUILT_IN)], [link("modem")])


def test_a_rule_refuses_and_is_named() -> None:
    """A lookup that may not dial, traffic of no kind that does, and the gateway's own: refused, dialled for nobody, told."""
    bench = Bench(modem="demand")
    ads = Cause("demand.wake", client=PC, protocol="udp", name="t.ads.example")
    other = Cause("demand.wake", client=PC, protocol="gre", destination="203.0.113.10")
    own = Cause("dns", protocol="udp", name="time.example")
    no = "no uplink can be used now: modem: "
    assert [bench.ask(cause) for cause in (ads, other, own)] == [
        [(UplinkRefused, no + "wake[0]: such traffic does not dial", None)],
        [(UplinkRefused, no + "demand.wake: no rule lets traffic of this kind dial", None)],
        [(UplinkRefused, no + "demand.wake: no rule lets traffic of the gateway itself dial", None)],
    ]
    assert bench.calls() == []
    assert [fields["why"]["name"] for fields in bench.events.said("uplink.refused")] == ["t.ads.example", ""]


def test_a_rule_decides_where_one_could_be_dialled_and_another_is_absent() -> None:
    """It is a refusal of this wish: who takes it for a failure would turn away others for whom the first is dialled."""
    bench = Bench(first="demand", second="demand")
    bench.plugins["second"].report(Absent("no device"))
    bench.supervisor.runner("second").rearm("demand", Quiet(300.0), wake_rules(()), Unmetered())
    [(kind, why, _)] = bench.ask(Cause("demand.wake", client=PC, protocol="udp", name="t.ads.example"))
    assert (kind, bench.calls()) == (UplinkRefused, [])
    assert why == "no uplink can be used now: first: wake[0]: such traffic does not dial; second: no device"


def test_a_rule_does_not_keep_anybody_from_a_link() -> None:
    """It is about dialling: what is up, or on its way for somebody else, is there for all."""
    bench = Bench(modem="demand")
    ads = Cause("demand.wake", client=PC, protocol="udp", name="t.ads.example")
    bench.ask()
    got = bench.ask(ads)
    bench.up("modem")
    assert (got, bench.ask(ads)) == ([link("modem")], [link("modem")])


def test_uplinks_on_demand_are_tried_in_order() -> None:
    """One after the other, never two at once; the answer names each with its reason, and when to come again."""
    bench = Bench(first="demand", hand="manual", second="demand")
    got = bench.ask()
    assert bench.calls() == [("first", BUILT_IN)]
    bench.plugins["first"].report(Failed("busy", 60.0))
    assert (bench.calls(), got) == ([("second", BUILT_IN)], [])
    bench.plugins["second"].report(Failed("no dial tone", 30.0))
    why = (
        "no uplink can be used now: first: busy; "
        "hand: connect: manual: it is connected by command only (ics connect); second: no dial tone"
    )
    assert got == [(UplinkFailed, why, 30.0)]
    assert bench.ask() == [(UplinkFailed, why, 30.0)]
    assert (bench.calls(), bench.events.said("uplink.refused")) == ([], [])


def test_a_second_wish_waits_for_the_first_ones_dial() -> None:
    """While one modem dials the other is not dialled for somebody else, however long it takes."""
    bench = Bench(first="demand", second="demand")
    bench.ask()
    bench.plugins["first"].report(Failed("busy", 3.0))
    bench.calls()
    got = bench.ask()
    bench.clock.clock.advance(10 * GRACE)
    assert bench.supervisor.runner("first").refusal() is None
    assert bench.calls() == []
    bench.up("second")
    assert got == [link("second")]


def test_a_dial_by_command_is_waited_for_like_any_other() -> None:
    """Though another modem could be dialled meanwhile: a few seconds only get those that connect by themselves."""
    bench = Bench(first="demand", second="demand")
    bench.supervisor.runner("second").connect(Cause("command"))
    assert bench.calls() == [("second", "command")]
    got = bench.ask()
    bench.clock.clock.advance(10 * GRACE)
    assert bench.calls() == []
    bench.up("second")
    assert got == [link("second")]


def test_one_that_fails_and_is_on_its_way_again_is_not_joined_for_ever() -> None:
    """A plugin that fails and connects in one breath holds up no wish, and not the gateway."""
    asked: list[Cause] = []

    def ask(cause: Cause) -> Deferred[Link]:
        asked.append(cause)
        return fail(UplinkFailed("busy"))

    restless: Any = SimpleNamespace(
        spec=SimpleNamespace(name="modem", connect="demand"),
        coming=True,
        hanging_up=False,
        ask_meter=lambda: None,
        refusal=lambda: Failed("busy", 7.0),
        would_dial=lambda cause: cause,
        ask=ask,
    )
    got: list[Any] = []
    asking = Asking(FakeClock(), lambda: [restless], WEB, lambda one: got.append("over"))
    asking.answer.addErrback(lambda failure: got.append((str(failure.value), failure.value.retry_at)))
    asking.begin(None)
    assert (asked, got) == ([WEB], ["over", ("no uplink can be used now: modem: busy", 7.0)])


def test_an_uplink_that_connects_by_itself_gets_a_few_seconds() -> None:
    """Then the modem is dialled; whichever is up first is the answer."""
    bench = Bench(modem="demand", cable="always")
    bench.calls()
    got = bench.ask()
    bench.clock.clock.advance(GRACE - 0.1)
    assert bench.calls() == []
    bench.clock.clock.advance(0.1)
    assert bench.calls() == [("modem", BUILT_IN)]
    bench.up("cable")
    assert got == [link("cable")]
    bench.up("modem")
    assert len(got) == 1


def test_within_these_seconds_nothing_is_dialled() -> None:
    """The cable was only slow."""
    bench = Bench(modem="demand", cable="always")
    bench.calls()
    got = bench.ask()
    bench.clock.clock.advance(GRACE / 2)
    bench.up("cable")
    bench.clock.clock.advance(GRACE)
    assert (got, bench.calls()) == ([link("cable")], [])
    assert bench.clock.clock.getDelayedCalls() == []


def test_an_uplink_that_fails_sooner_is_not_waited_for() -> None:
    """No cable: the modem is dialled at once."""
    bench = Bench(cable="always", modem="demand")
    bench.calls()
    bench.ask()
    bench.plugins["cable"].report(Absent("no cable"))
    assert bench.calls() == [("modem", BUILT_IN)]
    bench = Bench(cable="always", modem="demand")
    bench.plugins["cable"].report(Failed("no DHCP server answers", 60.0))
    bench.calls()
    bench.ask()
    assert bench.calls() == [("modem", BUILT_IN)]


def test_without_another_it_is_waited_for_as_long_as_it_takes() -> None:
    """Also if the other one may not be dialled for this."""
    for modes in ({"cable": "always"}, {"cable": "always", "hand": "manual"}):
        bench = Bench(**modes)
        got = bench.ask()
        bench.clock.clock.advance(100.0)
        assert got == []
        bench.plugins["cable"].report(Failed("no DHCP server answers", 160.0))
        [(kind, why, retry_at)] = got
        assert (kind, retry_at) == (UplinkFailed, 160.0)
        assert "cable: no DHCP server answers" in why


def test_one_that_had_its_time_is_the_last_hope() -> None:
    """The modem fails while the cable still connects: the wish waits for that."""
    bench = Bench(cable="always", modem="demand")
    got = bench.ask()
    bench.clock.clock.advance(GRACE)
    bench.plugins["modem"].report(Failed("busy", 60.0))
    assert got == []
    bench.up("cable")
    assert got == [link("cable")]


def test_one_that_had_its_time_and_failed_is_named_too() -> None:
    """The cable gave up while the modem dialled."""
    bench = Bench(cable="always", modem="demand")
    got = bench.ask()
    bench.clock.clock.advance(GRACE)
    bench.plugins["cable"].report(Failed("no DHCP server answers", 90.0))
    bench.plugins["modem"].report(Failed("busy", 60.0))
    why = "no uplink can be used now: cable: no DHCP server answers; modem: busy"
    assert got == [(UplinkFailed, why, 60.0)]


def test_a_limit_that_is_over_when_asked_is_enough(meter: Any) -> None:
    """The meter forgot to tell; the uplink that is always wanted comes up at once, and nothing else is dialled."""
    bench = Bench(modem="demand", cable="always")
    bench.plugins["cable"].report(Failed("busy"))
    bench.supervisor.runner("cable").rearm("always", Quiet(), (), meter)
    meter.say(TIME)
    bench.calls()

    def connect(cause: Cause) -> Deferred[Link]:
        bench.up("cable")
        return succeed(link("cable"))

    bench.plugins["cable"].connect = connect  # type: ignore[method-assign]
    meter.answer = None
    assert (bench.ask(), bench.calls()) == ([link("cable")], [])


def test_the_uplinks_on_demand_decide_what_kind_of_no_it_is(meter: Any) -> None:
    """The cable is out and the modem past its limit: that is forbidden, not failed."""
    bench = Bench(meter, cable="always", modem="demand")
    bench.plugins["cable"].report(Absent("no cable"))
    meter.say(TIME)
    why = "no uplink can be used now: cable: no cable; modem: limits.time: 2h/day are used"
    assert bench.ask() == [(UplinkRefused, why, 5000.0)]
    [told] = bench.events.said("uplink.refused")
    assert (told["uplink"], told["reason"], told["why"]["destination"]) == (
        "modem",
        TIME.reason,
        "203.0.113.10:80",
    )


def test_traffic_that_may_not_dial_is_forbidden_whatever_else_is_wrong() -> None:
    """No modem, or one that cools: nobody hopes for more by asking again."""
    bench = Bench(modem="demand")
    bench.plugins["modem"].report(Absent("no modem"))
    [(kind, _, _)] = bench.ask(Cause("demand.wake", client=PC, protocol="udp", name="t.ads.example"))
    assert kind is UplinkRefused
    assert bench.ask() == [(UplinkFailed, "no uplink can be used now: modem: no modem", None)]


def test_a_limit_during_the_dial_is_a_refusal(meter: Any) -> None:
    """The wish hears the limit's reason."""
    bench = Bench(meter, modem="demand")
    got = bench.ask()
    meter.say(TIME)
    assert got == [(UplinkRefused, f"no uplink can be used now: modem: {TIME.reason}", 5000.0)]


def test_what_is_adopted_grants_and_what_is_not_is_dialled_anew() -> None:
    """A wish that comes while the plugin looks whether its old call goes on is not answered too early."""
    saved = SavedUplink(1, link("modem"), LOOKUP)
    bench = Bench(saved=saved, modem="demand")
    got = bench.ask()
    bench.adopting.callback(link("modem"))
    assert (got, bench.calls()) == ([link("modem")], [("modem", "adopt modem")])
    bench = Bench(saved=saved, modem="demand")
    got = bench.ask()
    bench.calls()
    bench.adopting.callback(None)
    assert (got, bench.calls()) == ([], [("modem", BUILT_IN)])
    bench.up("modem")
    assert got == [link("modem")]


def test_a_wish_that_joined_a_dial_it_could_not_ask_for_is_refused_when_that_fails() -> None:
    """Somebody else's dial fails: for this one nothing is dialled."""
    bench = Bench(modem="demand")
    bench.ask()
    got = bench.ask(Cause("demand.wake", client=PC, protocol="udp", name="t.ads.example"))
    bench.plugins["modem"].report(Failed("busy", 60.0))
    assert got == [
        (UplinkRefused, "no uplink can be used now: modem: wake[0]: such traffic does not dial", None)
    ]
    assert bench.calls() == [("modem", BUILT_IN)]


def test_whoever_hangs_up_a_dial_hangs_up_for_all_that_wait() -> None:
    """The second wish does not dial again in the moment after the command; the next one does."""
    bench = Bench(modem="demand")
    got = [bench.ask(), bench.ask(LOOKUP)]
    bench.supervisor.runner("modem").hang_up("disconnected by root")
    why = (UplinkFailed, "no uplink can be used now: modem: disconnected by root", None)
    assert (got, bench.calls()) == ([[why], [why]], [("modem", BUILT_IN), ("modem", "-disconnected by root")])
    bench.ask(LOOKUP)
    assert bench.calls() == [("modem", BUILT_IN)]


def test_a_plugin_that_fails_at_once_is_no_trouble() -> None:
    """Nothing is waited for, and the next one is asked."""
    bench = Bench(first="demand", second="demand")
    bench.plugins["first"].connect_error = UplinkFailed("the device is locked")
    got = bench.ask()
    bench.up("second")
    assert got == [link("second")]


def test_a_defect_of_a_plugin_is_a_failure() -> None:
    """It says so, and the wish is not left alone."""
    bench = Bench(modem="demand")
    bench.plugins["modem"].connect_error = ValueError("bug")
    [(kind, why, retry_at)] = bench.ask()
    assert (kind, retry_at) == (UplinkFailed, 1.0)
    assert "modem: plugin scripted failed (connect): bug" in why


def test_a_handover_is_no_refusal() -> None:
    """Nothing forbids it: the uplink is forgotten, and who waited may try again."""
    bench = Bench(modem="demand")
    got = bench.ask()
    bench.supervisor.hand_over("modem", "the gateway hands over")
    assert got == [(UplinkFailed, "no uplink can be used now: there is none", None)]


@pytest.mark.parametrize("mode", ["demand", "always"])
def test_an_uplink_that_is_stopped_refuses_its_waiters(mode: str) -> None:
    """A reload removes it: who waited hears so."""
    bench = Bench(modem=mode)
    got = bench.ask()
    bench.supervisor.stop("modem", "removed")
    assert [kind for kind, _, _ in got] == [UplinkFailed]
