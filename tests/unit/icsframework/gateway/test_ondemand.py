"""The parts of dialling on demand together: a real supervisor with a scripted uplink, everything else fake."""

from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from twisted.internet.defer import fail, succeed
from twisted.internet.task import Clock
from twisted.logger import Logger

from icsframework.dataplane.keep import keep_counter
from icsframework.dataplane.plane import DataPlane, HoldSide
from icsframework.errors import HostError
from icsframework.gateway import demands
from icsframework.gateway.bus import EventBus
from icsframework.gateway.ondemand import OnDemand
from icsframework.host.scoped import ScopedHost
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock, FakeEvents, FakeGateway, Readers
from icsframework.testing.host import FakeHost
from icsframework.testing.store import MemoryStore
from icsframework.testing.uplink import ScriptedUplinkFactory
from icsframework.uplinks.spec import UplinkSpec
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Cause, Down, Link, Up, UplinkSettings

HOST = ip_address("192.168.0.100")
LINK = Link("icsu-modem", 9, None, "ppp", "inline", 1500, True, 0.0, None)
ALWAYS = """
lans: [{name: home, interface: eth1}]
uplinks: [{name: modem, plugin: ethernet, interface: eth0}]
"""
DEMAND = ALWAYS.replace("interface: eth0", "interface: eth0, connect: demand, demand: {idle: 20s, hold: 9s}")


class Bench:
    """``settled`` has what ``side`` said at each settle."""

    def __init__(self, config):
        self.config = config
        self.clock, self.host = FakeClock(), FakeHost(Clock())
        self.bus, self.seen = EventBus(self.clock, Logger()), []
        self.bus.watch(self.seen.append)
        self.settled, self.counted, self.plugins = [], {}, ScriptedUplinkFactory()
        self.refusal = None
        self.supervisor = Supervisor(
            self.clock, FakeEvents("u", self.clock), Logger(), self.settle, lambda: 0.5
        )
        strange = FakeGateway("hold", clock=self.clock)
        machinery = SimpleNamespace(
            scoped_host=lambda owner: ScopedHost(self.host, owner),
            reactor=Readers(),
            elements=FakeElements(self.clock),
            counters=SimpleNamespace(counters=lambda: succeed(dict(self.counted))),
        )
        names = SimpleNamespace(lookup=strange.names.lookup, listen=lambda observer: lambda: None)
        shared = SimpleNamespace(clock=self.clock, bus=self.bus, names=names, leases=strange.leases)
        self.ondemand = OnDemand(machinery, shared, self.supervisor, Logger(), self.settle)

    def settle(self):
        ondemand = getattr(self, "ondemand", None)
        side = None if ondemand is None else ondemand.side()
        self.settled.append(side)
        if side is not None and side.settled and self.refusal is not None:
            return fail(self.refusal)
        if ondemand is not None:
            ondemand.in_force(DataPlane(hold=side))
        return succeed(0)

    def start(self):
        section = self.config.uplinks[0]
        self.ondemand.open(MemoryStore(), self.config)

        def make(observer):
            return self.plugins.create(
                UplinkSettings("modem", "eth0", self.plugins.Config()), FakeGateway("m"), observer
            )

        self.supervisor.start(
            UplinkSpec(
                "modem", "scripted", section.connect, "eth0", True, 1 << 16, make,
                demands.quiet(section), demands.wake(section), self.ondemand.meters.meter("modem", section),
            )
        )  # fmt: skip
        self.ondemand.start()
        self.plugin.report(Down())
        return self

    @property
    def plugin(self):
        return self.plugins.made["modem"]

    def dial(self):
        asked = self.supervisor.request(
            Cause("demand.wake", protocol="tcp", destination="192.0.2.1:80", client=HOST)
        )
        self.plugin.report(Up(LINK))
        return asked


@pytest.fixture
def bench(configure):
    made = []

    def make(text):
        bench = Bench(configure(text))
        made.append(bench)
        return bench.start()

    yield make
    for bench in made:
        bench.ondemand.stop()
        assert not any(one.socket.fileno() >= 0 for one in bench.host.tun)


def test_there_is_no_device_unless_something_dials_on_demand(bench):
    """Who has an uplink that is always up pays nothing: no device, no rules, no second look."""
    stage = bench(ALWAYS)
    assert (stage.host.tun, stage.ondemand.side()) == ([], None)


def test_packets_are_held_and_once_a_link_is_there_no_longer_kept_from_tracking(bench):
    """One more look at the machine after the link is in force, and none before that would lose a packet."""
    stage = bench(DEMAND)
    assert [one.interface for one in stage.host.tun] == ["icsh0"]
    assert stage.ondemand.side() == HoldSide("hold", settled=False)
    del stage.settled[:]
    stage.dial()
    assert stage.settled == [HoldSide("hold", settled=False), HoldSide("hold", settled=True)]
    stage.plugin.report(Down("the line is dead"))
    assert stage.settled[2:] == [HoldSide("hold", settled=False)]  # with the loss itself, once


def test_a_machine_without_tun_devices_dials_and_holds_nothing(bench, configure):
    """It is told once, and the data plane knows of no device."""
    stage = Bench(configure(DEMAND))
    stage.host.fail["open_tun"] = HostError("This machine has no /dev/net/tun.")
    stage.start()
    stage.dial()
    assert stage.settled and set(stage.settled) == {None}
    assert [event.id for event in stage.seen].count("hold.unavailable") == 1
    stage.ondemand.stop()


def test_quiet_is_seen_and_ends_the_call(bench):
    """The counter of the uplink's traffic stands still: after ``idle`` it is hung up; while it moves it is not."""
    stage = bench(DEMAND)
    stage.dial()
    for second in range(60):
        stage.counted[keep_counter("modem")] = second // 5
        stage.clock.clock.advance(1)
    assert stage.plugin.calls == ["demand.wake: built in"]
    for _ in range(26):
        stage.clock.clock.advance(1)
    assert stage.plugin.calls[1:] == ["-demand.idle: no traffic for 20s"]


def test_a_reload_changes_how_long_packets_wait(bench, configure):
    """The next packet goes by the new file; a device that is needed now is made."""
    stage = bench(ALWAYS)
    new = configure(DEMAND)
    stage.ondemand.use(new)
    stage.ondemand.prepare(new)
    assert [one.interface for one in stage.host.tun] == ["icsh0"]
    stage.ondemand.prepare(new)
    assert len(stage.host.tun) == 1


def test_packets_dial_also_where_they_are_not_held(bench):
    """``hold: 0s`` is about what becomes of the packet, not about what wakes the line."""
    stage = bench(DEMAND.replace("hold: 9s", "hold: 0s"))
    assert stage.ondemand.side() == HoldSide("hold", settled=False)


def test_a_second_look_that_the_machine_refuses_is_told(bench):
    """As every other change that it refuses; the link is in force all the same."""
    stage = bench(DEMAND)
    stage.refusal = HostError("The kernel has no room.")
    stage.dial()
    assert stage.supervisor.active() == "modem"
    told = [event.fields["reason"] for event in stage.seen if event.id == "host.state.failed"]
    assert told == ["The kernel has no room."]
