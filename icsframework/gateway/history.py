"""``ics history``: what happened to the uplinks and why, on disk and bounded.

Entries come from the event bus (those that the catalogue marks for history).
How a connect went (its steps and their seconds) is part of the entry that says how it ended.
The journal is compacted when it holds twice what is kept; a link that is tried again and
again takes little of it (gateway.repeats).

What happens while the wall clock cannot be right is kept with ``trusted`` false; as
soon as it is right, the entries of this life of the daemon get their right time.
Those of an earlier life stay marked.
"""

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.logger import Logger

from icsframework.events import KINDS
from icsframework.gateway import repeats
from icsframework.gateway.bus import EventBus
from icsframework.interfaces import IClock, IJournal, IStore
from icsframework.status import HistoryEntry, Instant
from icsframework.values import Event

KEPT = 2000
"""Entries kept: months of a link that is dialled ten times a day, some 800 kB on disk."""
FORMAT = 1
"""Version of the journal's records."""


class History:
    """The bounded list; ``open`` reads it and begins to follow the bus."""

    def __init__(self, bus: EventBus, clock: IClock, log: Logger) -> None:
        self._bus = bus
        self._clock = clock
        self._unsure: list[tuple[dict[str, Any], float]] = []
        """Entries of this life with a wrong time, and when they happened by IClock.now."""
        self._log = log
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._written = 0
        self._journal: IJournal | None = None

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Load what is there, then keep what the bus says; Deferred."""
        self._journal = yield store.open("history", FORMAT)
        records = self._journal.load()
        for record in records:
            repeats.add(self._entries, record)
        self._written = len(records)
        self._bus.watch(self._happened)

    def entries(self) -> list[HistoryEntry]:
        """Oldest first."""
        self._correct()
        return [_entry(record) for record in self._entries]

    def _correct(self) -> None:
        """Give entries of a wrong clock their right time, when it is known."""
        if not self._unsure or not self._clock.wall_trusted:
            return
        for record, moment in self._unsure:
            record["time"] = self._clock.wall() - self._clock.now() + moment
            del record["trusted"]
        self._unsure.clear()
        self._compact()

    def _happened(self, event: Event) -> None:
        kind = KINDS.get(event.id)
        if kind is None or not kind.history:
            return
        self._correct()
        record = {
            "time": event.wall,
            "uplink": event.fields.get("uplink", ""),
            "event": event.id.removeprefix("uplink."),
            "cause": event.fields.get("why"),
            "reason": str(event.fields.get("reason", "")),
        }
        if "steps" in event.fields:
            record["steps"] = event.fields["steps"]
        if not self._clock.wall_trusted:
            record["trusted"] = False
            self._unsure = [*self._unsure[1 - KEPT :], (record, self._clock.now())]
        repeats.add(self._entries, record)
        self._write(record)

    def _write(self, record: dict[str, Any]) -> None:
        if self._journal is None:
            return
        self._written += 1
        if self._written > 2 * KEPT:
            self._compact()
        else:
            self._told(self._journal.append(dict(record)))

    def _compact(self) -> None:
        if self._journal is not None:
            self._written = len(self._entries)
            self._told(self._journal.compact([dict(record) for record in self._entries]))

    def _told(self, writing: Deferred[Any]) -> None:
        writing.addErrback(
            lambda failure: self._log.warn("history is not on disk: {why}", why=failure.getErrorMessage())
        )


def _entry(record: dict[str, Any]) -> HistoryEntry:
    last = record.get("last")
    return HistoryEntry(
        Instant(record["time"]),
        record["uplink"],
        record["event"],
        record.get("cause"),
        record.get("reason", ""),
        record.get("trusted", True),
        tuple(record.get("steps", ())),
        record.get("times", 1),
        None if last is None else Instant(last),
        record.get("skipped", 0),
    )
