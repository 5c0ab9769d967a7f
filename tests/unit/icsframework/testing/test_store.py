"""The store of the test kit: what it can do that a disk does by itself.  Its contract: store/test_journal.py."""

from icsframework.errors import StoreError
from icsframework.testing.store import MemoryStore


def records(*numbers):
    return [{"n": n} for n in numbers]


def test_acknowledgements_come_in_the_order_of_the_records():
    """Over two journals, held and then written together."""
    store = MemoryStore()
    store.held = True
    found, order = [], []
    store.open("a", 1).addCallback(found.append)
    (journal,) = found
    for n in range(5):
        journal.append({"n": n}).addCallback(order.append)
    assert (order, journal.load(), store.records("a")) == ([], [], [])
    store.flush()
    assert (order, store.records("a")) == ([1, 2, 3, 4, 5], records(0, 1, 2, 3, 4))


def test_a_failing_disk_is_told_once_and_so_is_its_recovery():
    """One event when it begins, one when it ends, however many records failed."""
    store, found, outcomes = MemoryStore(), [], []
    store.open("a", 1).addCallback(found.append)
    for broken in (True, True, False, False, True):
        store.fail = OSError(28, "No space left on device") if broken else None
        found[0].append({"n": 1}).addBoth(lambda outcome: outcomes.append(getattr(outcome, "type", outcome)))
    assert outcomes == [StoreError, StoreError, 1, 2, StoreError]
    assert [(event, fields["file"]) for event, fields in store.happened] == [
        ("store.failed", "/var/lib/ics/a.journal"),
        ("store.recovered", "/var/lib/ics/a.journal"),
        ("store.failed", "/var/lib/ics/a.journal"),
    ]
    assert "the disk is full" in store.happened[0][1]["reason"]


def test_a_store_in_memory_loses_power_like_a_disk():
    """The test kit's store forgets what was not acknowledged and keeps what was."""
    store, found = MemoryStore(), []
    store.open("a", 1).addCallback(found.append)
    found[0].append({"n": 1})
    store.held = True
    found[0].append({"n": 2})
    store.power_loss()
    store.open("a", 1).addCallback(found.append)
    assert found[1].load() == records(1)


def test_open_journals_are_listed_until_closed():
    """By their files' names, with their owner's; one that is opened anew counts once."""
    store, found = MemoryStore(), []
    for _ in range(2):
        store.open("a", 1).addCallback(found.append)
    store.scoped("dhcp").open("leases", 1).addCallback(found.append)
    assert store.open_journals == ["a", "dhcp.leases"]
    for journal in found[1:]:
        journal.close()
    assert store.open_journals == []
