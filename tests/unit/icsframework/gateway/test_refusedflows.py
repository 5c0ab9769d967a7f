"""Refused flows, told to the packet filter."""

from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from twisted.internet.defer import fail
from twisted.logger import Logger

from icsframework.dataplane.wake import REFUSED, REFUSED_SECONDS
from icsframework.errors import NftError
from icsframework.gateway.refusedflows import MOST, MOST_KNOWN, TOGETHER, RefusedFlows
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.uplinks.packets import Flow

HOST, FAR = ip_address("192.168.0.7"), ip_address("203.0.113.9")
WEB = Flow(HOST, FAR, "tcp", 5000, 80)


class Stage:
    def __init__(self):
        self.clock = FakeClock()
        self.elements = FakeElements(self.clock)
        self.flows = RefusedFlows(self.elements, self.clock, Logger(namespace="hold"))

    def there(self):
        return set(self.elements.keys("refused"))

    def wait(self):
        self.clock.clock.advance(TOGETHER)


@pytest.fixture
def stage():
    return Stage()


def test_many_in_one_transaction(stage):
    """What is refused in one moment is told at once; ICMP has no ports there, and unknown protocols are not told."""
    for flow in (
        WEB,
        WEB,
        Flow(HOST, FAR, "udp", 1, 2),
        Flow(HOST, FAR, "icmp", 77),
        Flow(HOST, FAR, "gre"),
    ):
        stage.flows.add(flow)
    assert stage.there() == set()
    stage.wait()
    assert stage.there() == {WEB, (HOST, FAR, "udp", 1, 2), (HOST, FAR, "icmp", 0, 0)}
    assert stage.elements.transactions == 1
    assert stage.clock.clock.getDelayedCalls() == []


def test_one_transaction_at_a_time(stage):
    """What comes while the kernel is busy is told afterwards."""
    stage.elements.held = True
    stage.flows.add(WEB)
    stage.wait()
    stage.flows.add(WEB._replace(port=81))
    stage.wait()
    stage.elements.held = False
    stage.elements.flush()
    assert stage.there() == {WEB}
    stage.wait()
    assert stage.there() == {WEB, WEB._replace(port=81)}


def test_a_flood_is_bounded(stage):
    """No more than so many wait to be told."""
    for port in range(MOST + 10):
        stage.flows.add(WEB._replace(source_port=port))
    stage.wait()
    assert len(stage.there()) == MOST


def test_a_filter_that_refuses(stage):
    """It is no failure of ours: the flow is refused again when it comes again."""
    stage.elements.fail = NftError("no such set")
    stage.flows.add(WEB)
    stage.wait()
    stage.elements.fail = None
    stage.flows.add(WEB)
    stage.wait()
    assert stage.there() == {WEB}


def test_a_stop_leaves_nothing(stage):
    """No timer, and nothing is told any more."""
    stage.flows.add(WEB)
    stage.flows.stop()
    stage.flows.stop()
    stage.clock.clock.advance(1.0)
    assert (stage.there(), stage.clock.clock.getDelayedCalls()) == (set(), [])


def test_a_defect_is_logged_and_the_next_flows_are_told(stage):
    """What is no refusal of the kernel's is shown to those who can mend it; it blocks nothing."""
    logged = []
    broken = SimpleNamespace(change=lambda add, delete: fail(ZeroDivisionError("a defect")))
    flows = RefusedFlows(broken, stage.clock, Logger(namespace="hold", observer=logged.append))
    for count in (1, 2):
        flows.add(WEB)
        stage.wait()
        assert [event["log_level"].name for event in logged] == ["critical"] * count


def test_what_is_not_refused_any_more(stage):
    """Is forgotten by the packet filter as well, and what it was not told yet never is; nothing known, nothing told."""
    stage.flows.forget()
    stage.flows.add(WEB)
    stage.wait()
    stage.flows.add(WEB._replace(port=81))
    stage.flows.forget()
    stage.wait()
    stage.flows.forget()  # at once again: nothing is left to forget
    assert (stage.there(), stage.elements.transactions) == (set(), 2)
    stage.flows.add(WEB)
    stage.wait()
    stage.clock.clock.advance(REFUSED_SECONDS)
    stage.flows.forget()
    assert (stage.there(), stage.elements.transactions) == (set(), 3)


def test_the_oldest_of_too_many_are_left_to_their_time(stage):
    """We remember as many as the packet filter does, and of those that came again only the last time."""
    assert REFUSED.size == MOST_KNOWN
    for port in (*range(MOST), *range(MOST_KNOWN + 100)):
        stage.flows.add(WEB._replace(source_port=port))
        if port % MOST == MOST - 1:
            stage.wait()
    stage.wait()
    stage.flows.forget()
    assert {key[3] for key in stage.there()} == set(range(100))
