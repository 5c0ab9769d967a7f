"""Calls of an uplink's plugin, and of the machine: whatever they do, we go on, and it is told."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError
from icsframework.interfaces import IClock, IEvents
from icsframework.patience import within
from icsframework.uplinks.spec import UplinkSpec
from icsframework.values import Failed, Link, Up

__all__ = ["Guard", "agree", "connected"]

Settle = Callable[[], Deferred[Any]]


class Guard:
    """Calls one uplink's plugin."""

    def __init__(self, spec: UplinkSpec, clock: IClock, events: IEvents, log: Logger) -> None:
        self._name = spec.name
        self._plugin = spec.plugin
        self._clock = clock
        self._events = events
        self._log = log

    def call(self, what: str, call: Callable[[], Any], patience: float | None = None) -> Deferred[Any]:
        """A failure becomes a ``Failed`` with its reason, a defect is logged with its traceback too."""

        def failed(failure: Failure) -> Failed:
            if failure.check(IcsError) is None:
                self._log.failure("uplink {name}: its plugin failed", failure, name=self._name)
                self._events.emit("plugin.broken", plugin=self._plugin, reason=failure.getErrorMessage())
                return Failed(f"plugin {self._plugin} failed ({what}): {failure.getErrorMessage()}")
            return Failed(failure.getErrorMessage())

        answer = maybeDeferred(call)
        if patience is not None:
            whose = f"{what} of uplink {self._name} (plugin {self._plugin})"
            answer = within(self._clock, whose, answer, patience)
        return answer.addErrback(failed)


def connected(outcome: object) -> Up | Failed:
    """What the end of ``connect`` says of the link."""
    if isinstance(outcome, Failed):
        return outcome
    if isinstance(outcome, Link):
        return Up(outcome)
    return Failed("the plugin ended its connect without a link; tell its author")


def agree(settle: Settle, events: IEvents, log: Logger, whose: str) -> Deferred[Any]:
    """Settle; what the machine refuses is told, and tried again with the next change."""

    def refused(failure: Failure) -> None:
        events.emit("host.state.failed", reason=failure.getErrorMessage())
        if failure.check(IcsError) is None:
            log.failure("{whose}", failure, whose=whose)

    return maybeDeferred(settle).addErrback(refused)
