"""Beside other programs: what is named, and when."""

from dataclasses import replace
from pathlib import Path

from icsframework.dataplane import filters_nft
from icsframework.dataplane.filters import Filters
from icsframework.dataplane.plane import HoldSide, UplinkSide
from icsframework.gateway.beside import LOOK_EVERY, SETTLING
from icsframework.host.defaultroutes import DefaultRoute
from icsframework.host.managers import Facts, Process

CAPTURES = Path(__file__).parents[3] / "captures/filters"


DOCKER = filters_nft.parse((CAPTURES / "docker.json").read_text())


def test_a_peaceful_machine(bench):
    """Nothing is said, nothing is loaded, however long it lasts."""
    bench.start()
    bench.advance(3 * LOOK_EVERY)
    assert (bench.beside.warnings(), bench.kernel.loads, bench.events.all) == ((), 1, [])


def test_a_foreign_filter_is_warned_of_as_long_as_it_is_there(bench):
    """Told once, in the status until it is cured, then told to be over."""
    bench.filters = [Filters(), DOCKER]
    bench.start()
    (sentence,) = bench.beside.warnings()
    assert "Docker" in sentence
    bench.watching[1]()
    bench.advance(2 * LOOK_EVERY)
    assert bench.told("beside.warning") == [{"problem": sentence}]
    bench.filters = [Filters()]
    bench.watching[1]()
    bench.advance(0.25)
    assert bench.beside.warnings() == ()
    assert bench.told("beside.cured") == [{"problem": sentence}]


def test_new_interfaces_of_ours_are_asked_for(bench):
    """After a reload the questions are others."""
    bench.filters = [DOCKER]
    bench.start()
    bench.plane = replace(bench.PLANE, uplinks=(UplinkSide("dsl", 2, "eth7"),))
    bench.events.emit("gateway.reloaded", config="x", changes="y")
    bench.advance(SETTLING)
    (sentence,) = bench.beside.warnings()
    assert "eth1 to eth7" in sentence


def test_where_changes_are_not_told_they_are_looked_for(bench):
    """A container that forbids the netlink group: every 30 seconds."""
    bench.refuse_watch = True
    bench.start()
    bench.filters, bench.kernel.found = [DOCKER], Filters()
    bench.advance(LOOK_EVERY)
    assert len(bench.beside.warnings()) == 1
    assert bench.kernel.loads == 2


def test_a_manager_is_named(bench):
    """With the line that makes it let go; and told to be over when it has."""
    bench.start()
    bench.facts = Facts({"eth1": 3}, (Process(812, "dhclient", ("dhclient", "eth1")),))
    bench.advance(LOOK_EVERY)
    (sentence,) = bench.beside.warnings()
    assert "dhclient (pid 812) manages eth1 (LAN home)" in sentence
    bench.facts = Facts()
    bench.advance(LOOK_EVERY)
    assert bench.told("beside.cured") == [{"problem": sentence}]


def test_a_default_route_in_the_way_is_named(bench):
    """As long as it is there; where nothing is dialled on demand it is nobody's business."""
    bench.routes = (DefaultRoute("eth9", 100),)
    bench.start()
    assert bench.beside.warnings() == ()
    bench.plane = replace(bench.PLANE, hold=HoldSide())
    bench.advance(LOOK_EVERY)
    (warning,) = bench.beside.warnings()
    assert "by eth9 (metric 100) takes the packets that should dial" in warning
    bench.routes = ()
    bench.advance(LOOK_EVERY)
    assert bench.beside.warnings() == ()


def test_after_the_stop_nothing_happens(bench):
    """No timer, no watch is left."""
    bench.start()
    stopped = bench.beside.stop()
    assert stopped.called
    assert bench.watching is None
    assert bench.clock.clock.getDelayedCalls() == []
    bench.events.emit("gateway.reloaded", config="x", changes="y")
    assert bench.clock.clock.getDelayedCalls() == []
