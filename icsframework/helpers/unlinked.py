"""Connections that need a link while none is up: each asks for one, and waits.

A client whose connection was accepted sees one slow answer and has nothing to send
again.  Each is judged by itself, by who and where to; the supervisor makes one dial
of all that may.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError
from icsframework.helpers.flow import StreamFlow
from icsframework.helpers.wanted import Ask
from icsframework.interfaces import IClock
from icsframework.values import Address, Endpoint, Link

__all__ = ["LINK_PATIENCE", "LOOK", "TOO_LATE", "Unlinked"]

LINK_PATIENCE = 60.0
"""Seconds to wait for a link: a modem dials for up to 45.  As long as packets are held by default."""

LOOK = 1.0
"""Seconds between looks at who still waits: a connection that is not read does not tell that its client has given up."""

TOO_LATE = "no link came up in time"

Linked = Callable[[StreamFlow], None]
NotLinked = Callable[[StreamFlow, Endpoint, Endpoint, str], None]


@dataclass(slots=True)
class _One:
    """A connection: its client, where it wants to go, and what it waits for."""

    client: Endpoint
    wanted: Endpoint
    timer: IDelayedCall
    answer: "Deferred[None] | None" = None


class Unlinked:
    """See the module.

    ``linked`` is called with a connection when there is a link, ``refused`` with it, its two ends and the reason when
    there will be none; then it waits no more.  ``waits`` says whether its client does; None: nobody looks.
    """

    def __init__(
        self,
        clock: IClock,
        log: Logger,
        ask: Ask,
        linked: Linked,
        refused: NotLinked,
        waits: Callable[[StreamFlow], bool] | None = None,
    ) -> None:
        self._clock = clock
        self._log = log
        self._ask = ask
        self._linked = linked
        self._refused = refused
        self._waits = waits
        self._waiting: dict[StreamFlow, _One] = {}
        self._of: Counter[Address] = Counter()
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, flow: StreamFlow) -> bool:
        return flow in self._waiting

    def of(self, client: Address) -> int:
        """How many connections of this client wait."""
        return self._of[client]

    def add(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint) -> None:
        """Ask for a link for it; the answer may come at once."""
        one = _One(client, wanted, self._clock.call_later(LINK_PATIENCE, self._late, flow))
        self._waiting[flow] = one
        self._of[client.address] += 1
        self._wind()
        asked = maybeDeferred(self._ask, client, wanted)
        one.answer = asked.addCallbacks(self._granted, self._failed, (flow, one), {}, (flow, one))

    def forget(self, flow: StreamFlow) -> None:
        """It needs no link any more."""
        if flow in self._waiting:
            self._take(flow)

    def go_on(self) -> None:
        """There is a link, whoever asked for it; or there is nobody to ask any more."""
        for flow in tuple(self._waiting):
            if flow in self._waiting:
                self._take(flow)
                self._linked(flow)

    def end(self, reason: str) -> None:
        """Reset all of them."""
        for flow in tuple(self._waiting):
            self.forget(flow)
            flow.end(reason)

    # --- what comes of it

    def _granted(self, _: Link, flow: StreamFlow, one: _One) -> None:
        if self._waiting.get(flow) is one:
            self._take(flow)
            self._linked(flow)

    def _failed(self, failure: Failure, flow: StreamFlow, one: _One) -> None:
        if self._waiting.get(flow) is not one:
            return
        self._take(flow)
        if failure.check(IcsError, CancelledError) is None:
            self._log.failure("a link for {client} could not be asked for", failure, client=str(one.client))
        self._refused(flow, one.client, one.wanted, failure.getErrorMessage())

    def _late(self, flow: StreamFlow) -> None:
        one = self._take(flow)
        self._refused(flow, one.client, one.wanted, TOO_LATE)

    def _take(self, flow: StreamFlow) -> _One:
        """It waits no more, and is no reason for a link any more; a dial that has begun goes on."""
        one = self._waiting.pop(flow)
        if one.timer.active():
            one.timer.cancel()
        self._of[one.client.address] -= 1
        if not self._of[one.client.address]:
            del self._of[one.client.address]
        if not self._waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if one.answer is not None:
            one.answer.cancel()  # nothing, if it is there
        return one

    # --- who still waits

    def _wind(self) -> None:
        if self._waits is not None and self._timer is None:
            self._timer = self._clock.call_later(LOOK, self._look)

    def _look(self) -> None:
        self._timer = None
        for flow in tuple(self._waiting):
            if self._waits is not None and not self._waits(flow):
                self.forget(flow)
                flow.end("its client has given up")
        if self._waiting:
            self._wind()
