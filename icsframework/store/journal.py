"""A journal as its owner sees it, in the reactor: what is in it, what is being written, who follows it.

Everything here runs in the reactor's thread and touches no file.  The records are kept as the JSON they are
on disk (a fifth of the memory of dictionaries, and nobody can change them by accident); a record is in
`load` and reaches the followers once it is on the disk, never before.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.errors import StoreError
from icsframework.interfaces import IJournal, Unwatch
from icsframework.store.committer import Committer
from icsframework.store.file import Append, Close, Compact, Contents, JournalFile
from icsframework.store.format import decode, encode

MAX_WAITING = 100_000
"""Records that may wait for a stuck disk, at most some 20 MB; a busy gateway writes 15 000 a second at best."""

Observer = Callable[[int, dict[str, Any]], None]


class Emit(Protocol):
    """``IEvents.emit``."""

    def __call__(self, id: str, /, **fields: Any) -> None:
        """Say that an event happened."""


class _Follower:
    """An observer and the number of the next record it is to get."""

    def __init__(self, observer: Observer, due: int) -> None:
        self.observer = observer
        self.due = due
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


@implementer(IJournal)
class Journal:
    """Provides IJournal.  Made by ``Store.open``, which has read ``contents`` and calls ``forget`` when closed.

    Followers and compaction: the records that `compact` wrote are given to followers like any others, but
    their numbers do not continue the old ones (one is left out).  A follower that sees a jump forgets what
    it had; what comes from there on is whole.
    """

    log = Logger()

    def __init__(
        self,
        file: JournalFile,
        label: str,
        committer: Committer,
        contents: Contents,
        emit: Emit,
        forget: Callable[[], None],
    ) -> None:
        self._file = file
        self._label = label
        self._committer = committer
        self._emit = emit
        self._forget = forget
        self._first = contents.first
        self._payloads = list(contents.payloads)
        self._followers: list[_Follower] = []
        self._waiting = 0
        self._failing = False
        self._closed: Deferred[None] | None = None

    def append(self, record: dict[str, Any]) -> "Deferred[int]":
        """Write ``record`` as it is now; see IJournal.  Fails with StoreError also if it is no JSON-able dict."""
        try:
            payload = encode(record)
            self._check_usable()
        except StoreError as error:
            return fail(error)
        done: Deferred[int] = Deferred()
        self._waiting += 1
        self._committer.submit(self._file, Append(payload), partial(self._appended, payload, done))
        return done

    def load(self) -> list[dict[str, Any]]:
        """All records that are on disk, oldest first; the dictionaries are the caller's."""
        return [decode(payload) for payload in self._payloads]

    def compact(self, records: Sequence[dict[str, Any]]) -> "Deferred[None]":
        """Replace all before this call by ``records``; see IJournal.

        That includes what was appended and is not acknowledged yet: ``records`` is the whole state now, from
        the owner's own table.  (`load` has only what is on disk.)
        The outer dictionaries are copied at once; what is inside them must stay as it is until the Deferred
        fires, because they become JSON in the worker thread.
        """
        try:
            self._check_usable()
        except StoreError as error:
            return fail(error)
        done: Deferred[None] = Deferred()
        self._waiting += 1
        request = Compact([dict(record) for record in records])
        self._committer.submit(self._file, request, partial(self._compacted, done))
        return done

    def follow(self, seq: int, observer: Observer) -> Unwatch:
        """Records after ``seq`` now, and each to come when it is on disk; all of them if ``seq`` is not one of ours."""
        known = self._first - 1 <= seq <= self._last
        follower = _Follower(observer, seq + 1 if known else self._first)
        self._followers.append(follower)
        self._feed(follower)
        return partial(self._unfollow, follower)

    def close(self) -> "Deferred[None]":
        """Finish what is being written and close the file; the same Deferred each time."""
        if self._closed is None:
            done: Deferred[None] = Deferred()
            self._closed = done
            self._forget()
            self._followers.clear()
            self._committer.submit(self._file, Close(), lambda outcome: _fire(done, outcome))
        return self._closed

    @property
    def _last(self) -> int:
        return self._first + len(self._payloads) - 1

    def _check_usable(self) -> None:
        if self._closed is not None:
            raise StoreError(f"{self._label} is closed; open it again before writing to it.")
        if self._waiting >= MAX_WAITING:
            raise StoreError(
                f"{self._label}: {self._waiting} records wait for the disk already; find out what keeps it busy."
            )

    # --- what the worker thread brings back

    def _appended(self, payload: bytes, done: "Deferred[int]", outcome: object) -> None:
        self._waiting -= 1
        if isinstance(outcome, int):
            self._payloads.append(payload)
            self._feed_all()
        self._note(outcome)
        _fire(done, outcome)

    def _compacted(self, done: "Deferred[None]", outcome: object) -> None:
        self._waiting -= 1
        if isinstance(outcome, Contents):
            self._first, self._payloads = outcome.first, list(outcome.payloads)
            for follower in self._followers:
                follower.due = self._first
            self._feed_all()
        self._note(outcome)
        _fire(done, None if isinstance(outcome, Contents) else outcome)

    def _note(self, outcome: object) -> None:
        """Say once that the disk fails, and once that it works again."""
        failed = isinstance(outcome, Exception)
        if failed and not self._failing:
            self._emit("store.failed", file=self._label, reason=str(outcome))
        elif self._failing and not failed:
            self._emit("store.recovered", file=self._label)
        self._failing = failed

    # --- followers

    def _feed_all(self) -> None:
        for follower in tuple(self._followers):
            self._feed(follower)

    def _feed(self, follower: _Follower) -> None:
        """Give all that is due.  The observer may append, compact, or stop following meanwhile."""
        while not follower.stopped and follower.due <= self._last:
            seq = follower.due
            follower.due += 1
            try:
                follower.observer(seq, decode(self._payloads[seq - self._first]))
            except Exception:  # noqa: BLE001 -- somebody's mistake must not cost the writer its acknowledgement
                self.log.failure(
                    "a follower of {journal} failed at record {seq}", journal=self._label, seq=seq
                )

    def _unfollow(self, follower: _Follower) -> None:
        follower.stop()
        if follower in self._followers:
            self._followers.remove(follower)


def _fire(done: "Deferred[Any]", outcome: object) -> None:
    if isinstance(outcome, Exception):
        done.errback(outcome)
    else:
        done.callback(outcome)
