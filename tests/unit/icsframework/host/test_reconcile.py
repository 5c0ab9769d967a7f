"""The reconciler: one at a time, whole or not at all, and back again."""

from ipaddress import ip_interface, ip_network

import pytest
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.errors import HostError, InterfaceMissing, NftError, NoPrivilege, StoreError
from icsframework.host.machine import ITable, Overtaken
from icsframework.host.owned import Owned
from icsframework.host.reconcile import Reconciler
from icsframework.host.state import AddressOn, LinkSettings, MachineState, Route, Sysctl
from icsframework.testing.machine import FakeMachine


class MemoryBefore:
    """Before in memory, which may refuse, and which says in the journal when it is written."""

    def __init__(self, journal):
        self.owned = Owned()
        self.refuse = None
        self.journal = journal

    def load(self):
        return self.owned

    def save(self, owned):
        if self.refuse:
            raise self.refuse
        self.journal.append("save")
        self.owned = owned

    def clear(self):
        self.journal.append("clear")
        self.owned = Owned()


@implementer(ITable)
class RecordedTable:
    """A packet filter that writes down what it is told, and may refuse a value."""

    def __init__(self, journal):
        self.journal = journal
        self.refuse = None

    def publish(self, table):
        self.journal.append(f"table {table}")
        if self.refuse is not None and table == self.refuse:
            return fail(NftError(f"nft refused {table}"))
        return succeed(None)


class Journaled(FakeMachine):
    """A machine that writes its changes into the common journal."""

    def apply(self, change):
        super().apply(change)
        self.journal.append(str(change))


class ByHand:
    """A thread whose work is done when the test says so."""

    def __init__(self):
        self.waiting = []

    def run(self, function, *args):
        answer = Deferred()
        self.waiting.append((answer, function, args))
        return answer

    def work(self):
        while self.waiting:
            answer, function, args = self.waiting.pop(0)
            try:
                result = function(*args)
            except Exception:
                answer.errback(Failure())
            else:
                answer.callback(result)


@pytest.fixture
def journal():
    return []


@pytest.fixture
def machine(journal):
    machine = Journaled()
    machine.journal = journal
    machine.add_interface("lan0")
    machine.add_interface("wan0")
    return machine


@pytest.fixture
def before(journal):
    return MemoryBefore(journal)


@pytest.fixture
def table(journal):
    return RecordedTable(journal)


@pytest.fixture
def reconciler(machine, before, table):
    return Reconciler(machine, before, maybeDeferred, table)


def done(deferred):
    found = []
    deferred.addBoth(found.append)
    assert found, "it has not fired"
    if isinstance(found[0], Failure):
        found[0].raiseException()
    return found[0]


def lan(address, *more, table=None, interface="lan0"):
    return MachineState(
        links=frozenset({LinkSettings(interface, up=True)}),
        addresses=frozenset({AddressOn(interface, ip_interface(address))}),
        sysctls=frozenset(more),
        table=table,
    )


def addresses(machine):
    return sorted(str(one.address) for one in machine.addresses)


def test_before_is_written_first_and_the_filter_surrounds_the_rest(reconciler, machine, journal):
    """Start: memory, filter, machine.  Stop: machine, memory, filter."""
    wanted = lan("192.168.0.1/24", Sysctl("net.ipv4.ip_forward", "1"), table="A")
    assert done(reconciler.apply(wanted)) == 4
    assert done(reconciler.restore()) == 4 + len(PUT_BACK)
    assert journal == [
        "save",
        "table A",
        "set interface lan0 up",
        "add address 192.168.0.1/24 on lan0",
        "set net.ipv4.ip_forward = 1",
        "set net.ipv4.ip_forward = 0",
        *(f"set net.ipv4.conf.{name} = {value}" for name, value in PUT_BACK),
        "remove address 192.168.0.1/24 on lan0",
        "set interface lan0 down",
        "clear",
        "table None",
    ]


PUT_BACK = (
    ("all.accept_redirects", "1"),
    ("default.forwarding", "0"),
    ("lan0.forwarding", "0"),
    ("wan0.forwarding", "0"),
)


def test_an_unchanged_state_touches_nothing(reconciler, journal):
    """A second apply of the same writes no file, loads no filter and changes nothing."""
    wanted = lan("192.168.0.1/24", table="A")
    done(reconciler.apply(wanted))
    del journal[:]
    assert done(reconciler.apply(wanted)) == 0
    assert journal == []


