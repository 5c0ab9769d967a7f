"""The state directory: one journal file per name, one worker thread for all of them."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from zope.interface import implementer

from icsframework import __version__
from icsframework.errors import StoreError
from icsframework.interfaces import IJournal, IStore, Upgrade
from icsframework.store.committer import Committer
from icsframework.store.file import SUFFIX, Close, JournalFile, Open, Opened
from icsframework.store.files import Files, RealFiles
from icsframework.store.journal import Emit, Journal

WRITER = f"ics {__version__}"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


class Reactor(Protocol):
    """What the store needs of the reactor."""

    def callFromThread(self, function: Any, /, *args: Any) -> object:
        """Call in the reactor's thread."""

    def callWhenRunning(self, function: Any, /) -> object:
        """Call once the reactor runs, or now if it does."""


def _log_event(id: str, /, **fields: Any) -> None:
    """The events of a store that nobody gave an ``emit``."""
    Logger(namespace=__name__).warn("{event}: {fields}", event=id, fields=fields)


@implementer(IStore)
class Store:
    """Provides IStore for the core; `scoped` gives a plugin's own name space.

    The directory is made (0750) when the first journal is opened.  ``emit(id, **fields)`` is called in the
    reactor with the ``store.*`` events.  ``files`` and ``committer`` are for tests.
    """

    def __init__(
        self,
        directory: Path,
        reactor: Reactor,
        emit: Emit = _log_event,
        *,
        files: Files | None = None,
        committer: Committer | None = None,
    ) -> None:
        self.directory = directory
        self._emit = emit
        self._files = files or RealFiles()
        self._committer = committer or Committer(reactor.callFromThread, reactor.callWhenRunning)
        self._journals: dict[str, Journal] = {}
        """Those that are open, by file stem."""
        self._opening: dict[str, JournalFile] = {}
        """Those whose file is being read, by file stem."""
        self._closed: Deferred[None] | None = None

    def open(self, name: str, version: int, upgrade: Upgrade | None = None) -> "Deferred[IJournal]":
        """The journal ``name`` of the core; see IStore.  Fires only once the reactor runs."""
        return self._open(None, name, version, upgrade)

    def scoped(self, owner: str) -> "ScopedStore":
        """An IStore whose journals belong to ``owner`` and cannot meet those of anybody else."""
        return ScopedStore(partial(self._open, owner))

    def close(self) -> "Deferred[None]":
        """Write what waits, close every journal, end the thread; fires when all is on disk.  May be called again."""
        if self._closed is None:
            done: Deferred[None] = Deferred()
            self._closed = done
            for journal in tuple(self._journals.values()):
                journal.close()
            for file in self._opening.values():
                self._committer.submit(file, Close(), lambda _: None)
            self._committer.close().addCallback(done.callback)
        return self._closed

    @property
    def open_journals(self) -> tuple[str, ...]:
        """The names of the files whose journals are open, without their suffix, sorted."""
        return tuple(sorted(self._journals))

    def _open(
        self, owner: str | None, name: str, version: int, upgrade: Upgrade | None
    ) -> "Deferred[IJournal]":
        try:
            stem = file_stem(owner, name)
            self._check_free(stem)
        except StoreError as error:
            return fail(error)
        file = self._opening[stem] = JournalFile(
            self._files, self.directory / (stem + SUFFIX), stem, version, WRITER
        )
        done: Deferred[IJournal] = Deferred()
        self._committer.submit(file, Open(upgrade), partial(self._opened, stem, file, done))
        return done

    def _check_free(self, stem: str) -> None:
        if self._closed is not None:
            raise StoreError(
                f"The store in {self.directory} is closed; nothing can be opened in it any more."
            )
        if stem in self._journals or stem in self._opening:
            raise StoreError(f"The journal {stem} is open already; close it first.")

    def _opened(self, stem: str, file: JournalFile, done: "Deferred[IJournal]", outcome: object) -> None:
        del self._opening[stem]
        if self._closed is not None:
            outcome = StoreError(f"The store in {self.directory} was closed while {stem} was being opened.")
        if not isinstance(outcome, Opened):
            assert isinstance(outcome, Exception)
            done.errback(outcome)
            return
        label = str(self.directory / (stem + SUFFIX))
        journal = Journal(
            file, label, self._committer, outcome.contents, self._emit, partial(self._forget, stem)
        )
        self._journals[stem] = journal
        for happening in outcome.happenings:
            self._emit(happening.id, **happening.fields)
        done.callback(journal)

    def _forget(self, stem: str) -> None:
        del self._journals[stem]


@implementer(IStore)
class ScopedStore:
    """Provides IStore for one owner."""

    def __init__(self, open_owned: Callable[[str, int, Upgrade | None], "Deferred[IJournal]"]) -> None:
        self._open_owned = open_owned

    def open(self, name: str, version: int, upgrade: Upgrade | None = None) -> "Deferred[IJournal]":
        """The owner's journal ``name``; see IStore."""
        return self._open_owned(name, version, upgrade)


def file_stem(owner: str | None, name: str) -> str:
    """``name``, or ``owner.name`` with what is unusual in the owner's name written as %XX.

    A journal's own name has no dot, so no two pairs of owner and name give the same file.
    Raises StoreError for a name that is not ``[a-z][a-z0-9_-]{0,63}``.
    """
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"{name!r} is no name for a journal; use a letter, then letters, digits, '-' and '_' (all small, at most 64)."
        )
    if owner is None:
        return name
    escaped = _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], owner.encode()).decode("ascii")
    return f"{escaped}.{name}"
