"""What a stream shell says of its sessions: events and log lines, as many as somebody can read, whatever peers do."""

from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from icsframework.helpers.throttle import Throttle
from icsframework.interfaces import IClock, IEvents
from icsframework.values import Endpoint, Flow

__all__ = ["Report"]

BURST = 10
EVERY = 6.0
"""Refusals and failures: ten at once, then one every six seconds; a peer that makes them on purpose fills no disk."""

SESSION_BURST = 100
SESSION_EVERY = 1.0
"""What single sessions do, at level debug: it must not drive everything else out of the event stream."""


class Report:
    """Of one helper.  What is not said any more is still counted (counters.py)."""

    def __init__(self, name: str, clock: IClock, events: IEvents, log: Logger) -> None:
        self._name = name
        self._clock = clock
        self._events = events
        self._log = log
        self._refusals = Throttle(BURST, EVERY)
        self._failures = Throttle(BURST, EVERY)
        self._session = Throttle(SESSION_BURST, SESSION_EVERY)

    def refused(self, client: Endpoint, server: Endpoint, reason: str) -> None:
        """A connection that may not be."""
        if self._refusals.allow(self._clock.now()):
            unsaid, self._refusals.suppressed = self._refusals.suppressed, 0
            more = f" ({unsaid} more since)" if unsaid else ""
            self._events.emit(
                "helper.session.refused",
                helper=self._name,
                client=str(client),
                server=str(server),
                reason=f"{reason}{more}",
            )

    def failed(self, flow: Flow, reason: str, error: BaseException | None, outcome: str) -> None:
        """A session raised ``error``, or answered nonsense (None); the traceback goes to the log."""
        if not self._failures.allow(self._clock.now()):
            return
        self._failures.suppressed = 0
        fields: dict[str, Any] = {
            "helper": self._name,
            "client": str(flow.client),
            "server": str(flow.server),
            "reason": reason,
            "outcome": outcome,
        }
        self._events.emit("helper.session.failed", **fields)
        text = "helper {helper}: the session of {client} with {server} failed, {reason}; {outcome}"
        if error is None:
            self._log.error(text, **fields)
        else:
            self._log.failure(
                text, Failure(error, type(error), error.__traceback__), LogLevel.error, **fields
            )

    def session(self, id: str, **fields: Any) -> None:
        """Something that a single session did."""
        if self._session.allow(self._clock.now()):
            self._session.suppressed = 0
            self._events.emit(id, helper=self._name, **fields)
