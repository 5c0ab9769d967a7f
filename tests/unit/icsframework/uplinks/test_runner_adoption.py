"""One uplink whose link an earlier process left, or whose cable may come back."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.lingering import LINGER
from icsframework.uplinks.runner import ADOPT_PATIENCE, Runner, UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.values import Absent, Cause, Connecting, Down, Failed, Link, Up

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
COMMAND, WAKE = Cause(rule="command"), Cause(rule="demand.wake")
SAVED = SavedUplink(3, LINK, WAKE)


class Bench:
    """A runner, its plugin, and a machine whose ``settle`` the test finishes; ``adopting`` is the plugin's answer."""

    def __init__(self, mode: str = "always", saved: SavedUplink | None = None) -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.settling: list[Deferred[None]] = []
        self.adopting: Deferred[Link | None] = Deferred()
        made: list[ScriptedUplink] = []

        def make(observer: Any) -> ScriptedUplink:
            made.append(ScriptedUplink(observer, lambda link: self.adopting))
            return made[0]

        spec = UplinkSpec("cable", "ethernet", mode, "eth0", False, 0x10000, make)  # type: ignore[arg-type]
        self.runner = Runner(spec, self.clock, self.events, Logger(), self.settle, lambda: None, lambda: 0.5)
        self.plugin = made[0]
        self.runner.start(saved)

    def settle(self) -> Deferred[None]:
        """The machine begins to change; the test fires the Deferred."""
        self.settling.append(Deferred())
        return self.settling[-1]

    def told(self) -> list[str]:
        """What was asked of the plugin since the last time."""
        calls, self.plugin.calls = self.plugin.calls, []
        return calls


# --- what an earlier process left -----------------------------------------------------------------


def test_a_link_that_goes_on_is_up_without_a_connect() -> None:
    """It counts as announced all the time; nothing is asked of the plugin but whether it goes on."""
    bench = Bench("demand", SAVED)
    assert (bench.runner.announced, bench.runner.shown()) == (LINK, Connecting("adopting"))
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.adopting.callback(LINK)
    assert bench.told() == ["adopt eth0"]
    assert len(bench.settling) == 1
    bench.settling[0].callback(None)
    assert (bench.runner.shown(), bench.runner.told.cause) == (Up(LINK), WAKE)
    assert bench.events.ids() == ["uplink.adopted"]
    assert bench.runner.remembered(3) == SAVED
    assert bench.clock.clock.getDelayedCalls() == []


