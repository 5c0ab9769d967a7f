"""What the control API asks is answered by the part that knows it (whole gateways are in test_compose.py)."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from icsframework.control.api import Hangup
from icsframework.errors import IcsError, UplinkFailed, UplinkRefused
from icsframework.gateway.asked import Asked
from icsframework.status import Instant
from icsframework.testing.gateway import WALL_AT_START, FakeClock
from icsframework.values import Cause


class Silent:
    """A supervisor without uplinks."""

    def runner(self, name: str | None) -> Any:
        """Which there is none of."""
        raise UplinkRefused(f"there is no uplink {name}")


def test_an_unknown_uplink_is_an_answer_not_a_defect() -> None:
    """Both commands fail by their Deferred."""
    asked = Asked()
    asked.supervisor = Silent()  # type: ignore[assignment]
    told: list[str] = []
    for answer in (asked.connect("cabel", Cause("manual")), asked.disconnect("cabel", "asked")):
        answer.addErrback(lambda failure: told.append(str(failure.value)))
    assert told == ["there is no uplink cabel"] * 2


def test_the_gateway_itself_is_for_the_gateway_to_tell() -> None:
    """What only compose.py knows is not made up."""
    for question in (Asked().gateway_status, Asked().warnings):
        with pytest.raises(NotImplementedError):
            question()


class Noting:
    """A supervisor with one uplink that does whatever it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.error: IcsError | None = None
        self.spec = SimpleNamespace(name="modem", connect="demand")

    def runner(self, name: str | None) -> Any:
        """Itself."""
        return self

    def connect(self, cause: Cause, override: bool) -> Deferred[str]:
        """Note it."""
        self.calls.append(("connect", cause.rule, override))
        return succeed("link") if self.error is None else fail(self.error)

    def hang_up(self, reason: str, until: float | None) -> Deferred[None]:
        """Note it."""
        self.calls.append(("hang up", reason, until))
        return succeed(None)


def asked_with(supervisor: Noting) -> Asked:
    """The answers of a gateway with that uplink, whose clock has gone for a minute."""
    asked = Asked()
    asked.supervisor = supervisor  # type: ignore[assignment]
    clock = FakeClock()
    clock.clock.advance(60)
    asked.shared = SimpleNamespace(clock=clock)  # type: ignore[assignment]
    asked.agreement = SimpleNamespace(remember=lambda: supervisor.calls.append(("remember",)))  # type: ignore[assignment]
    return asked


def test_commands_reach_the_uplink_as_they_were_given() -> None:
    """Whatever limits say, if that was said; down until a time of its clock, told by the wall clock, and remembered."""
    supervisor = Noting()
    asked = asked_with(supervisor)
    asked.connect(None, Cause("command"), override=True)
    asked.connect(None, Cause("command"))
    told: list[Hangup] = []
    asked.disconnect(None, "by root", 7200.0).addCallback(told.append)
    asked.disconnect(None, "by root").addCallback(told.append)
    assert supervisor.calls == [
        ("connect", "command", True),
        ("remember",),
        ("connect", "command", False),
        ("remember",),
        ("hang up", "by root", 7260.0),
        ("remember",),
        ("hang up", "by root", None),
        ("remember",),
    ]
    assert told == [Hangup("modem", "demand", Instant(WALL_AT_START + 7260)), Hangup("modem", "demand")]


def test_who_is_refused_by_a_limit_reads_how_to_lift_it() -> None:
    """Who failed to connect does not."""
    supervisor = Noting()
    asked = asked_with(supervisor)
    told: list[tuple[Any, ...]] = []

    def tell(failure: Failure) -> None:
        told.append((failure.type, failure.getErrorMessage(), getattr(failure.value, "retry_at", None)))

    for error in (
        UplinkRefused("limits.dials: 1/hour are used up", 90.0),
        UplinkFailed("the line is busy", 9.0),
    ):
        supervisor.error = error
        asked.connect(None, Cause("command")).addErrback(tell)
    assert told == [
        (UplinkRefused, "limits.dials: 1/hour are used up; ics connect --override modem lifts that", 90.0),
        (UplinkFailed, "the line is busy", 9.0),
    ]