def test_a_table_that_somebody_else_touched_is_loaded_again(reconciler, journal, table):
    """Once, by the next apply, although it is the same; a load that fails is owed still."""
    done(reconciler.apply(lan("192.168.0.1/24", table="one")))
    journal.clear()
    reconciler.distrust_table()
    table.refuse = "one"
    with pytest.raises(HostError, match="nft refused one"):
        done(reconciler.apply(lan("192.168.0.1/24", table="one")))
    table.refuse = None
    journal.clear()
    done(reconciler.apply(lan("192.168.0.1/24", table="one")))
    done(reconciler.apply(lan("192.168.0.1/24", table="one")))
    assert journal == ["table one"]


def test_the_latest_wins(machine, before):
    """While one apply runs, of those that wait only the last is carried out, and all of them hear of it."""
    thread = ByHand()
    reconciler = Reconciler(machine, before, thread.run)
    answers = [reconciler.apply(lan(f"192.168.{n}.1/24")) for n in range(4)]
    settled = reconciler.settled()
    thread.work()
    assert [done(answer) for answer in answers] == [2, 2, 2, 2]
    assert done(settled) is None
    assert [str(change) for change in machine.made if "add address" in str(change)] == [
        "add address 192.168.0.1/24 on lan0",
        "add address 192.168.3.1/24 on lan0",
    ]
    assert addresses(machine) == ["192.168.3.1/24"]


def test_a_stop_waits_for_the_apply_and_ends_applies(machine, before):
    """restore() runs after what is under way; an apply after it is refused, and after the end allowed again."""
    thread = ByHand()
    reconciler = Reconciler(machine, before, thread.run)
    as_it_was = machine.everything()
    first, stop = reconciler.apply(lan("192.168.0.1/24")), reconciler.restore()
    with pytest.raises(HostError, match="stopping"):
        done(reconciler.apply(lan("192.168.9.1/24")))
    thread.work()
    assert (done(first), done(stop)) == (2, 2)
    assert machine.everything() == as_it_was
    again = reconciler.apply(lan("192.168.0.1/24"))
    thread.work()
    assert done(again) == 2


@pytest.mark.parametrize("number", range(1, 9))
def test_wherever_it_fails_everything_is_rolled_back(reconciler, machine, before, journal, number):
    """A failure at any change leaves machine, filter and memory as they were, and says why."""
    done(reconciler.apply(lan("192.168.0.1/24", table="A")))
    in_force, owned = machine.everything(), before.owned
    machine.before(number, _raise(HostError("the kernel said no to this")))
    wanted = MachineState(
        links=frozenset({LinkSettings("wan0", up=True, mtu=1400)}),
        addresses=frozenset({AddressOn("wan0", ip_interface("203.0.113.5/24"))}),
        routes=frozenset({Route(ip_network("0.0.0.0/0"), "wan0")}),
        sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "1"), Sysctl("net.ipv4.conf.all.rp_filter", "2")}),
        table="B",
    )
    if number > 7:  # there are only seven: nothing fails
        assert done(reconciler.apply(wanted)) == 8
        return
    with pytest.raises(HostError, match="said no"):
        done(reconciler.apply(wanted))
    assert machine.everything() == in_force
    assert before.owned == owned
    assert [line for line in journal if line.startswith("table")] == ["table A", "table B", "table A"]


def _raise(error):
    def happening():
        raise error

    return happening


def test_an_interface_that_vanishes_in_the_middle(reconciler, machine, before):
    """Its loss fails the apply; what it took along is not tried again, the rest is rolled back."""
    done(reconciler.apply(lan("192.168.0.1/24")))
    machine.before(2, lambda: machine.vanish("wan0"))
    with pytest.raises(InterfaceMissing, match="wan0"):
        done(reconciler.apply(lan("203.0.113.5/24", interface="wan0")))
    assert addresses(machine) == ["192.168.0.1/24"]
    done(reconciler.restore())
    assert addresses(machine) == []


def test_a_refused_filter_changes_nothing(reconciler, machine, table, before):
    """nft says no before the machine is touched: all of the old stays, and the memory too."""
    table.refuse = "B"
    as_it_was = machine.everything()
    with pytest.raises(NftError):
        done(reconciler.apply(lan("192.168.0.1/24", table="B")))
    assert machine.everything() == as_it_was
    assert before.owned == Owned()


def test_a_full_disk_changes_nothing(reconciler, machine, before):
    """Without a safe record of how it was, nothing is changed."""
    before.refuse = StoreError("the disk is full")
    as_it_was = machine.everything()
    with pytest.raises(StoreError):
        done(reconciler.apply(lan("192.168.0.1/24", table="A")))
    assert machine.everything() == as_it_was
    assert machine.made == []


def test_a_change_that_was_overtaken_is_tried_again(reconciler, machine):
    """Somebody adds the same address between look and act: the second look finds it there, and not ours."""
    address = AddressOn("lan0", ip_interface("192.168.0.1/24"))
    machine.before(2, lambda: machine.addresses.add(address))
    done(reconciler.apply(lan("192.168.0.1/24")))
    done(reconciler.restore())
    assert machine.addresses == {address}


