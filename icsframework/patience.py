"""Waiting for a plugin, but not for ever: one that never answers must not keep the gateway from stopping."""

from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from icsframework.errors import PluginError
from icsframework.interfaces import IClock

PATIENCE = 20.0
"""Seconds for one call of a plugin: a modem hangs up in five, and a service manager kills a daemon that takes 90 to stop."""

T = TypeVar("T")


def within(clock: IClock, what: str, answer: "Deferred[T]", seconds: float = PATIENCE) -> "Deferred[T]":
    """A Deferred that fires with ``answer``; PluginError, naming ``what`` was called, if that takes too long.

    ``answer`` is cancelled then; what it still says is dropped.
    """
    outcome: Deferred[T] = Deferred(lambda _: answer.cancel())

    def give_up() -> None:
        outcome.errback(
            PluginError(f"{what} did not end within {seconds:g} s; restart it, and tell its author")
        )
        answer.cancel()

    timer = clock.call_later(seconds, give_up)

    def pass_on(result: T | Failure) -> None:
        if timer.active():
            timer.cancel()
        if not outcome.called:
            outcome.callback(result)  # a Failure starts the error chain

    answer.addBoth(pass_on)
    return outcome


def after(deferred: "Deferred[Any]") -> "Deferred[None]":
    """Fires after it.  Who waits for this may be cancelled; what he waits for goes on."""
    follower: Deferred[None] = Deferred()

    def follow(result: Any) -> Any:
        follower.callback(None)
        return result

    deferred.addBoth(follow)
    return follower
