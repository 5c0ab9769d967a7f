"""The contract of IStore and IJournal, kept by the real store on real files and by the one in memory."""

import pytest
from zope.interface.verify import verifyObject

from icsframework.errors import StoreError, StoreVersionError
from icsframework.interfaces import IJournal, IStore
from icsframework.store import journal as journal_module
from icsframework.store.store import Store
from icsframework.testing.store import MemoryStore


class RealWorld:
    """The real store with its thread, in a directory of its own."""

    def __init__(self, directory, reactor):
        self._directory = directory / "state"
        self._reactor = reactor
        self.store = Store(self._directory, reactor)
        self.wait = reactor.wait

    def restart(self):
        """The next process."""
        self.wait(self.store.close())
        self.store = Store(self._directory, self._reactor)

    def close(self):
        self.wait(self.store.close())


class MemoryWorld:
    """The store of the test kit."""

    def __init__(self):
        self.store = MemoryStore()

    def wait(self, deferred):
        found = []
        deferred.addBoth(found.append)
        assert found, "the Deferred has not fired"
        if hasattr(found[0], "raiseException"):
            found[0].raiseException()
        return found[0]

    def restart(self):
        """The next process."""

    def close(self):
        """Nothing is left behind but memory."""


@pytest.fixture(params=["real", "memory"])
def world(request, tmp_path, reactor):
    made = RealWorld(tmp_path, reactor) if request.param == "real" else MemoryWorld()
    yield made
    made.close()


@pytest.fixture
def journal(world):
    return world.wait(world.store.open("leases", 1))


def records(*numbers):
    return [{"n": n} for n in numbers]


def append_all(world, journal, *numbers):
    """Append in one turn; the sequence numbers."""
    return [world.wait(done) for done in [journal.append({"n": n}) for n in numbers]]


def test_store_and_journal_provide_their_contracts(world, journal):
    """verifyObject finds every method with its signature."""
    assert verifyObject(IStore, world.store)
    assert verifyObject(IStore, world.store.scoped("dhcp"))
    assert verifyObject(IJournal, journal)


def test_a_record_is_numbered_and_found_again(world, journal):
    """Numbers go up by one from 1; the records are loaded in order, now and after a restart."""
    assert append_all(world, journal, 1, 2, 3) == [1, 2, 3]
    assert journal.load() == records(1, 2, 3)
    world.restart()
    again = world.wait(world.store.open("leases", 1))
    assert again.load() == records(1, 2, 3)
    assert append_all(world, again, 4) == [4]


def test_a_record_is_written_as_it_was_when_appended(world, journal):
    """Changing the dictionary afterwards changes nothing; nor does changing what load gave."""
    record = {"n": 1, "inner": {"a": 1}}
    done = journal.append(record)
    record["inner"]["a"] = 2
    world.wait(done)
    journal.load()[0]["inner"]["a"] = 3
    assert journal.load() == [{"n": 1, "inner": {"a": 1}}]


def test_what_is_no_json_fails_at_once_and_alone(world, journal):
    """The Deferred fails with a sentence; the journal goes on."""
    with pytest.raises(StoreError, match="cannot be written as JSON"):
        world.wait(journal.append({"n": object()}))
    assert append_all(world, journal, 1) == [1]


def test_compaction_replaces_what_was_and_keeps_what_comes(world, journal):
    """Appends before it are replaced, appends after it in the same turn follow it; all in order, also on disk."""
    append_all(world, journal, 1, 2, 3)
    order = []
    journal.append({"n": 4}).addCallback(lambda seq: order.append(seq))
    journal.compact(records(30)).addCallback(lambda _: order.append("compacted"))
    last = journal.append({"n": 5}).addCallback(lambda seq: order.append(seq))
    world.wait(last)
    assert order == [4, "compacted", 7]
    assert journal.load() == records(30, 5)
    world.restart()
    assert world.wait(world.store.open("leases", 1)).load() == records(30, 5)


def test_compaction_takes_the_records_as_they_are(world, journal):
    """The list and its dictionaries may be changed before it is on disk."""
    given = records(1, 2)
    done = journal.compact(given)
    given[0]["n"] = 9
    given.clear()
    world.wait(done)
    assert journal.load() == records(1, 2)


def test_a_failed_compaction_changes_nothing(world, journal):
    """What cannot be written as JSON fails it; the records are what they were."""
    append_all(world, journal, 1)
    with pytest.raises(StoreError):
        world.wait(journal.compact([{"n": object()}]))
    assert journal.load() == records(1)


def test_a_follower_gets_what_it_missed_and_what_comes(world, journal):
    """Each record after the number it knows, once, in order, until it stops."""
    append_all(world, journal, 1, 2, 3)
    seen = []
    stop = journal.follow(1, lambda seq, record: seen.append((seq, record["n"])))
    assert seen == [(2, 2), (3, 3)]
    append_all(world, journal, 4)
    stop()
    append_all(world, journal, 5)
    assert seen == [(2, 2), (3, 3), (4, 4)]
    stop()


