"""``ics history``: what happened to the uplinks and why, on disk and bounded.

Entries come from the event bus (those that the catalogue marks for history).
The journal is compacted when it holds twice what is kept.
"""

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.events import KINDS
from icsframework.gateway.bus import EventBus
from icsframework.interfaces import IJournal, IStore
from icsframework.status import HistoryEntry, Instant
from icsframework.values import Event

KEPT = 2000
"""Entries kept: months of a link that is dialled ten times a day, some 400 kB on disk."""
FORMAT = 1
"""Version of the journal's records."""


class History:
    """The bounded list; ``open`` reads it and begins to follow the bus."""

    def __init__(self, bus: EventBus, log: Logger) -> None:
        self._bus = bus
        self._log = log
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._written = 0
        self._journal: IJournal | None = None

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Load what is there, then keep what the bus says; Deferred."""
        self._journal = yield store.open("history", FORMAT)
        records = self._journal.load()
        self._entries.extend(records)
        self._written = len(records)
        self._bus.watch(self._happened)

    def entries(self) -> list[HistoryEntry]:
        """Oldest first."""
        return [
            HistoryEntry(Instant(r["time"]), r["uplink"], r["event"], r.get("cause"), r.get("reason", ""))
            for r in self._entries
        ]

    def _happened(self, event: Event) -> None:
        kind = KINDS.get(event.id)
        if kind is None or not kind.history:
            return
        record = {
            "time": event.wall,
            "uplink": event.fields.get("uplink", ""),
            "event": event.id.removeprefix("uplink."),
            "cause": event.fields.get("why"),
            "reason": str(event.fields.get("reason", "")),
        }
        self._entries.append(record)
        self._write(record)

    def _write(self, record: dict[str, Any]) -> None:
        if self._journal is None:
            return
        self._written += 1
        if self._written > 2 * KEPT:
            self._written = len(self._entries)
            writing: Deferred[Any] = self._journal.compact(list(self._entries))
        else:
            writing = self._journal.append(record)
        writing.addErrback(
            lambda failure: self._log.warn("history is not on disk: {why}", why=failure.getErrorMessage())
        )
