"""One uplink with a plugin that does as the test says."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.logger import Logger

from icsframework.errors import HostError, IcsError, UplinkFailed, UplinkRefused
from icsframework.patience import PATIENCE
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.runner import Runner, UplinkSpec
from icsframework.values import (
    Absent,
    Cause,
    Connecting,
    Cooling,
    Down,
    Failed,
    Link,
    Up,
)

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
COMMAND = Cause(rule="command")


class Bench:
    """A runner, its plugin, and a machine whose ``settle`` the test finishes."""

    def __init__(self, mode: str = "always") -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.settling: list[Deferred[None]] = []
        self.changes = 0
        made: list[ScriptedUplink] = []

        def make(observer: Any) -> ScriptedUplink:
            made.append(ScriptedUplink(observer))
            return made[0]

        spec = UplinkSpec("cable", "ethernet", mode, "eth0", False, 0x10000, make)  # type: ignore[arg-type]
        self.runner = Runner(spec, self.clock, self.events, Logger(), self.settle, self.changed, lambda: 0.5)
        self.plugin = made[0]
        self.runner.start()

    def settle(self) -> Deferred[None]:
        """The machine begins to change; the test fires the Deferred."""
        self.settling.append(Deferred())
        return self.settling[-1]

    def changed(self) -> None:
        """The supervisor is told to look."""
        self.changes += 1

    def up(self, link: Link = LINK) -> None:
        """The device is there, the link is announced and in force."""
        self.plugin.report(Down())
        self.plugin.report(Up(link))
        self.settling[-1].callback(None)
        self.told()

    def told(self) -> list[str]:
        """What was asked of the plugin since the last time."""
        calls, self.plugin.calls = self.plugin.calls, []
        return calls


def test_up_is_shown_when_it_is_in_force() -> None:
    """A link that the plugin announces is connecting (configuring) until the machine agrees."""
    bench = Bench()
    bench.plugin.report(Down())
    assert bench.told() == ["always"]
    bench.plugin.report(Up(LINK))
    assert bench.runner.shown() == Connecting("configuring")
    assert bench.runner.announced == LINK
    bench.settling[0].callback(None)
    assert bench.runner.shown() == Up(LINK)
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.up"]


def test_callers_wait_for_the_link_in_force() -> None:
    """``ics connect`` returns the link when packets can use it, not when the plugin has it."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    got: list[Link] = []
    bench.runner.connect(COMMAND).addCallback(got.append)
    bench.plugin.report(Up(LINK))
    assert got == []
    bench.settling[0].callback(None)
    assert got == [LINK]
    bench.runner.ask(COMMAND).addCallback(got.append)
    assert got == [LINK, LINK]


def test_callers_hear_the_reason_of_a_failure() -> None:
    """A failed try tells everybody who waits why."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    errors: list[str] = []
    bench.runner.connect(COMMAND).addErrback(lambda failure: errors.append(failure.getErrorMessage()))
    bench.plugin.report(Failed("no DHCP server answers"))
    assert errors == ["no DHCP server answers"]


def test_connecting_an_absent_device_fails_at_once() -> None:
    """Nobody waits for a cable that is not there."""
    bench = Bench("manual")
    bench.plugin.report(Absent("eth0 is not there"))
    with pytest.raises(UplinkFailed, match="eth0 is not there"):
        raise bench.runner.connect(COMMAND).result.value  # type: ignore[attr-defined]


def test_a_request_that_the_mode_forbids_is_refused() -> None:
    """A plugin cannot connect a manual uplink."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    errors: list[IcsError] = []
    bench.runner.ask(Cause(rule="dns")).addErrback(lambda failure: errors.append(failure.value))
    assert [type(error) for error in errors] == [UplinkRefused]


def test_a_lost_link_is_gone_from_the_machine_before_it_is_told() -> None:
    """First the new state is in force, then the others hear of it, people too; who wants to use it knows at once."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.plugin.report(Failed("carrier lost"))
    assert isinstance(bench.runner.shown(), Cooling)
    assert bench.runner.standing() == Up(LINK)
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.up"]
    bench.settling[1].callback(None)
    assert bench.runner.standing() == bench.runner.shown()
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.up", "uplink.failed"]


def test_a_hang_up_is_done_when_the_machine_is_without_the_link() -> None:
    """``ics disconnect`` returns when no packet leaves by the uplink any more."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    done: list[None] = []
    bench.runner.hang_up("by root").addCallback(done.append)
    assert (bench.told(), done) == (["always", "-by root"], [])
    bench.settling[1].callback(None)
    assert done == [None]


def test_a_changed_link_is_put_in_force_again() -> None:
    """A renewed lease with another address is a change, not a new connection."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.plugin.report(Up(Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)))
    bench.settling[1].callback(None)
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.up", "uplink.changed"]


def test_a_machine_that_refuses_takes_the_link_down() -> None:
    """When addresses or rules cannot be set the uplink is disconnected, with the machine's reason, and tried again."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.told()
    bench.plugin.report(Up(LINK))
    bench.settling[0].errback(HostError("eth0: no permission"))
    assert bench.told() == ["-could not be configured: eth0: no permission"]
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.failed"]


