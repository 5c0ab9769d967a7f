"""Calls that may do anything."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from icsframework.errors import HostError, UplinkFailed
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.uplinks.guard import Guard, agree, connected
from icsframework.uplinks.spec import UplinkSpec
from icsframework.values import Failed, Link, Up

LINK = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


class Log:
    """Counts tracebacks."""

    def __init__(self) -> None:
        self.failures = 0

    def failure(self, *_: object, **__: object) -> None:
        """One more."""
        self.failures += 1


class Bench:
    """A guard, and what it tells."""

    def __init__(self) -> None:
        self.clock, self.log = FakeClock(), Log()
        self.events = FakeEvents("uplinks", self.clock)
        spec = UplinkSpec("modem", "dialup", "demand", "ppp0", True, 1, lambda _: None)  # type: ignore[arg-type, return-value]
        self.guard = Guard(spec, self.clock, self.events, self.log)  # type: ignore[arg-type]

    def call(self, call: Any, patience: float | None = None) -> list[Any]:
        """What comes of it, and what was told."""
        got: list[Any] = []
        self.guard.call("connect", call, patience).addCallback(got.append)
        return got


def test_what_a_plugin_returns_is_returned() -> None:
    """At once or later."""
    bench = Bench()
    assert bench.call(lambda: succeed(LINK)) == bench.call(lambda: LINK) == [LINK]
    assert (bench.events.all, bench.log.failures) == ([], 0)


def test_a_refusal_of_the_plugin_is_a_failed_try() -> None:
    """With its own words, and without a traceback."""
    bench = Bench()
    assert bench.call(lambda: fail(UplinkFailed("busy"))) == [Failed("busy")]
    assert (bench.events.all, bench.log.failures) == ([], 0)


@pytest.mark.parametrize("call", [lambda: fail(ValueError("bug")), lambda: int("bug")])
def test_a_defect_of_the_plugin_is_a_failed_try_that_names_it(call: Any) -> None:
    """Told and logged, whether it raised or its Deferred failed."""
    bench = Bench()
    [failed] = bench.call(call)
    assert failed.reason.startswith("plugin dialup failed (connect): ")
    assert (bench.events.ids(), bench.log.failures) == (["plugin.broken"], 1)


def test_a_plugin_that_never_answers_is_given_up() -> None:
    """If there is a time for it."""
    bench = Bench()
    got = bench.call(Deferred, 10.0)
    bench.clock.clock.advance(10.0)
    assert "connect of uplink modem (plugin dialup) did not end within 10 s" in got[0].reason


def test_what_the_end_of_a_connect_says() -> None:
    """A link, a failure, or a plugin that forgot the link."""
    assert connected(LINK) == Up(LINK)
    assert connected(Failed("busy", 5.0)) == Failed("busy", 5.0)
    assert connected(None) == Failed("the plugin ended its connect without a link; tell its author")


@pytest.mark.parametrize(("error", "tracebacks"), [(HostError("no permission"), 0), (ValueError("bug"), 1)])
def test_a_machine_that_refuses_is_told(error: Exception, tracebacks: int) -> None:
    """And nobody fails because of it."""
    bench = Bench()
    got: list[Any] = []
    agree(lambda: fail(error), bench.events, bench.log, "uplink modem").addBoth(got.append)  # type: ignore[arg-type]
    assert (got, bench.log.failures) == ([None], tracebacks)
    assert bench.events.said("host.state.failed") == [{"reason": str(error)}]
