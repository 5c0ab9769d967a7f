"""A store without a disk: the real one, on a disk in memory and without its thread.

A test that restarts a plugin gives the same MemoryStore to both: opening a journal that is open is the next
process opening it after a kill, and what the first had not been acknowledged is lost.  With ``held`` the
disk is slow: what is written stays unacknowledged until ``flush``.  With ``fail`` set, every write fails
with that error (an OSError becomes the StoreError that the real store makes of it).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from icsframework.interfaces import IJournal, IStore, Upgrade
from icsframework.store.committer import Committer
from icsframework.store.file import SUFFIX, Append, Compact, Request
from icsframework.store.format import decode, scan
from icsframework.store.store import ScopedStore, Store, file_stem
from icsframework.testing.files import MemoryFiles

__all__ = ["MemoryStore", "StepCommitter"]


class StepCommitter(Committer):
    """A committer without a thread: it commits at once, or while ``held()`` only when `flush` is called."""

    def __init__(self, held: Callable[[], bool] = lambda: True) -> None:
        super().__init__(lambda function, *args: function(*args), lambda start: None)
        self._held = held
        self._busy = False

    def submit(self, target: Any, request: Request, settle: Callable[[Any], None]) -> None:
        """See Committer.  Opening and closing are never held; closing writes what was."""
        super().submit(target, request, settle)
        if not (self._held() and isinstance(request, Append | Compact)):
            self.flush()

    def flush(self) -> None:
        """Commit what waits.  What its callbacks submit follows unless it is held, never in between."""
        if self._busy:
            return
        self._busy = True
        try:
            while self.commit_waiting() and not self._held():
                pass
        finally:
            self._busy = False


@implementer(IStore)
class MemoryStore:
    """See the module's docstring.

    ``files`` is the disk, ``happened`` what the store reported: pairs of event id and fields.
    """

    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.held = False
        self.happened: list[tuple[str, dict[str, Any]]] = []
        self.directory = Path("/var/lib/ics")
        self._committers: dict[str, StepCommitter] = {}
        self._stores: dict[str, Store] = {}

    @property
    def fail(self) -> Exception | None:
        """What every write fails with; None while the disk works."""
        return self.files.fail

    @fail.setter
    def fail(self, error: Exception | None) -> None:
        self.files.fail = error

    def open(self, name: str, version: int, upgrade: Upgrade | None = None) -> "Deferred[IJournal]":
        """See IStore."""
        return self._open(None, name, version, upgrade)

    def scoped(self, owner: str) -> ScopedStore:
        """See Store.scoped."""
        return ScopedStore(partial(self._open, owner))

    def flush(self) -> None:
        """What was written reaches the disk and is acknowledged, in order."""
        for committer in tuple(self._committers.values()):
            committer.flush()

    def close(self) -> "Deferred[None]":
        """See Store.close: what was written is on disk."""
        self.flush()
        return succeed(None)

    def power_loss(self, kept: float = 0.0, names: bool = False) -> None:
        """The machine stops: see MemoryFiles.power_loss.  Journals that were open are of no use any more."""
        self._committers.clear()
        self._stores.clear()
        self.files.power_loss(kept, names)

    @property
    def open_journals(self) -> list[str]:
        """The journals that are open, by the names of their files without suffix."""
        return sorted(name for store in self._stores.values() for name in store.open_journals)

    def records(self, name: str, owner: str | None = None) -> list[dict[str, Any]]:
        """What the journal's file holds now, acknowledged or not."""
        path = self.directory / (file_stem(owner, name) + SUFFIX)
        return [decode(entry.payload) for entry in scan(self.files.read(path)).entries]

    def _open(
        self, owner: str | None, name: str, version: int, upgrade: Upgrade | None
    ) -> "Deferred[IJournal]":
        committer = StepCommitter(lambda: self.held)
        # Each journal has a store of its own, so that opening it again leaves its past behind and nothing else.
        store = Store(self.directory, NoReactor(), self._emit, files=self.files, committer=committer)
        opened = (store.scoped(owner) if owner is not None else store).open(name, version, upgrade)
        self._committers[f"{owner or ''}.{name}"] = committer
        self._stores[f"{owner or ''}.{name}"] = store
        return opened

    def _emit(self, id: str, /, **fields: Any) -> None:
        self.happened.append((id, fields))


class NoReactor:
    """Nothing is called back by a store whose committer has no thread."""

    def callFromThread(self, function: Any, /, *args: Any) -> object:
        """There is no thread to call from."""
        raise AssertionError("there is no thread here")

    def callWhenRunning(self, function: Any, /) -> object:
        """There is no reactor to run."""
        raise AssertionError("there is no reactor here")
