"""Beside other programs: what is named, what comes back, and when it is told."""

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.dataplane import filters_nft
from icsframework.dataplane.filters import Filters, FoundChain
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.ruleset import BaseChain, Rule, Table
from icsframework.errors import HostError, NftError
from icsframework.gateway.beside import LOOK_EVERY, SETTLING, Beside
from icsframework.gateway.contest import FIRST_GAP, FREE, LONGEST_GAP, PEACE, Contest
from icsframework.gateway.job import Job
from icsframework.gateway.livewarnings import LiveWarnings
from icsframework.gateway.surroundings import Surroundings
from icsframework.gateway.tableguard import RETRY
from icsframework.host.machine import ITable
from icsframework.host.managers import Facts, Process
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.host.scoped import ScopedHost
from icsframework.host.state import AddressOn, MachineState
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.host import FakeHost
from icsframework.testing.machine import FakeMachine
from icsframework.values import InterfaceInfo

CAPTURES = Path(__file__).parents[3] / "captures/filters"
DOCKER = filters_nft.parse((CAPTURES / "docker.json").read_text())
TABLE = Table("ics", (BaseChain("forward", (Rule("accept", "all"),)),))
WHOLE = Filters(
    {
        ("inet", "ics"): {
            "forward": FoundChain("inet", "ics", "forward", (), "filter", "forward", "accept", count=1)
        }
    }
)
OURS = ip_interface("192.168.0.1/24")
PLANE = DataPlane((LanSide("home", "eth1", OURS),), (UplinkSide("cable", 1, "eth0"),))


class MemoryBefore:
    """Before in memory."""

    def load(self):
        return Owned()

    def save(self, owned):
        pass


@implementer(ITable)
class Kernel:
    """What the kernel has of our table; a load makes it whole unless it is refused."""

    def __init__(self):
        self.found, self.loads, self.error = WHOLE, 0, None

    def publish(self, table):
        if self.error is not None:
            return fail(self.error)
        self.found, self.loads = WHOLE, self.loads + 1
        return succeed(None)


class Bench:
    """A Beside on fakes."""

    def __init__(self):
        self.clock = FakeClock()
        self.events = FakeEvents("beside", self.clock)
        self.machine, self.kernel = FakeMachine(), Kernel()
        self.machine.add_interface("eth1", up=True)
        self.host = FakeHost(self.clock.clock)
        self.state = MachineState(addresses=frozenset({AddressOn("eth1", OURS)}), table=TABLE)
        self.reconciler = Reconciler(self.machine, MemoryBefore(), maybeDeferred, self.kernel)
        self.filters, self.facts, self.watching = [Filters()], Facts(), None
        self.refuse_watch, self.repaired, self.plane, self.services = (
            False,
            0,
            PLANE,
            {"home": ["dhcp", "dns"]},
        )
        around = Surroundings(
            self.watch, lambda: succeed(self.kernel.found), lambda: succeed(tuple(self.filters)),
            lambda: succeed(self.facts),
        )  # fmt: skip
        self.beside = Beside(
            self.clock, self.events, Logger(), around, ScopedHost(self.host, "beside"), self.reconciler,
            lambda: self.plane, lambda: self.services, self.settle, self.repair,
        )  # fmt: skip
        self.settle()
        self.appear()

    def watch(self, on_loss, on_change):
        if self.refuse_watch:
            raise HostError("This container does not allow it.")
        self.watching = (on_loss, on_change)

        def unwatch():
            self.watching = None

        return unwatch

    def settle(self):
        done = self.reconciler.apply(self.state)
        return done.addCallback(lambda count: self.appear() or count)

    def appear(self, *more):
        """The host shows what the machine has, and more."""
        addresses = tuple(one.address for one in self.machine.addresses)
        info = InterfaceInfo("eth1", 3, "02:00:5e:00:53:01", 1500, True, True, (*addresses, *more))
        self.host.set_interface("eth1", info)

    def repair(self):
        self.repaired += 1
        return succeed(None)

    def start(self):
        self.beside.start()
        self.advance(1)

    def advance(self, seconds):
        """Time passes in small steps."""
        for _ in range(round(seconds * 4)):
            self.clock.clock.advance(0.25)

    def flush(self, by="nft (pid 812)"):
        """Somebody removes our table."""
        self.kernel.found = Filters()
        self.watching[0](by)
        self.advance(0.5)

    def told(self, id):
        """The fields of each such event."""
        return self.events.said(id)