def test_retries_come_by_the_clock() -> None:
    """The wait of the policy is a timer of the clock."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Failed("no answer"))
    bench.told()
    bench.clock.clock.advance(0.9)
    assert bench.told() == []
    bench.clock.clock.advance(0.2)
    assert bench.told() == ["always"]


def test_a_plugin_that_only_raises_is_a_failure_too() -> None:
    """A plugin whose connect fails without a report is named as broken and tried again."""
    bench = Bench()
    bench.plugin.connect_error = ValueError("bug")
    bench.plugin.report(Down())
    assert bench.runner.shown().name == "cooling"
    assert bench.events.ids() == ["uplink.connecting", "plugin.broken", "uplink.failed"]


def test_stop_disconnects_and_leaves_no_timer() -> None:
    """Nothing of a stopped uplink is left, and its waiters are told."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Failed("no answer"))
    bench.told()
    assert bench.runner.stop("the gateway stops").called
    assert bench.told() == ["-the gateway stops"]
    assert not bench.plugin.running
    assert bench.clock.clock.getDelayedCalls() == []


def outcome(deferred: "Deferred[Any]") -> list[Any]:
    """The result or the error's sentence, as soon as there is one."""
    got: list[Any] = []
    deferred.addCallbacks(got.append, lambda failure: got.append(failure.getErrorMessage()))
    return got


def slow_disconnect(bench: Bench) -> "Deferred[None]":
    """The plugin's next disconnect takes its time and reports nothing by itself."""
    answer: Deferred[None] = Deferred()

    def disconnect(reason: str) -> "Deferred[None]":
        bench.plugin.calls.append(f"-{reason}")
        return answer

    bench.plugin.disconnect = disconnect  # type: ignore[method-assign]
    return answer


def test_connect_during_a_hang_up_gets_the_next_link_not_the_dying_one() -> None:
    """``ics disconnect`` and ``ics connect`` at once: the second waits, and history has both with their causes."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    bench.runner.connect(COMMAND)
    bench.plugin.report(Up(LINK))
    bench.settling[-1].callback(None)
    bench.told()
    slow_disconnect(bench)
    hung_up = outcome(bench.runner.hang_up("by root"))
    again = outcome(bench.runner.connect(Cause(rule="again")))
    assert (bench.told(), hung_up, again) == (["-by root"], [], [])
    bench.plugin.report(Down("by root"))
    assert bench.told() == ["again"]
    other = Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)
    bench.settling[-1].callback(None)
    bench.plugin.report(Up(other))
    bench.settling[-1].callback(None)
    assert again == [other]
    assert [
        (e.id, (e.fields["why"] or {})["rule"], e.fields.get("reason")) for e in bench.events.all[3:]
    ] == [
        ("uplink.connecting", "again", None),
        ("uplink.down", "command", "by root"),
        ("uplink.stage", "again", None),
        ("uplink.up", "again", None),
    ]


def test_what_an_earlier_connect_says_late_is_not_about_the_present() -> None:
    """The try that was hung up fails after the next one has begun: the next one goes on."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    first: Deferred[Link] = Deferred()
    answers: list[Deferred[Link]] = [first, Deferred()]
    bench.plugin.connect = lambda cause: answers.pop(0)  # type: ignore[method-assign]
    outcome(bench.runner.connect(COMMAND))
    bench.runner.hang_up("by root")
    second = outcome(bench.runner.connect(COMMAND))
    first.errback(UplinkFailed("hung up"))
    assert (bench.runner.shown(), second) == (Connecting("starting"), [])


def test_a_link_that_is_overtaken_is_never_told() -> None:
    """The lease changed before its first address was in force: only the second one is up."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    other = Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)
    bench.plugin.report(Up(other))
    bench.settling[0].callback(None)
    assert (bench.runner.shown(), bench.events.ids()) == (
        Connecting("configuring"),
        ["uplink.connecting", "uplink.stage"],
    )
    bench.settling[1].callback(None)
    assert bench.runner.shown() == Up(other)


def test_a_disconnect_that_ends_late_does_not_end_the_next_connect() -> None:
    """The plugin was down and connects again before its own disconnect says that it is done."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    outcome(bench.runner.connect(COMMAND))
    answer = slow_disconnect(bench)
    bench.runner.hang_up("by root")
    bench.plugin.report(Down("by root"))
    again = outcome(bench.runner.connect(COMMAND))
    answer.callback(None)
    assert (bench.runner.shown(), again) == (Connecting("starting"), [])