def test_an_interface_that_goes_meanwhile(reconciler, machine):
    """A call ends and its device goes between look and act: the rest is as it shall be, and nothing is an error."""
    machine.add_interface("ppp0", up=True)
    call = MachineState(addresses=frozenset({AddressOn("ppp0", ip_interface("203.0.113.5/32"))}))
    done(reconciler.apply(call))
    machine.before(1, lambda: machine.vanish("ppp0"))
    done(reconciler.apply(lan("192.168.0.1/24")))
    assert machine.addresses == {AddressOn("lan0", ip_interface("192.168.0.1/24"))}


def test_being_overtaken_has_an_end(reconciler, machine):
    """If it happens every time, the error comes through."""
    machine.fail_on("add address", Overtaken("it exists"))
    with pytest.raises(Overtaken):
        done(reconciler.apply(lan("192.168.0.1/24")))


def test_a_rollback_that_fails_is_told(reconciler, machine):
    """The error names both: what failed, and what could not be put back."""
    machine.fail_on("set interface lan0 down", NoPrivilege("no way down"))
    machine.fail_on("add address", HostError("no address"))
    with pytest.raises(HostError, match=r"no address.*no way down"):
        done(reconciler.apply(lan("192.168.0.1/24")))


def test_restore_does_what_it_can(reconciler, machine, before):
    """One refused change does not keep the others from being put back; it is named, and remembered for the next try."""
    as_it_was = machine.everything()
    done(reconciler.apply(lan("192.168.0.1/24", Sysctl("net.ipv4.conf.all.rp_filter", "2"))))
    machine.fail_on("remove address", HostError("not now"))
    with pytest.raises(HostError, match=r"remove address 192.168.0.1/24 on lan0: not now"):
        done(reconciler.restore())
    assert machine.sysctls["net.ipv4.conf.all.rp_filter"] == "0"
    machine.recover()
    done(reconciler.restore())
    assert machine.everything() == as_it_was
    assert before.owned == Owned()


def test_preview_changes_nothing(reconciler, machine, journal):
    """A dry run lists the changes as lines for people."""
    as_it_was = machine.everything()
    changes = done(reconciler.preview(lan("192.168.0.1/24", table="A")))
    assert [str(change) for change in changes] == [
        "load the packet filter",
        "set interface lan0 up",
        "add address 192.168.0.1/24 on lan0",
    ]
    assert machine.everything() == as_it_was
    assert journal == []


def test_memory_that_makes_no_sense_stops_the_start(machine, before):
    """A damaged before.json fails the apply before anything is touched."""
    before.load = lambda: (_ for _ in ()).throw(StoreError("damaged"))
    with pytest.raises(StoreError):
        done(Reconciler(machine, before, maybeDeferred).apply(lan("192.168.0.1/24")))
    assert machine.made == []


def test_a_disk_that_fills_up_afterwards_harms_nothing(reconciler, machine, before):
    """The new state is in force and stays ours, although the record could not be cut back."""
    as_it_was = machine.everything()
    done(reconciler.apply(lan("192.168.0.1/24")))
    machine.before(1, lambda: setattr(before, "refuse", StoreError("the disk is full")))
    done(reconciler.apply(lan("192.168.0.2/24")))
    assert addresses(machine) == ["192.168.0.2/24"]
    before.refuse = None
    done(reconciler.restore())
    assert machine.everything() == as_it_was


def test_the_filter_stays_while_packets_are_forwarded(reconciler, machine, journal):
    """If forwarding cannot be switched off, what is forwarded is not left unfiltered; the next try does both."""
    done(reconciler.apply(lan("192.168.0.1/24", Sysctl("net.ipv4.ip_forward", "1"), table="A")))
    machine.fail_on("net.ipv4.ip_forward", NoPrivilege("read-only"))
    with pytest.raises(HostError, match="read-only"):
        done(reconciler.restore())
    assert "table None" not in journal
    assert addresses(machine) == []
    machine.recover()
    done(reconciler.restore())
    assert journal[-1] == "table None"


def test_a_record_that_cannot_be_removed_is_told(reconciler, machine, before, journal):
    """Everything is put back, the filter is gone, and the error says what remains to be done."""
    done(reconciler.apply(lan("192.168.0.1/24", table="A")))
    before.clear = _raise(StoreError("before.json cannot be removed"))
    with pytest.raises(HostError, match=r"before\.json cannot be removed"):
        done(reconciler.restore())
    assert addresses(machine) == []
    assert journal[-1] == "table None"