@pytest.fixture
def bench():
    return Bench()


# --- packet filters of others -----------------------------------------------------------------


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
    bench.plane = replace(PLANE, uplinks=(UplinkSide("dsl", 2, "eth7"),))
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


# --- our table ------------------------------------------------------------------------------------


def test_a_flushed_table_is_loaded_again(bench):
    """In full, at once, and told with who did it; then what hung on it is put in order."""
    bench.start()
    bench.flush()
    assert bench.told("dataplane.restored") == [{"what": "was gone", "by": ", by nft (pid 812)"}]
    assert (bench.kernel.loads, bench.repaired) == (2, 1)
    bench.flush(by="")
    assert bench.told("dataplane.restored")[-1]["by"] == ""


def test_a_false_alarm(bench):
    """The table is whole: nothing is loaded, and who was suspected is forgotten."""
    bench.start()
    bench.watching[0]("nft (pid 1)")
    bench.advance(0.5)
    assert bench.kernel.loads == 1
    bench.flush(by="")
    assert bench.told("dataplane.restored") == [{"what": "was gone", "by": ""}]


def test_a_load_that_fails_is_tried_again(bench):
    """The kernel may be out of memory for a while."""
    bench.start()
    bench.kernel.error = NftError("no memory")
    bench.flush()
    assert bench.told("dataplane.failed")
    assert bench.repaired == 0
    bench.kernel.error = None
    bench.advance(RETRY + 0.5)
    assert len(bench.told("dataplane.restored")) == 1


def test_an_endless_fight(bench):
    """After some times there is a pause, a warning that names the other, and peace after a while."""
    bench.start()
    for _ in range(FREE):
        bench.flush()
    assert bench.kernel.loads == 1 + FREE
    (sentence,) = bench.beside.warnings()
    assert "removed again and again, last by nft (pid 812)" in sentence
    bench.flush()
    assert bench.kernel.loads == 1 + FREE
    bench.advance(FIRST_GAP)
    assert bench.kernel.loads == 2 + FREE
    bench.advance(PEACE + LOOK_EVERY)
    assert bench.beside.warnings() == ()
    bench.flush()
    assert bench.kernel.loads == 3 + FREE


def test_a_newer_table_while_we_look(bench):
    """What was found is compared with what was in force when it was read, or not at all."""
    bench.start()
    listing = Deferred()
    bench.beside._table._around = replace(bench.beside._table._around, table=lambda: listing)
    bench.watching[0]("")
    bench.advance(0.5)
    bench.state = replace(bench.state, table=replace(TABLE, comment="another"))
    bench.settle()
    bench.beside._table._around = replace(bench.beside._table._around, table=lambda: succeed(WHOLE))
    listing.callback(Filters())
    bench.advance(0.5)
    assert bench.told("dataplane.restored") == []
    assert bench.kernel.loads == 2


def test_before_anything_is_in_force():
    """Nothing is expected, so nothing is missed."""
    bench = Bench()
    bench.reconciler.in_force = None
    bench.start()
    bench.flush()
    assert bench.kernel.loads == 1


# --- managers and addresses ---------------------------------------------------------------------


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


def test_an_address_of_others_is_named_and_its_maker_looked_for(bench):
    """As long as it is there; what was there before the start is not complained of."""
    bench.appear(ip_interface("10.20.30.40/24"))
    bench.start()
    assert bench.beside.warnings() == ()
    bench.facts = Facts({"eth1": 3}, (Process(812, "dhclient", ("dhclient", "eth1")),))
    bench.appear(ip_interface("10.20.30.40/24"), ip_interface("10.0.0.5/8"), ip_interface("fe80::1/64"))
    bench.advance(0.5)
    by_address = [text for text in bench.beside.warnings() if "10." in text]
    assert by_address == [
        "eth1 (LAN home) got the address 10.0.0.5/8 from another program; "
        "ip address del 10.0.0.5/8 dev eth1 takes it away"
    ]
    assert any("dhclient" in text for text in bench.beside.warnings())
    bench.appear()
    bench.advance(0.5)
    assert not any("10." in text for text in bench.beside.warnings())


