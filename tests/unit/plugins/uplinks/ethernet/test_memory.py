"""The lease of last time: kept, given back, forgotten, and read by the next process."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.uplinks.ethernet.lease import Lease
from ics_plugins.uplinks.ethernet.memory import FORMAT, KEPT_RECORDS, LeaseMemory, Remembered
from icsframework.testing.gateway import FakeClock, FakeGateway

MAC, OTHER_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02"
SERVER = IPv4Address("203.0.113.1")
LEASE = Lease(IPv4Interface("203.0.113.100/24"), SERVER, SERVER, (), None, 0.0, 3600.0, 1800.0, 3150.0)


class Reboot(FakeClock):
    """A clock that has just begun anew while the wall clock went on."""

    def __init__(self, wall):
        super().__init__(wall)
        self.boot = "the next boot"


@pytest.fixture
def gateway():
    """The gateway of an uplink."""
    return FakeGateway("uplink.cable")


def opened(gateway):
    """A memory whose journal is open."""
    memory = LeaseMemory(gateway)
    assert memory.open().called
    return memory


def test_nothing_is_known_at_first(gateway):
    """Neither before the journal is open nor when it is empty; what is written before that is not kept."""
    memory = LeaseMemory(gateway)
    memory.keep(LEASE, MAC)
    memory.forget(MAC)
    assert memory.recall(MAC) is None
    assert opened(gateway).recall(MAC) is None


def test_a_killed_process_leaves_its_lease_to_the_next(gateway):
    """The last lease of each hardware address, as held and of this boot."""
    first = opened(gateway)
    first.keep(replace(LEASE, mtu=1400), MAC)
    first.keep(LEASE, MAC)
    first.keep(replace(LEASE, duration=7200.0), OTHER_MAC)
    gateway.advance(100)
    next_one = opened(FakeGateway("uplink.cable", gateway.store, gateway.clock))
    assert next_one.recall(MAC) == Remembered(LEASE, held=True, expired=False, same_boot=True)
    assert next_one.recall(OTHER_MAC).lease.duration == 7200
    assert next_one.recall("02:00:5e:00:53:03") is None


def test_a_lease_runs_out(gateway):
    """At its end, not before."""
    memory = opened(gateway)
    memory.keep(LEASE, MAC)
    gateway.advance(3599)
    assert not memory.recall(MAC).expired
    gateway.advance(1)
    assert memory.recall(MAC).expired


@pytest.mark.parametrize(
    ("away", "trusted", "expired"), [(100, True, False), (3600, True, True), (3600, False, False)]
)
def test_after_a_reboot_the_wall_clock_tells(gateway, away, trusted, expired):
    """The boot clock began anew; a wall clock that cannot be trusted ends no lease (the server will be asked)."""
    memory = opened(gateway)
    gateway.advance(50)
    memory.keep(replace(LEASE, obtained=50.0), MAC)
    clock = Reboot(gateway.clock.wall() + away)
    clock.wall_trusted = trusted
    found = opened(FakeGateway("uplink.cable", gateway.store, clock)).recall(MAC)
    assert (found.same_boot, found.expired, found.held) == (False, expired, True)


@pytest.mark.parametrize("jump", [-1e9, -7200.0, 7200.0, 1e9])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_wall_clock_that_was_set_changes_nothing_in_one_boot(gateway, jump, trusted):
    """Hours or years, both ways: the lease is held, and over when it is over."""
    opened(gateway).keep(LEASE, MAC)
    gateway.clock.wall_offset += jump
    gateway.clock.wall_trusted = trusted
    next_one = opened(FakeGateway("uplink.cable", gateway.store, gateway.clock))
    assert next_one.recall(MAC) == Remembered(LEASE, held=True, expired=False, same_boot=True)
    gateway.advance(3600)
    assert next_one.recall(MAC).expired


def test_a_lease_of_1970_is_not_over_when_the_time_is_known(gateway):
    """What was written by a wall clock that could not be trusted tells no age after a reboot."""
    gateway.clock.wall_offset, gateway.clock.wall_trusted = 0.0, False
    opened(gateway).keep(LEASE, MAC)
    found = opened(FakeGateway("uplink.cable", gateway.store, Reboot(1_800_000_000.0))).recall(MAC)
    assert (found.same_boot, found.expired, found.held) == (False, False, True)


def test_what_was_given_back_is_a_wish(gateway):
    """Known, not held."""
    memory = opened(gateway)
    memory.keep(LEASE, MAC)
    memory.keep(LEASE, MAC, held=False)
    assert memory.recall(MAC) == Remembered(LEASE, held=False, expired=False, same_boot=True)


def test_what_is_forgotten_stays_forgotten(gateway):
    """Also for the next process; forgetting nothing writes nothing."""
    memory = opened(gateway)
    memory.keep(LEASE, MAC)
    memory.forget(MAC)
    memory.forget(MAC)
    assert memory.recall(MAC) is None
    again = opened(FakeGateway("uplink.cable", gateway.store, gateway.clock))
    assert again.recall(MAC) is None
    assert len(gateway.store.records("lease")) == 2


def test_the_journal_stays_short(gateway):
    """It is compacted to the last record."""
    memory = opened(gateway)
    for number in range(KEPT_RECORDS + 10):
        memory.keep(replace(LEASE, obtained=float(number)), MAC)
    assert len(gateway.store.records("lease")) == 10
    assert memory.recall(MAC).lease.obtained == KEPT_RECORDS + 9


@pytest.mark.parametrize("record", [{}, {"lease": 5}, {"lease": {}}, {"lease": {"times": [1]}}])
def test_a_record_that_makes_no_sense(gateway, record):
    """It is passed over: nothing is known."""
    opened(gateway)
    journal = []
    gateway.store.open("lease", FORMAT).addCallback(journal.append)
    journal[0].append({"mac": MAC, "held": True, "wall": 0.0, **record})
    assert opened(gateway).recall(MAC) is None


def test_a_disk_that_fails_costs_the_memory_only(gateway):
    """Neither opening nor writing fails for who calls; a journal of a newer version is left alone."""
    memory = opened(gateway)
    gateway.store.fail = OSError(28, "No space left on device")
    memory.keep(LEASE, MAC)
    gateway.store.fail = None
    other = FakeGateway("uplink.dsl")
    other.store.open("lease", FORMAT + 1)
    newer = opened(other)
    newer.keep(LEASE, MAC)
    assert newer.recall(MAC) is None


def test_it_is_opened_once_and_may_be_opened_again(gateway):
    """Two that open at the same time share the journal; after closing it can be opened again."""
    memory = LeaseMemory(gateway)
    both = [memory.open(), memory.open()]
    memory.keep(LEASE, MAC)
    closed = memory.close()
    assert all(one.called for one in [*both, closed, memory.close()])
    assert memory.recall(MAC) is None
    memory.open()
    assert memory.recall(MAC).lease == LEASE
