"""The event bus: one ordered stream of what happened, to log, history and watchers.

Events are numbered from 1 in each life of the daemon; the last ``REMEMBERED`` can
be asked for again by sequence number, which is what the event stream of the API
resumes from.  Events of level debug (every renewed lease) are in the stream and
not in the log: writing a line costs more than answering the client.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger, LogLevel
from zope.interface import implementer

from icsframework.events import KINDS, EventKind
from icsframework.interfaces import IClock, IEvents, Unwatch
from icsframework.observers import Observers, Watches
from icsframework.status import to_json
from icsframework.values import Event

REMEMBERED = 1000
"""Events kept for late watchers: a few minutes of a busy gateway, some 300 kB."""

_LEVELS = {name: LogLevel.lookupByName(name) for name in ("debug", "info", "warn", "error", "critical")}


class EventBus:
    """The one stream.  ``clock`` stamps events with the wall clock."""

    def __init__(self, clock: IClock, log: Logger) -> None:
        self._clock = clock
        self._log = log
        self._seq = 0
        self._recent: deque[Event] = deque(maxlen=REMEMBERED)
        self._observers = Observers(log)
        self._untold: deque[Event] = deque()
        self._telling = False

    def emit(self, owner: str, id: str, fields: dict[str, Any]) -> Event:
        """Number, log and hand on one event; returns it."""
        self._seq += 1
        event = Event(id, owner, fields, self._clock.wall(), self._seq)
        self._recent.append(event)
        kind = KINDS.get(id)
        if kind is None or kind.level != "debug":
            self._write(event, kind)
        self._untold.append(event)
        self._tell()
        return event

    def _tell(self) -> None:
        """Tell the observers, one event after the other: what one of them says meanwhile comes after, for all."""
        if self._telling:
            return
        self._telling = True
        while self._untold:
            self._observers.tell(self._untold.popleft())
        self._telling = False

    def watch(self, observer: Callable[[Event], None], since: int = 0) -> Unwatch:
        """Replay what is remembered after ``since``, then follow; returns a callable that ends it."""
        for event in tuple(self._recent):
            if event.seq > since:
                self._observers.tell_one(observer, event)
        return self._observers.add(observer)

    @property
    def seq(self) -> int:
        """The number of the last event, 0 before the first."""
        return self._seq

    def _write(self, event: Event, kind: EventKind | None) -> None:
        if kind is None:
            kind = EventKind(event.id, "info", _plain(event.fields).replace("{", "{{").replace("}", "}}"))
        try:
            text = kind.text.format(**event.fields)
        except (LookupError, ValueError, TypeError):
            # A field of the catalogue's text is missing or is of another type: say what there is rather than nothing.
            text = _plain(event.fields)
        self._log.emit(
            _LEVELS[kind.level],
            "{ics_event}: {text}",
            text=text,
            ics_event=event.id,
            ics_owner=event.owner,
            ics_fields=to_json(event.fields),  # so that a JSON log has them too
        )


def _plain(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fields.items())


@implementer(IEvents)
class OwnedEvents:
    """The bus as one owner sees it."""

    def __init__(self, bus: EventBus, owner: str) -> None:
        self._bus = bus
        self._owner = owner
        self._watches = Watches()

    def emit(self, id: str, **fields: Any) -> None:
        """See IEvents."""
        self._bus.emit(self._owner, id, fields)

    def watch(self, observer: Callable[[Event], None], since: int = 0) -> Unwatch:
        """See IEvents."""
        return self._watches.keep(self._bus.watch(observer, since))

    def release(self) -> None:
        """End every watch of this owner."""
        self._watches.release()
