"""When the kernel is told to forget flows."""

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogEvent, Logger

from icsframework.dataplane.flows import MarkFilter
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.errors import HostError
from icsframework.gateway.flows import AGAIN, Flows
from icsframework.testing.gateway import FakeClock
from icsframework.values import Link


def plane(cable: bool, dsl: bool) -> DataPlane:
    """Two uplinks, up or not."""
    sides = []
    for index, (name, up) in enumerate((("cable", cable), ("dsl", dsl)), 1):
        link = Link(name, 2, None, "ethernet", "kernel", 1500, False, 0.0, None)
        sides.append(UplinkSide(name, index, name, link if up else None))
    return DataPlane(uplinks=tuple(sides))


class Bench:
    """Flows whose orders are noted as uplink indices."""

    def __init__(self, error: Exception | None = None) -> None:
        self.clock, self.error = FakeClock(), error
        self.forgotten: list[list[int]] = []
        self.logged: list[LogEvent] = []
        self.flows = Flows(self.forget, self.clock, Logger(observer=self.logged.append))
        self.flows.begin(plane(True, True))

    def forget(self, filters: Sequence[MarkFilter]) -> "Deferred[None]":
        """Conntrack."""
        self.forgotten.append([chosen.mark >> 16 for chosen in filters])
        return succeed(None) if self.error is None else fail(self.error)


def test_the_flows_of_a_dead_uplink_go_now_and_a_moment_later() -> None:
    """What packets on their way began by the old state goes with the second look; then it is over."""
    bench = Bench()
    bench.flows.in_force(plane(False, True))
    assert bench.forgotten == [[1]]
    bench.clock.clock.advance(AGAIN)
    assert bench.forgotten == [[1], [1]]
    assert bench.clock.clock.getDelayedCalls() == []


def test_an_uplink_that_is_back_by_then_keeps_its_flows() -> None:
    """The second look is at what is true then."""
    bench = Bench()
    bench.flows.in_force(plane(False, True))
    bench.flows.in_force(plane(True, True))
    bench.clock.clock.advance(AGAIN)
    assert bench.forgotten == [[1]]


def test_nothing_happens_without_a_reason() -> None:
    """The same state again, or no other way: no order and no timer."""
    bench = Bench()
    bench.flows.in_force(plane(True, True))
    bench.flows.in_force(plane(False, False))
    assert (bench.forgotten, bench.clock.clock.getDelayedCalls()) == ([], [])
    bench.flows.in_force(plane(False, True))
    assert bench.forgotten == [[1]]


def test_a_kernel_that_refuses_is_told_and_tried_again() -> None:
    """A sentence in the log each time; the gateway goes on."""
    bench = Bench(HostError("no answer"))
    bench.flows.in_force(plane(False, True))
    bench.clock.clock.advance(AGAIN)
    assert bench.forgotten == [[1], [1]]
    assert [event["why"] for event in bench.logged] == ["no answer", "no answer"]


def test_a_stop_leaves_no_timer() -> None:
    """What ends anyway needs no second look."""
    bench = Bench()
    bench.flows.in_force(plane(False, True))
    bench.flows.stop()
    assert bench.clock.clock.getDelayedCalls() == []