def test_a_follower_sees_a_compaction_as_a_jump_in_the_numbers(world, journal):
    """One that follows and one that comes late get the same: a jump, then all that is there."""
    append_all(world, journal, 1, 2, 3)
    live, late = [], []
    journal.follow(3, lambda seq, record: live.append((seq, record["n"])))
    world.wait(journal.compact(records(30, 31)))
    append_all(world, journal, 4)
    journal.follow(3, lambda seq, record: late.append((seq, record["n"])))
    assert live == late == [(5, 30), (6, 31), (7, 4)]


def test_a_follower_whose_number_is_not_ours_gets_everything(world, journal):
    """It followed another journal, or one that was lost: it starts afresh."""
    append_all(world, journal, 1, 2)
    seen = []
    journal.follow(17, lambda seq, record: seen.append(seq))
    assert seen == [1, 2]


def test_a_follower_may_append_and_stop_while_it_is_called(world, journal):
    """No record is given twice or out of order."""
    seen, pending = [], []

    def observer(seq, record):
        seen.append((seq, record["n"]))
        if seq < 4:
            pending.append(journal.append({"n": record["n"] * 10}))
        else:
            stop()

    stop = journal.follow(0, observer)
    append_all(world, journal, 1)
    for done in pending:
        world.wait(done)
    append_all(world, journal, 5)
    assert seen == [(1, 1), (2, 10), (3, 100), (4, 1000)]


def test_a_follower_that_fails_costs_the_writer_nothing(world, journal, monkeypatch):
    """Its error is logged; the record is acknowledged, and the next one is given to it."""
    logged, seen = [], []

    class Log:
        def failure(self, text, **fields):
            logged.append(fields["seq"])

    monkeypatch.setattr(type(journal), "log", Log())

    def observer(seq, record):
        seen.append(seq)
        raise ValueError

    journal.follow(0, observer)
    assert append_all(world, journal, 1, 2) == [1, 2]
    assert (seen, logged) == ([1, 2], [1, 2])


def test_a_newer_version_is_refused(world, journal):
    """A journal of version 1 is refused to one who knows version 0, and is still good for version 1."""
    append_all(world, journal, 1)
    world.restart()
    newer = world.wait(world.store.open("mappings", 2))
    append_all(world, newer, 1)
    world.wait(newer.close())
    with pytest.raises(StoreVersionError, match=r"mappings\.journal has format version 2"):
        world.wait(world.store.open("mappings", 1))
    assert world.wait(world.store.open("mappings", 2)).load() == records(1)


def test_an_old_version_is_upgraded(world, journal):
    """Each record goes through upgrade with the version it had; None drops it."""
    append_all(world, journal, 1, 2, 3)
    world.restart()
    new = world.wait(world.store.open("leases", 2, lambda r, v: {"m": [r["n"], v]} if r["n"] != 2 else None))
    assert new.load() == [{"m": [1, 1]}, {"m": [3, 1]}]
    world.restart()
    assert world.wait(world.store.open("leases", 2)).load() == [{"m": [1, 1]}, {"m": [3, 1]}]


def test_a_closed_journal_has_written_everything_and_takes_no_more(world, journal):
    """close fires when all is on disk; later writes fail with a sentence; it can be opened again."""
    done = journal.append({"n": 1})
    world.wait(journal.close())
    assert world.wait(done) == 1
    assert journal.close() is journal.close()
    for late in (journal.append({"n": 2}), journal.compact([])):
        with pytest.raises(StoreError, match="is closed"):
            world.wait(late)
    assert world.wait(world.store.open("leases", 1)).load() == records(1)


def test_owners_do_not_meet(world):
    """The same name in two name spaces and in the core's is three journals."""
    opened = [
        world.wait(store.open("leases", 1))
        for store in (world.store, world.store.scoped("dhcp"), world.store.scoped("acme:chess/é"))
    ]
    for n, journal in enumerate(opened):
        append_all(world, journal, n)
    assert [journal.load() for journal in opened] == [records(0), records(1), records(2)]


@pytest.mark.parametrize("name", ["", "Leases", "../leases", "a.b", "a/b", "1a", "a" * 65, "a b", "a\n"])
def test_a_name_that_is_no_file_name_is_refused(world, name):
    """A name cannot leave the directory or hide in it."""
    with pytest.raises(StoreError, match="no name for a journal"):
        world.wait(world.store.open(name, 1))


def test_records_that_wait_are_bounded(world, journal, monkeypatch):
    """A stuck disk does not eat the memory: beyond the bound a record fails at once."""
    monkeypatch.setattr(journal_module, "MAX_WAITING", 0)
    with pytest.raises(StoreError, match="wait for the disk"):
        world.wait(journal.append({"n": 1}))
