"""Several uplinks together: who is active, and where a wish goes."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from zope.interface.verify import verifyObject

from icsframework.errors import HostError, UplinkRefused, UsageError
from icsframework.interfaces import IUplinks
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.permission import Unmetered
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.runner import UplinkSpec
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Absent, Cause, Down, Failed, Link, Refused, Up

DNS = Cause(rule="dns")
TIME = Refused("limits.time: 2h/day are used", 5000.0)


def link(interface: str) -> Link:
    """A link on an interface."""
    return Link(interface, 2, None, "ethernet", "kernel", 1500, False, 0.0, None)


class Bench:
    """A supervisor with scripted uplinks; the machine always agrees at once."""

    def __init__(self, **modes: str) -> None:
        self.clock = FakeClock()
        self.events = FakeEvents("uplinks", self.clock)
        self.supervisor = Supervisor(self.clock, self.events, Logger(), lambda: self.settle(), lambda: 0.5)
        self.settle: Callable[[], Deferred[None]] = lambda: succeed(None)
        self.plugins: dict[str, ScriptedUplink] = {}
        self.seen: list[str | None] = []
        self.supervisor.watch(lambda view: self.seen.append(view.name if view else None))
        for index, (name, mode) in enumerate(modes.items(), 1):
            self._start(index, name, mode)

    def _start(self, index: int, name: str, mode: str) -> None:
        def make(observer: Any) -> ScriptedUplink:
            self.plugins[name] = ScriptedUplink(observer)
            return self.plugins[name]

        self.supervisor.start(UplinkSpec(name, "scripted", mode, name, False, index << 16, make))  # type: ignore[arg-type]
        self.plugins[name].report(Down())


def test_it_provides_its_contract() -> None:
    """The supervisor is what plugins get as IUplinks."""
    verifyObject(IUplinks, Bench().supervisor)


def test_the_preferred_uplink_that_is_up_is_active() -> None:
    """Watchers hear of every change of the active uplink, and only of those."""
    bench = Bench(cable="always", modem="always")
    bench.plugins["modem"].report(Up(link("modem")))
    bench.plugins["cable"].report(Up(link("cable")))
    bench.plugins["modem"].report(Failed("carrier lost"))
    bench.plugins["cable"].report(Failed("unplugged"))
    assert bench.seen == [None, "modem", "cable", None]
    assert [e for e in bench.events.ids() if e == "uplink.active"] == ["uplink.active"] * 2


def test_marks_and_links_come_in_order() -> None:
    """The data plane gets every announced link, in order of preference, and views carry the marks."""
    bench = Bench(cable="always", modem="always")
    bench.plugins["modem"].report(Up(link("modem")))
    bench.plugins["cable"].report(Up(link("cable")))
    assert [name for name, _ in bench.supervisor.links()] == ["cable", "modem"]
    assert [(view.name, view.mark, view.active) for view in bench.supervisor.views()] == [
        ("cable", 0x10000, True),
        ("modem", 0x20000, False),
    ]


def test_a_request_goes_to_the_first_that_may_connect() -> None:
    """A refused uplink is passed over, a failing one is followed by the next."""
    bench = Bench(hand="manual", first="demand", second="demand")
    got: list[Any] = []
    bench.supervisor.request(DNS).addBoth(got.append)
    assert [bench.plugins[name].calls for name in ("hand", "first", "second")] == [[], ["dns"], []]
    bench.plugins["first"].report(Failed("busy"))
    assert bench.plugins["second"].calls == ["dns"]
    bench.plugins["second"].report(Up(link("second")))
    assert got == [link("second")]


def test_a_request_that_nobody_can_serve_says_why() -> None:
    """The refusal names every uplink with its reason."""
    bench = Bench(hand="manual")
    got: list[Any] = []
    bench.supervisor.request(DNS).addErrback(lambda failure: got.append(failure.value))
    assert isinstance(got[0], UplinkRefused)
    assert str(got[0]) == (
        "no uplink can be used now: hand: connect: manual: it is connected by command only (ics connect)"
    )


def test_an_unknown_name_lists_the_known_ones() -> None:
    """``ics connect typo`` is told what there is."""
    with pytest.raises(UsageError, match="there is no uplink 'typo'; there are: cable, modem"):
        Bench(cable="always", modem="manual").supervisor.runner("typo")


def test_stopping_an_uplink_forgets_it() -> None:
    """A stopped uplink is disconnected and no longer active."""
    bench = Bench(cable="always")
    bench.plugins["cable"].report(Up(link("cable")))
    bench.supervisor.stop("cable", "removed")
    assert bench.seen == [None, "cable", None]
    assert bench.supervisor.runners() == []


def test_the_next_link_is_told_when_the_lost_one_is_gone() -> None:
    """First the machine without it, then the news: who hears that another uplink is active finds it in use."""
    bench = Bench(cable="always", modem="always")
    bench.plugins["modem"].report(Up(link("modem")))
    bench.plugins["cable"].report(Up(link("cable")))
    settling: Deferred[None] = Deferred()
    bench.settle = lambda: settling
    bench.seen.clear()
    bench.plugins["cable"].report(Failed("unplugged"))
    bench.plugins["modem"].report(Up(link("ppp0")))  # something else changes meanwhile
    assert bench.seen == []
    settling.callback(None)
    assert bench.seen[-1] == "modem"


def test_another_order_is_told_when_it_is_in_force() -> None:
    """``arrange`` says nothing by itself."""
    bench = Bench(cable="always", modem="always")
    bench.plugins["modem"].report(Up(link("modem")))
    bench.plugins["cable"].report(Up(link("cable")))
    bench.seen.clear()
    bench.supervisor.arrange(["modem", "cable"])
    assert (bench.supervisor.active(), bench.seen) == ("modem", [])
    bench.supervisor.announce()
    assert bench.seen == ["modem"]


def test_a_link_that_is_being_hung_up_is_not_put_in_force_once_more() -> None:
    """Its device goes at any moment: that packets are refused from now on is put in force with the loss, not before."""
    bench, settled = Bench(modem="demand"), []
    bench.supervisor.request(DNS)
    bench.plugins["modem"].report(Up(link("ppp0")))

    def settle() -> Deferred[None]:
        settled.append((bench.supervisor.without_link(), bench.supervisor.links()))
        return succeed(None)

    bench.settle = settle
    bench.plugins["modem"].disconnect = lambda reason: Deferred()  # type: ignore[method-assign]
    bench.supervisor.runner("modem").hang_up("good night", until=bench.clock.now() + 3600)
    assert settled == []
    bench.plugins["modem"].report(Down("good night"))
    assert settled[0] == ("prohibit", [])


# --- packets while no link is up ------------------------------------------------------------------


def test_without_a_link_on_demand_packets_have_no_special_way() -> None:
    """No hold device for those who dial nothing."""
    bench = Bench(cable="always", hand="manual")
    assert bench.supervisor.without_link() is None


def test_packets_are_held_while_something_may_come_of_it() -> None:
    """Armed, dialling, up (it may be lost), before a redial; not while it cools, and not without its device."""
    bench = Bench(modem="demand")
    modem, seen = bench.plugins["modem"], [bench.supervisor.without_link()]
    for state in (
        None,
        Up(link("modem")),
        Failed("carrier lost"),
        Absent("no modem"),
        Down(),
    ):
        if state is None:
            bench.supervisor.request(DNS)
        else:
            modem.report(state)
        seen.append(bench.supervisor.without_link())
    assert seen == ["hold", "hold", "hold", "hold", "unreachable", "hold"]
    bench.supervisor.request(DNS).addErrback(lambda _: None)
    modem.report(Failed("busy", 60.0))
    assert bench.supervisor.without_link() == "unreachable"
    bench.clock.clock.advance(60.0)
    assert bench.supervisor.without_link() == "hold"


def test_packets_are_prohibited_while_every_link_on_demand_is_forbidden(meter: Any) -> None:
    """By a limit or by the operator; one that may be dialled, or anything that connects, is hope."""
    bench = Bench(modem="demand", other="demand", cable="always")
    bench.plugins["cable"].report(Failed("no DHCP server answers", 100.0))
    other = bench.supervisor.runner("other")
    bench.supervisor.runner("modem").rearm("demand", Quiet(), (), meter)
    meter.say(TIME)
    assert bench.supervisor.without_link() == "hold"
    other.hang_up("by root", until=50.0)
    assert bench.supervisor.without_link() == "prohibit"
    bench.plugins["other"].report(Absent("no modem"))
    assert bench.supervisor.without_link() == "unreachable"
    bench.clock.clock.advance(100.0)
    assert bench.supervisor.without_link() == "hold"  # the cable is tried again


def test_the_machine_hears_of_another_way_once(meter: Any) -> None:
    """Whatever changes it: a limit, its end, a device that goes; not what changes nothing for packets."""
    bench = Bench(modem="demand")
    bench.supervisor.runner("modem").rearm("demand", Quiet(), (), meter)
    settled: list[str | None] = []

    def settle() -> Deferred[None]:
        settled.append(bench.supervisor.without_link())
        return succeed(None)

    bench.settle = settle
    meter.say(TIME)
    meter.say(Refused("hours: 06:00-23:00"))
    meter.say(None)
    bench.plugins["modem"].report(Absent("no modem"))
    assert settled == ["prohibit", "hold", "unreachable"]


def test_people_read_armed_when_packets_will_wait(meter: Any) -> None:
    """Not while the machine still sends their senders away; what else becomes of it is shown at once."""
    bench = Bench(modem="demand")
    runner = bench.supervisor.runner("modem")
    runner.rearm("demand", Quiet(), (), meter)
    settling: list[Deferred[None]] = []

    def settle() -> Deferred[None]:
        settling.append(Deferred())
        return settling[-1]

    bench.settle = settle
    meter.say(TIME)
    assert bench.supervisor.standing(runner) == TIME
    settling[0].callback(None)
    meter.say(None)
    assert (runner.shown().name, bench.supervisor.standing(runner)) == ("armed", TIME)
    settling[1].callback(None)
    assert bench.supervisor.standing(runner) == runner.shown()
    bench.plugins["modem"].report(Absent("no modem"))
    assert bench.supervisor.standing(runner) == Absent("no modem")


def test_a_machine_that_refuses_another_way_is_told() -> None:
    """And the uplinks go on."""
    bench = Bench(modem="demand")
    bench.settle = lambda: fail(HostError("no route can be set"))
    bench.plugins["modem"].report(Absent("no modem"))
    assert bench.events.said("host.state.failed") == [{"reason": "no route can be set"}]


def test_whose_traffic_matters() -> None:
    """Those that are in force and will be hung up for quiet."""
    bench = Bench(modem="demand", cable="always")
    bench.plugins["cable"].report(Absent("no cable"))
    bench.supervisor.runner("modem").rearm("demand", Quiet(300.0), (), Unmetered())
    changes: list[list[str]] = []
    end = bench.supervisor.follow(
        lambda: changes.append([one.spec.name for one in bench.supervisor.idle_candidates()])
    )
    settling: Deferred[None] = Deferred()
    bench.settle = lambda: settling
    bench.supervisor.request(DNS)
    bench.plugins["modem"].report(Up(link("modem")))
    assert not any(changes)
    settling.callback(None)
    assert changes[-1] == ["modem"]
    bench.supervisor.runner("modem").hang_up("by root")
    assert changes[-1] == []
    end()
    seen = len(changes)
    bench.plugins["cable"].report(Up(link("cable")))
    assert len(changes) == seen
