"""The journal of what ``ics mappings add`` added, as the service uses it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, inlineCallbacks
from twisted.python.failure import Failure

from icsframework.errors import StoreError
from icsframework.interfaces import IClock, IJournal, IStore
from icsframework.mappings.held import Held
from icsframework.mappings.records import FORMAT, NAME, Moment, record_of, removal_of, replay

__all__ = ["Memory"]

SLACK = 64
"""Records that may be out of date before the journal is written anew."""


class Memory:
    """``kept`` says what the journal holds when it is written anew."""

    def __init__(self, clock: IClock, kept: Callable[[], Iterable[Held]]) -> None:
        self._clock = clock
        self._kept = kept
        self._journal: IJournal | None = None
        self._records = 0
        self._writing = 0

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Deferred of what is to be taken up again, and how many records nobody understands."""
        self._journal = yield store.open(NAME, FORMAT)
        records = self._journal.load()
        self._records = len(records)
        return replay(records, self._moment())

    def keep(self, held: Sequence[Held]) -> Deferred[Any]:
        """Deferred fires when they are on disk; StoreError if they could not be written."""
        return self._write(record_of(held, self._moment()))

    def forget(self, held: Sequence[Held]) -> Deferred[Any]:
        """The same for the end of some."""
        return self._write(removal_of(held))

    def tidy(self) -> None:
        """Write the journal anew if most of it is out of date, and nothing is being written of which nobody knows how it ends."""
        kept = list(self._kept())
        if self._journal is not None and not self._writing and self._records > 2 * len(kept) + SLACK:
            at = self._moment()
            self._records = len(kept)
            # The store says what is wrong with the disk; the old records mean the same as before.
            self._journal.compact([record_of([one], at) for one in kept]).addErrback(_told)

    def _write(self, record: dict[str, Any]) -> Deferred[int]:
        if self._journal is None:
            return fail(
                StoreError("The journal of mappings is not open yet; ask again when the gateway has started.")
            )
        self._records += 1
        self._writing += 1

        def written(outcome: Any) -> Any:
            self._writing -= 1
            return outcome

        return self._journal.append(record).addBoth(written)

    def _moment(self) -> Moment:
        clock = self._clock
        return Moment(clock.now(), clock.wall(), clock.wall_trusted, clock.boot)


def _told(failure: Failure) -> None:
    failure.trap(StoreError)