def test_our_address_is_given_again(bench):
    """Told once each time; a fight over it has pauses, too."""
    bench.start()
    for times in range(1, FREE + 3):
        bench.machine.addresses.clear()
        bench.appear()
        bench.advance(0.5)
        assert len(bench.told("lan.address.restored")) == min(times, FREE)
    assert bench.told("lan.address.restored")[0] == {"lan": "home", "interface": "eth1", "address": OURS}
    bench.advance(LONGEST_GAP)
    assert bench.machine.addresses == {AddressOn("eth1", OURS)}


def test_an_interface_that_is_absent_is_no_loss(bench):
    """Hotplug is another part's business."""
    bench.start()
    bench.host.set_interface("eth1", None)
    bench.advance(LOOK_EVERY)
    assert bench.events.all == []


def test_after_the_stop_nothing_happens(bench):
    """No timer, no watch is left."""
    bench.start()
    stopped = bench.beside.stop()
    assert stopped.called
    assert bench.watching is None
    assert bench.clock.clock.getDelayedCalls() == []
    bench.events.emit("gateway.reloaded", config="x", changes="y")
    assert bench.clock.clock.getDelayedCalls() == []


# --- the small parts ------------------------------------------------------------------------------


def test_a_contest():
    """Some times at once, then longer and longer pauses up to a bound, until there was peace."""
    contest = Contest()
    waits = []
    for now in range(FREE + 5):
        waits.append(contest.wait(now))
        contest.again(now)
    assert waits[:FREE] == [0] * FREE
    assert waits[FREE:] == [
        FIRST_GAP - 1,
        2 * FIRST_GAP - 1,
        4 * FIRST_GAP - 1,
        LONGEST_GAP - 1,
        LONGEST_GAP - 1,
    ]
    last = FREE + 4
    assert contest.is_bitter(last + PEACE)
    assert not contest.is_bitter(last + PEACE + 1)
    assert contest.wait(last + PEACE + 1) == 0


def test_a_job_is_never_done_twice_at_once():
    """Asked for while it runs, it runs again afterwards; the stop waits for it."""
    clock, runs = FakeClock(), []

    def work():
        runs.append(Deferred())
        return runs[-1]

    job = Job(clock, work, 30, Logger())
    job.soon()
    assert clock.clock.getDelayedCalls() == []
    job.start()
    clock.clock.advance(0)
    job.soon(5)
    job.soon(1)
    job.soon(9)
    clock.clock.advance(10)
    assert len(runs) == 1
    runs[0].callback(None)
    clock.clock.advance(1)
    assert len(runs) == 2
    stopped = job.stop()
    assert not stopped.called
    runs[1].callback(None)
    assert stopped.called
    assert clock.clock.getDelayedCalls() == []


def test_a_job_that_fails_goes_on_and_complains_once():
    """The same complaint is made once, until it works again; what is no error of ours is told with its trace."""
    said, clock = [], FakeClock()
    outcomes = [HostError("no"), HostError("no"), None, HostError("no"), ValueError("bug"), None]

    def work():
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    job = Job(clock, work, 30, Logger(observer=lambda event: said.append(event["log_level"].name)))
    job.start()
    for pause in (0, 30, 30, 30, 30, 30):
        clock.clock.advance(pause)
    assert (said, outcomes) == (["warn", "warn", "critical"], [])
    job.stop()


def test_sooner_wins():
    """The earliest of the times asked for; a later one does not put it off."""
    clock, times = FakeClock(), []
    job = Job(clock, lambda: times.append(clock.now()), 30, Logger())
    job.start()
    clock.clock.advance(0)
    job.soon(10)
    job.soon(2)
    job.soon(20)
    clock.clock.advance(2)
    assert times == [0, 2]
    job.stop()


def test_live_warnings():
    """By source and key: new, changed, the same, gone."""
    events = FakeEvents("beside", FakeClock())
    live = LiveWarnings(events)
    live.set("a", {"1": "one", "2": "two"})
    live.set("b", {"1": "other"})
    live.set("a", {"1": "one", "2": "two!"})
    assert live.all() == ("one", "two!", "other")
    assert live.has("b")
    live.set("b", {})
    assert not live.has("b")
    assert [(event.id, event.fields["problem"]) for event in events.all] == [
        ("beside.warning", "one"),
        ("beside.warning", "two"),
        ("beside.warning", "other"),
        ("beside.warning", "two!"),
        ("beside.cured", "other"),
    ]
