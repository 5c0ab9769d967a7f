"""One uplink with a plugin that does as the test says."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from icsframework.errors import HostError, IcsError, UplinkFailed, UplinkRefused
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
        made: list[ScriptedUplink] = []

        def make(observer: Any) -> ScriptedUplink:
            made.append(ScriptedUplink(observer))
            return made[0]

        spec = UplinkSpec("cable", "ethernet", mode, "eth0", False, 0x10000, make)  # type: ignore[arg-type]
        self.runner = Runner(spec, self.clock, self.events, Logger(), self.settle, lambda: None, lambda: 0.5)
        self.plugin = made[0]
        self.runner.start()

    def settle(self) -> Deferred[None]:
        """The machine begins to change; the test fires the Deferred."""
        self.settling.append(Deferred())
        return self.settling[-1]

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
    assert bench.events.ids() == ["uplink.connecting", "uplink.up"]


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
    """First the new state is in force, then the others hear of it."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.plugin.report(Up(LINK))
    bench.settling[0].callback(None)
    bench.plugin.report(Failed("carrier lost"))
    assert isinstance(bench.runner.shown(), Cooling)
    assert bench.events.ids() == ["uplink.connecting", "uplink.up"]
    bench.settling[1].callback(None)
    assert bench.events.ids() == ["uplink.connecting", "uplink.up", "uplink.failed"]


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
    assert bench.events.ids() == ["uplink.connecting", "uplink.up", "uplink.changed"]


def test_a_machine_that_refuses_takes_the_link_down() -> None:
    """When addresses or rules cannot be set the uplink is disconnected, with the machine's reason, and tried again."""
    bench = Bench()
    bench.plugin.report(Down())
    bench.told()
    bench.plugin.report(Up(LINK))
    bench.settling[0].errback(HostError("eth0: no permission"))
    assert bench.told() == ["-could not be configured: eth0: no permission"]
    assert bench.events.ids() == ["uplink.connecting", "uplink.failed"]


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
