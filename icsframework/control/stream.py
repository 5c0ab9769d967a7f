"""One client of the event stream.

What a client does not read is not kept for it: while its connection is full it
is told nothing, and when it reads again it goes on after the last event it got.
The bus remembers many (gateway.bus.REMEMBERED); a gap in ``seq`` says that the
client was too slow for that.
"""

import json
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from icsframework.interfaces import IEvents, Unwatch
from icsframework.status import Instant, to_json
from icsframework.values import Event


@implementer(IPushProducer)
class EventStream:
    """Writes events as JSON, one a line, from the one after number ``since`` until the client goes."""

    def __init__(self, request: Request, events: IEvents, since: int) -> None:
        self._request = request
        self._events = events
        self._seq = since
        self._full = True
        self._unwatch: Unwatch | None = None

    def start(self) -> None:
        """Send the header, then what there is."""
        self._request.notifyFinish().addBoth(lambda _: self.stopProducing())
        self._request.write(b"")
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """See IPushProducer: the client has read; go on after the last event that it got."""
        if not self._full:
            return
        self._full = False
        unwatch = self._events.watch(self._send, self._seq)
        if self._full:  # full again before all was sent
            unwatch()
        else:
            self._unwatch = unwatch

    def pauseProducing(self) -> None:
        """See IPushProducer: what is written already waits; nothing is added."""
        self._full = True
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def stopProducing(self) -> None:
        """See IPushProducer: the client has gone."""
        self.pauseProducing()

    def _send(self, event: Event) -> None:
        if not self._full:
            self._seq = event.seq
            self._request.write(json.dumps(event_to_json(event)).encode() + b"\n")


def event_to_json(event: Event) -> dict[str, Any]:
    """An event in its stable shape."""
    return {
        "seq": event.seq,
        "time": str(Instant(event.wall)),
        "event": event.id,
        "owner": event.owner,
        "fields": to_json(event.fields),
    }
