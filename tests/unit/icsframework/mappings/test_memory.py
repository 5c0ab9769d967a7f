"""The journal as the service uses it."""

from ipaddress import ip_address

import pytest

from icsframework.errors import StoreError
from icsframework.mappings.held import ADDED, Held
from icsframework.mappings.memory import SLACK, Memory
from icsframework.testing.gateway import FakeClock
from icsframework.testing.store import MemoryStore
from icsframework.values import Endpoint


def held(port: int) -> Held:
    """Something that was added."""
    return Held("cable", "tcp", port, Endpoint(ip_address("192.168.0.10"), 80), None, ADDED, None)


def result(deferred):
    """What it fired with, or the error."""
    results = []
    deferred.addErrback(lambda failure: failure.value).addCallback(results.append)
    return results[0]


def opened(store: MemoryStore, kept: list[Held], clock: FakeClock | None = None) -> tuple[Memory, list[Held]]:
    """A memory whose owner has ``kept`` by now, and what it remembers."""
    memory = Memory(clock or FakeClock(), lambda: kept)
    found, odd = result(memory.open(store))
    assert odd == 0
    return memory, found


def test_what_is_kept_is_there_after_a_power_cut() -> None:
    """Once its Deferred has fired."""
    store = MemoryStore()
    memory, found = opened(store, [])
    assert found == []
    assert result(memory.keep([held(80), held(81)])) == 1
    assert result(memory.forget([held(80)])) == 2
    store.power_loss()
    assert opened(store, [])[1] == [held(81)]


def test_several_are_kept_together_or_not_at_all() -> None:
    """The disk fails: nothing of it is there after a restart."""
    store = MemoryStore()
    memory, _ = opened(store, [])
    store.fail = OSError(28, "No space left on device")
    assert isinstance(result(memory.keep([held(80), held(81)])), StoreError)
    store.fail = None
    assert opened(store, [])[1] == []


def test_before_it_is_open_nothing_can_be_kept() -> None:
    """The sentence says when to ask again."""
    error = result(Memory(FakeClock(), list).keep([held(80)]))
    assert isinstance(error, StoreError)
    assert "ask again when the gateway has started" in str(error)


def test_the_journal_stays_short() -> None:
    """What was added and removed a thousand times is written anew in between; what is there stays there."""
    store, kept = MemoryStore(), [held(9)]
    memory, _ = opened(store, kept)
    result(memory.keep(kept))
    for _ in range(200):
        result(memory.keep([held(80)]))
        result(memory.forget([held(80)]))
        memory.tidy()
    assert len(store.records("mappings")) <= SLACK + 4
    assert opened(store, kept)[1] == kept


def test_nothing_is_tidied_while_something_is_written() -> None:
    """What is not on disk yet may never be: it must not come into the journal by another way."""
    store, kept = MemoryStore(), [held(9)]
    memory, _ = opened(store, kept)
    for _ in range(SLACK + 2):
        result(memory.keep(kept))
    store.held = True
    memory.keep([held(80)]).addErrback(lambda failure: None)
    memory.tidy()
    store.flush()
    assert len(store.records("mappings")) == SLACK + 3
    memory.tidy()
    store.flush()
    assert len(store.records("mappings")) == 1


def test_a_disk_that_fails_while_tidying_costs_nothing() -> None:
    """The store tells; the old records mean the same."""
    store, kept = MemoryStore(), [held(9)]
    memory, _ = opened(store, kept)
    for _ in range(SLACK):
        result(memory.keep(kept))
    store.fail = OSError(5, "Input/output error")
    result(memory.keep(kept))
    result(memory.keep(kept))
    result(memory.keep(kept))
    memory.tidy()
    store.fail = None
    assert opened(store, kept)[1] == kept
    assert [event for event, _ in store.happened if event == "store.failed"] == ["store.failed"]


def test_a_file_of_a_newer_version_is_not_touched() -> None:
    """The start says so."""
    store = MemoryStore()
    result(store.open("mappings", 2))
    memory = Memory(FakeClock(), list)
    assert "newer" in str(result(memory.open(store)))
    with pytest.raises(AssertionError):
        assert result(memory.keep([held(80)])) == 1
