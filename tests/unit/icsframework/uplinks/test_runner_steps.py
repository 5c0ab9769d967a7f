"""Every step of a connect is told as it begins, and with the outcome how long each took."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from icsframework.errors import HostError
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.runner import Runner, UplinkSpec
from icsframework.uplinks.saved import SavedUplink
from icsframework.values import Absent, Cause, Connecting, Down, Failed, Link, Up, UplinkState

LINK = Link("icsu-modem", 2, None, "ppp", "inline", 1500, False, 0.0, None)
COMMAND = Cause(rule="command")


class Bench:
    """A manual uplink that is there; ``settling`` is what the machine is asked and has not yet done."""

    def __init__(self, saved: SavedUplink | None = None) -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.settling: list[Deferred[None]] = []
        self.adopting: Deferred[Link | None] = Deferred()
        made: list[ScriptedUplink] = []

        def make(observer: Callable[[UplinkState], None]) -> ScriptedUplink:
            made.append(ScriptedUplink(observer, lambda _: self.adopting))
            return made[0]

        spec = UplinkSpec("modem", "dialup", "manual", "icsu-modem", False, 1 << 16, make)
        self.runner = Runner(spec, self.clock, self.events, Logger(), self.settle, lambda: None, lambda: 0.5)
        self.plugin = made[0]
        self.runner.start(saved)
        self.plugin.report(Down())

    def settle(self) -> Deferred[None]:
        """The machine begins to change."""
        self.settling.append(Deferred())
        return self.settling[-1]

    def connect(self) -> None:
        """As ``ics connect``; the reason of a failure is read elsewhere."""
        self.runner.connect(COMMAND).addErrback(lambda _: None)

    def dial(self, *stages: tuple[str, float]) -> None:
        """Each stage, with its seconds."""
        for stage, seconds in stages:
            self.plugin.report(Connecting(stage))
            self.clock.clock.advance(seconds)

    def told(self) -> list[Any]:
        """All that was said of the connect: stages by name, outcomes with their steps."""
        return [
            event.fields["stage"]
            if event.id in ("uplink.connecting", "uplink.stage")
            else (event.id, [(step["stage"], step["seconds"]) for step in event.fields.get("steps", ())])
            for event in self.events.all
        ]


def test_a_dial_that_comes_up() -> None:
    """Each stage once as it begins, the core's own at the end; the event of the outcome has all with their times."""
    bench = Bench()
    bench.connect()
    bench.dial(("initialising", 2.0), ("calling 123", 10.0), ("calling 123", 1.25), ("authenticating", 1.0))
    bench.plugin.report(Up(LINK))
    bench.clock.clock.advance(0.125)
    bench.settling[-1].callback(None)
    steps = [("initialising", 2.0), ("calling 123", 11.25), ("authenticating", 1.0), ("configuring", 0.125)]
    names = ["initialising", "calling 123", "authenticating", "configuring"]
    assert bench.told() == ["starting", *names, ("uplink.up", steps)]
    assert bench.runner.told.steps.connect is None


@pytest.mark.parametrize(
    ("end", "event"),
    [
        (Failed("busy"), "uplink.failed"),
        (Absent("unplugged"), "uplink.absent"),
        (Down("gone"), "uplink.down"),
    ],
)
def test_a_dial_that_ends_otherwise(end: UplinkState, event: str) -> None:
    """Failed, unplugged, or down by itself: how far it came, with the reason."""
    bench = Bench()
    bench.connect()
    bench.dial(("initialising", 2.0), ("calling 123", 10.0))
    bench.plugin.report(end)
    steps = [("initialising", 2.0), ("calling 123", 10.0)]
    assert bench.told() == ["starting", "initialising", "calling 123", (event, steps)]
    assert bench.events.all[-1].fields["reason"] == getattr(end, "reason", "")
    assert bench.runner.told.steps.connect is None


def test_a_hang_up_while_it_dials_is_told() -> None:
    """Who hung up, and how far it was; a device that fails later was not connecting."""
    bench = Bench()
    bench.connect()
    bench.dial(("calling 123", 3.0))
    bench.runner.hang_up("by root")
    bench.plugin.report(Failed("the modem hangs"))
    assert bench.told() == [
        "starting",
        "calling 123",
        ("uplink.down", [("calling 123", 3.0)]),
        ("uplink.failed", []),
    ]
    assert bench.events.all[2].fields["reason"] == "by root"


def test_a_connect_that_is_asked_for_during_a_hang_up_is_another_one() -> None:
    """Both are told, each with its own steps."""
    bench = Bench()
    bench.connect()
    bench.dial(("calling 123", 3.0))
    bench.plugin.disconnect = lambda reason: Deferred()  # type: ignore[method-assign]
    bench.runner.hang_up("by root")
    bench.connect()
    bench.plugin.report(Down("by root"))
    bench.dial(("calling 456", 1.0))
    bench.plugin.report(Failed("busy"))
    assert bench.told() == [
        "starting",
        "calling 123",
        ("uplink.down", [("calling 123", 3.0)]),
        "starting",
        "calling 456",
        ("uplink.failed", [("calling 456", 1.0)]),
    ]


def test_a_link_that_the_machine_refuses_or_that_goes_meanwhile() -> None:
    """The core's own stage counts too."""
    bench = Bench()
    bench.connect()
    bench.plugin.report(Up(LINK))
    bench.clock.clock.advance(0.5)
    bench.settling[-1].errback(HostError("no permission"))
    assert bench.told()[-1] == ("uplink.failed", [("configuring", 0.5)])
    other = Bench()
    other.connect()
    other.plugin.report(Up(LINK))
    other.clock.clock.advance(0.25)
    other.plugin.report(Failed("carrier lost"))
    other.settling[-1].callback(None)
    assert other.told()[-1] == ("uplink.failed", [("configuring", 0.25)])


def test_a_link_that_is_up_has_no_steps() -> None:
    """Neither when its address changes nor when it goes."""
    bench = Bench()
    bench.connect()
    bench.plugin.report(Up(LINK))
    bench.settling[-1].callback(None)
    bench.plugin.report(Up(Link("icsu-modem", 2, None, "ppp", "inline", 1400, False, 0.0, None)))
    bench.settling[-1].callback(None)
    bench.plugin.report(Failed("carrier lost"))
    bench.settling[-1].callback(None)
    assert bench.told()[2:] == [
        ("uplink.up", [("configuring", 0.0)]),
        ("uplink.changed", []),
        ("uplink.failed", []),
    ]


def test_the_end_of_the_gateway_while_it_dials_is_told() -> None:
    """So that no connect stands in the history without its end."""
    bench = Bench()
    bench.connect()
    bench.dial(("calling 123", 3.0))
    bench.plugin.disconnect = lambda reason: succeed(None)  # type: ignore[method-assign]
    assert bench.runner.stop("the gateway stops").called
    assert bench.told()[-1] == ("uplink.down", [("calling 123", 3.0)])


def test_adoption_is_no_connect() -> None:
    """A link that goes on has no steps; one that does not begins anew, with steps of its own."""
    saved = SavedUplink(1, LINK, COMMAND)
    bench = Bench(saved)
    assert bench.told() == []
    bench.adopting.callback(None)
    assert bench.told() == [("uplink.not_adopted", [])]
    bench.settling[-1].callback(None)
    bench.dial(("calling 123", 3.0))
    bench.plugin.report(Failed("busy"))
    assert bench.told()[1:] == ["anew", "calling 123", ("uplink.failed", [("calling 123", 3.0)])]