def test_there_is_one_timer_for_the_next_try() -> None:
    """A second failure replaces the time of the first."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Failed("no answer"))
    bench.plugin.report(Failed("no answer", retry_at=50.0))
    assert [call.getTime() for call in bench.clock.clock.getDelayedCalls()] == [50.0]


def test_a_plugin_that_only_returns_its_link_is_up() -> None:
    """The Deferred counts if the plugin forgot to report; without a link in it, that is a failure."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    answers: list[Any] = [succeed(LINK), succeed(None), fail(UplinkFailed("the line is busy"))]
    bench.plugin.connect = lambda cause: answers.pop(0)  # type: ignore[method-assign]
    got = outcome(bench.runner.connect(COMMAND))
    bench.settling[-1].callback(None)
    assert got == [LINK]
    bench.runner.hang_up("by root")
    assert outcome(bench.runner.connect(COMMAND)) == [
        "the plugin ended its connect without a link; tell its author"
    ]
    assert outcome(bench.runner.connect(COMMAND)) == ["the line is busy"]


def test_a_plugin_that_reports_nothing_is_down_when_its_disconnect_ends() -> None:
    """Also when it ends with an error: the machine is without the link before the hang-up is done."""
    for end in (lambda d: d.callback(None), lambda d: d.errback(ValueError("bug"))):
        bench = Bench()
        bench.up()
        answer = slow_disconnect(bench)
        done = outcome(bench.runner.hang_up("by root"))
        end(answer)
        assert (bench.runner.announced, done) == (None, [])
        bench.settling[-1].callback(None)
        assert done == [None]
        assert bench.runner.shown() == Down("by root")


def test_a_disconnect_that_never_ends_is_given_up() -> None:
    """The plugin is named, and the link is down all the same."""
    bench = Bench()
    bench.up()
    slow_disconnect(bench)
    done = outcome(bench.runner.hang_up("by root"))
    bench.clock.clock.advance(PATIENCE)
    bench.settling[-1].callback(None)
    assert done == [None]
    slow_disconnect(bench)
    assert outcome(bench.runner.stop("x")) == []
    bench.clock.clock.advance(PATIENCE)
    assert not bench.plugin.running


def test_who_waits_for_a_hang_up_may_leave() -> None:
    """Ctrl-C at ``ics disconnect`` does not interrupt the plugin half way, and a second one waits on."""
    bench = Bench()
    bench.up()
    answer = slow_disconnect(bench)
    first = bench.runner.hang_up("by root")
    first.addErrback(lambda failure: failure.trap(CancelledError))
    second = outcome(bench.runner.hang_up("by root"))
    first.cancel()
    assert (answer.called, bench.told()) == (False, ["-by root"])
    answer.callback(None)
    bench.settling[-1].callback(None)
    assert second == [None]


def test_a_try_that_ends_as_down_is_told_to_who_waits() -> None:
    """A plugin that reports Down instead of Failed leaves nobody waiting for ever."""
    bench = Bench("manual")
    bench.plugin.report(Down())
    got = outcome(bench.runner.connect(COMMAND))
    bench.plugin.report(Down("the modem was switched off"))
    assert got == ["the modem was switched off"]


def test_a_refused_link_harms_no_other_uplink() -> None:
    """From the machine's refusal on it is not announced, and the reason is shown, until the plugin is done with it."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    slow_disconnect(bench)
    bench.settling[0].errback(HostError("203.0.113.5 collides with LAN home"))
    reason = "could not be configured: 203.0.113.5 collides with LAN home"
    assert (bench.runner.announced, bench.runner.shown()) == (None, Failed(reason))
    bench.plugin.report(Down(reason))
    bench.settling[1].callback(None)
    assert bench.runner.shown() == Cooling(reason, 1.0)
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.failed"]


def test_a_refusal_that_is_overtaken_is_not_about_the_present() -> None:
    """The lease changed while its first address was refused: the second one decides."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.told()
    bench.plugin.report(Up(LINK))
    other = Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)
    bench.plugin.report(Up(other))
    bench.settling[0].errback(HostError("no"))
    assert bench.told() == []
    bench.settling[1].callback(None)
    assert bench.runner.shown() == Up(other)


def test_a_machine_that_keeps_a_lost_link_is_told() -> None:
    """The loss is told all the same, and so is what the machine refused."""
    bench = Bench()
    bench.up()
    bench.plugin.report(Failed("carrier lost"))
    bench.settling[1].errback(HostError("eth0: device busy"))
    assert bench.events.said("host.state.failed") == [{"reason": "eth0: device busy"}]
    assert bench.events.ids()[-1] == "uplink.failed"


def test_a_stopped_uplink_is_gone_from_the_machine_before_that_is_told() -> None:
    """A reload that removes it: first the state, then the news; who comes meanwhile is refused."""
    bench = Bench()
    bench.up()
    done = outcome(bench.runner.stop("removed"))
    assert (done, bench.events.ids()[-1]) == ([], "uplink.up")
    assert outcome(bench.runner.connect(COMMAND)) == ["uplink cable is being stopped"]
    bench.plugin.report(Up(LINK))  # a plugin that fires late
    assert bench.runner.announced is None
    bench.settling[-1].callback(None)
    assert (done, bench.events.ids()[-1]) == ([None], "uplink.down")
    assert bench.clock.clock.getDelayedCalls() == []