def test_a_plugin_may_answer_without_a_report() -> None:
    """The link that adopt returns is the link."""
    bench = Bench("always", SAVED)
    other = Link("eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0, None)
    bench.adopting.callback(other)
    bench.settling[0].callback(None)
    assert bench.runner.shown() == Up(other)
    assert bench.events.ids() == ["uplink.adopted"]


def test_the_same_link_without_a_report_is_up_too() -> None:
    """Also if it is exactly the one that was saved."""
    bench = Bench("always", SAVED)
    bench.adopting.callback(LINK)
    bench.settling[0].callback(None)
    assert bench.runner.shown() == Up(LINK)


def test_a_link_that_does_not_go_on_is_tidied_up_first() -> None:
    """The machine is without it before the plugin connects anew, for the cause it was up for."""
    bench = Bench("manual", SAVED)
    bench.plugin.report(Down())
    assert bench.told() == ["adopt eth0"]
    bench.adopting.callback(None)
    assert (bench.runner.announced, bench.told()) == (None, [])
    bench.settling[0].callback(None)
    assert bench.told() == ["demand.wake"]
    assert bench.events.ids() == ["uplink.not_adopted", "uplink.connecting"]


def test_a_device_that_is_gone_waits_for_its_return() -> None:
    """No cable any more: absent, and connected when it is back."""
    bench = Bench("always", SAVED)
    bench.plugin.report(Absent("eth0 has no carrier"))
    bench.adopting.callback(None)
    bench.settling[0].callback(None)
    assert bench.runner.shown() == Absent("eth0 has no carrier")
    bench.plugin.report(Down())
    assert bench.told() == ["adopt eth0", "demand.wake"]


def test_a_plugin_that_never_answers_is_not_waited_for() -> None:
    """After some seconds it counts as no."""
    bench = Bench("always", SAVED)
    bench.plugin.report(Down())
    bench.clock.clock.advance(ADOPT_PATIENCE)
    bench.settling[0].callback(None)
    assert bench.told() == ["adopt eth0", "demand.wake"]
    assert bench.events.ids() == ["uplink.not_adopted", "uplink.connecting"]


def test_a_plugin_that_raises_is_not_adopted() -> None:
    """A bug of a plugin costs its link, not the gateway."""
    bench = Bench("always", SAVED)
    bench.plugin.report(Down())
    bench.adopting.errback(ValueError("bug"))
    bench.settling[0].callback(None)
    assert bench.told() == ["adopt eth0", "demand.wake"]
    assert "plugin.broken" in bench.events.ids()


def test_callers_wait_for_the_answer() -> None:
    """Who asks for the Internet meanwhile gets the link that goes on."""
    bench = Bench("demand", SAVED)
    got: list[Link] = []
    bench.runner.ask(Cause(rule="dns")).addCallback(got.append)
    bench.adopting.callback(LINK)
    bench.settling[0].callback(None)
    assert got == [LINK]


def test_what_was_hung_up_stays_down() -> None:
    """The operator's word outlives the process; his next one counts."""
    bench = Bench("always", SavedUplink(1, hung_up="by root"))
    bench.plugin.report(Down())
    assert (bench.told(), bench.runner.shown()) == ([], Down("by root"))
    assert bench.runner.remembered(1) == SavedUplink(1, hung_up="by root")
    bench.runner.connect(COMMAND)
    assert bench.told() == ["command"]
    assert bench.runner.remembered(1) == SavedUplink(1)


def test_a_handover_disconnects_nothing() -> None:
    """The plugin is stopped and asked for nothing else; what it reports then is not heard."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.told()
    assert bench.runner.hand_over("the gateway hands over").called
    bench.plugin.report(Down("stopped"))
    assert (bench.told(), bench.plugin.running) == ([], False)
    assert bench.runner.announced == LINK
    assert bench.events.ids() == ["uplink.connecting", "uplink.stage", "uplink.up"]


# --- a cable that may come back -----------------------------------------------------------------------


def lost(mode: str = "always") -> Bench:
    """A bench whose link has gone with its carrier."""
    bench = Bench(mode)
    bench.plugin.report(Down())
    if mode == "manual":
        bench.runner.connect(COMMAND)
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.plugin.report(Absent("no carrier"))
    assert bench.runner.lingering == LINK
    bench.settling[1].callback(None)
    return bench


def test_the_addresses_stay_until_the_cable_is_back() -> None:
    """Through the new connect until the link is up again; then the link has them."""
    bench = lost()
    bench.plugin.report(Down())
    bench.plugin.report(Connecting("dhcp"))
    assert bench.runner.lingering == LINK
    bench.plugin.report(Up(LINK))
    assert (bench.runner.lingering, len(bench.settling)) == (None, 3)
    assert bench.clock.clock.getDelayedCalls() == []


@pytest.mark.parametrize("mode", ["always", "manual"])
@pytest.mark.parametrize(
    "end",
    [
        lambda bench: (bench.plugin.report(Down()), bench.plugin.report(Failed("no DHCP server answers"))),
        lambda bench: bench.runner.hang_up("by root"),
        lambda bench: bench.clock.clock.advance(LINGER),
    ],
    ids=["failed", "hung up", "time"],
)
def test_the_addresses_go_when_the_link_does_not_come_back(mode: str, end: Any) -> None:
    """A failed connect, the operator's word, or time ends the waiting, and the machine is told."""
    bench = lost(mode)
    end(bench)
    assert (bench.runner.lingering, len(bench.settling)) == (None, 3)


def test_a_link_that_failed_leaves_no_address() -> None:
    """A lease that ran out, or was taken back, is nobody's to keep."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.plugin.report(Failed("the DHCP server took the address back"))
    assert bench.runner.lingering is None
