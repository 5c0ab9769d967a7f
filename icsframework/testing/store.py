"""A store without a disk: journals in memory that survive as long as the MemoryStore itself.

A test that restarts a plugin gives the same MemoryStore to both.  With ``held``
the disk is slow: appends stay unacknowledged until ``flush``.  With ``fail``
set, every write fails with that error.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.errors import StoreVersionError
from icsframework.interfaces import IJournal, IStore, Unwatch, Upgrade

__all__ = ["MemoryJournal", "MemoryStore"]


@implementer(IJournal)
class MemoryJournal:
    """One journal; see IJournal."""

    def __init__(self, store: "MemoryStore", name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.closed = False
        self._store = store
        self._records: list[tuple[int, dict[str, Any]]] = []
        self._next = 1
        self._observers: list[Callable[[int, dict[str, Any]], None]] = []

    def append(self, record: dict[str, Any]) -> Deferred[int]:
        """See IJournal."""
        if self._store.fail is not None:
            return fail(self._store.fail)
        acknowledged: Deferred[int] = Deferred()
        self._store.pending.append((self, dict(record), acknowledged))
        if not self._store.held:
            self._store.flush()
        return acknowledged

    def write(self, record: dict[str, Any]) -> int:
        """The record reaches the disk; returns its sequence number."""
        seq, self._next = self._next, self._next + 1
        self._records.append((seq, record))
        for observer in list(self._observers):
            observer(seq, record)
        return seq

    def load(self) -> Sequence[dict[str, Any]]:
        """See IJournal."""
        return [dict(record) for _, record in self._records]

    def compact(self, records: Sequence[dict[str, Any]]) -> Deferred[None]:
        """See IJournal."""
        if self._store.fail is not None:
            return fail(self._store.fail)
        self._next += 1
        self._records = []
        for record in records:
            self.write(dict(record))
        return succeed(None)

    def upgrade(self, upgrade: Upgrade, version: int) -> None:
        """Make every record new; those it answers None for go."""
        new = ((seq, upgrade(record, self.version)) for seq, record in self._records)
        self._records = [(seq, record) for seq, record in new if record is not None]
        self.version = version

    def follow(self, seq: int, observer: Callable[[int, dict[str, Any]], None]) -> Unwatch:
        """See IJournal."""
        for number, record in self._records:
            if number > seq:
                observer(number, record)
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def close(self) -> Deferred[None]:
        """See IJournal."""
        self._store.flush()
        self.closed = True
        return succeed(None)


@implementer(IStore)
class MemoryStore:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.journals: dict[str, MemoryJournal] = {}
        self.held = False
        self.fail: Exception | None = None
        self.pending: list[tuple[MemoryJournal, dict[str, Any], Deferred[int]]] = []

    def open(self, name: str, version: int, upgrade: Upgrade | None = None) -> Deferred[IJournal]:
        """See IStore."""
        if self.fail is not None:
            return fail(self.fail)
        journal = self.journals.setdefault(name, MemoryJournal(self, name, version))
        if journal.version > version:
            return fail(
                StoreVersionError(f"journal {name} has version {journal.version}, newer than {version}")
            )
        if journal.version < version and upgrade is not None:
            journal.upgrade(upgrade, version)
        journal.closed = False
        return succeed(journal)

    def flush(self) -> None:
        """What was appended reaches the disk and is acknowledged, in order."""
        pending, self.pending = self.pending, []
        for journal, record, acknowledged in pending:
            acknowledged.callback(journal.write(record))
