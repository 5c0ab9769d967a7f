"""Taking the configuration file anew: at once, as a look ahead, or on trial.

A trial goes back by itself unless somebody says in time that he still reaches the
gateway.  Going back is a change like any other, by difference.  What the next
start has to know of a trial is in unconfirmed.json (see unconfirmed.py): it stays
there after the trial was given up, because the file still is the one that nobody
confirmed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from icsframework.config.configuration import Configuration
from icsframework.errors import IcsError, StoreError
from icsframework.gateway import plan
from icsframework.gateway.change import Changeable, Changer
from icsframework.gateway.unconfirmed import FILE, Trial, Unconfirmed, digest
from icsframework.interfaces import IClock, IEvents
from icsframework.status import Instant, PendingReload

__all__ = ["RETRY", "Reloads"]

RETRY = 10.0
"""Seconds to the next try when going back failed: the machine refused, and nobody may be there to help."""


@dataclass(slots=True)
class _Waiting:
    """A configuration on trial: what was before it, and until when."""

    before: Configuration
    words: str
    until: float
    timer: IDelayedCall


class Reloads:
    """``load`` reads the file (ConfigurationError); ``exclusively(work)`` runs one change of the gateway at a time;
    ``require_ready`` raises the error of a gateway that cannot be changed now.
    """

    def __init__(
        self,
        gateway: Changeable,
        path: str,
        load: Callable[[], Configuration],
        clock: IClock,
        events: IEvents,
        log: Logger,
        unconfirmed: Unconfirmed,
        in_thread: Callable[..., Deferred[Any]],
        exclusively: Callable[..., Deferred[Any]],
        require_ready: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._path = path
        self._load = load
        self._clock = clock
        self._events = events
        self._log = log
        self._unconfirmed = unconfirmed
        self._in_thread = in_thread
        self._exclusively = exclusively
        self._require_ready = require_ready
        self._changer = Changer(gateway, log)
        self._waiting: _Waiting | None = None
        self._trial: Trial | None = None
        """What the record says."""

    # --- life

    @inlineCallbacks
    def begin(self) -> Any:
        """At the start: see what a trial of an earlier process came to; Deferred."""
        try:
            trial = yield self._in_thread(self._unconfirmed.load)
        except StoreError as error:
            self._events.emit("store.unreadable", reason=str(error))
            trial = None
        if trial is not None and trial.kept == self._gateway.config.text:
            self._trial = trial
            reason = "the gateway ended before somebody confirmed it"
            self._events.emit("gateway.reload_rolled_back", config=self._path, reason=reason)
            return
        if trial is not None:
            problem = f"{self._path} is in force although nobody confirmed it: what was before it is not valid any more"
            self._events.emit("config.warning", problem=problem)
        yield self._record(None)

    def stop(self) -> None:
        """No more going back; the record stays for the next start."""
        if self._waiting is not None and self._waiting.timer.active():
            self._waiting.timer.cancel()
        self._waiting = None

    # --- what is asked

    def reload(self, confirm: int | None = None) -> Deferred[str]:
        """Put in force what the file says, on trial for ``confirm`` seconds if given; Deferred of what changed, in words.

        On any error the old configuration stays in force, and the event ``gateway.reload_failed`` says why.
        """
        return self._exclusively(self._reload, confirm)

    def keep(self) -> Deferred[str]:
        """Confirm the configuration that is on trial; Deferred of what it changed."""
        return self._exclusively(self._keep)

    def load(self) -> Configuration:
        """What the file says now; raises if it, or the gateway, is not fit for a reload."""
        self._require_ready()
        return self._load()

    def pending(self) -> PendingReload | None:
        """The trial that waits to be confirmed."""
        waiting = self._waiting
        if waiting is None:
            return None
        left = max(0.0, waiting.until - self._clock.now())
        return PendingReload(waiting.words, Instant(self._clock.wall() + left), round(left, 1))

    def warnings(self) -> tuple[str, ...]:
        """That the file is not what is in force."""
        if self._trial is None or self._waiting is not None:
            return ()
        sentence = (
            f"{self._path} is not in force, because nobody confirmed it; what was before it is. "
            "Correct it, or take it as it is by: ics reload"
        )
        return (sentence,)

    # --- the work, one at a time

    @inlineCallbacks
    def _reload(self, confirm: int | None) -> Any:
        try:
            self._refuse_second()
            old, new = self._gateway.config, self.load()
            on_trial = confirm is not None and bool(plan.changes(old, new))
            if on_trial:
                yield self._in_thread(self._unconfirmed.save, Trial(old.text, digest(new.text)))
            try:
                steps = yield self._changer.change(new)
            except Exception:
                if on_trial:
                    yield self._record(self._trial)
                raise
        except Exception as error:
            reason = str(error) if isinstance(error, IcsError) else f"{type(error).__name__}: {error}"
            self._events.emit("gateway.reload_failed", reason=reason)
            raise
        words = plan.in_words(steps)
        self._events.emit("gateway.reloaded", config=self._path, changes=words)
        if on_trial and confirm is not None:
            self._trial = Trial(old.text, digest(new.text))
            self._wait(old, words, confirm)
        else:
            yield self._record(None)
        return words

    def _refuse_second(self) -> None:
        if self._waiting is not None:
            left = self._waiting.until - self._clock.now()
            raise IcsError(
                f"A reload waits to be confirmed ({self._waiting.words}); confirm it with ics reload --keep, "
                f"or wait the {max(0.0, left):.0f} s until what was before it is back."
            )

    def _wait(self, before: Configuration, words: str, seconds: int) -> None:
        timer = self._clock.call_later(seconds, self._expired)
        self._waiting = _Waiting(before, words, self._clock.now() + seconds, timer)
        self._events.emit("gateway.reload_on_trial", seconds=seconds)

    @inlineCallbacks
    def _keep(self) -> Any:
        self._require_ready()
        if self._waiting is None:
            raise IcsError("No reload waits to be confirmed; what is in force stays.")
        waiting, self._waiting = self._waiting, None
        if waiting.timer.active():
            waiting.timer.cancel()
        yield self._record(None)
        self._events.emit("gateway.reload_confirmed", config=self._path, changes=waiting.words)
        return waiting.words

    def _expired(self) -> None:
        self._exclusively(self._go_back).addErrback(
            lambda failure: self._log.failure("going back to the configuration before failed", failure)
        )

    @inlineCallbacks
    def _go_back(self) -> Any:
        waiting = self._waiting
        if waiting is None:
            return
        try:
            self._require_ready()
            yield self._changer.change(waiting.before)
        except IcsError as error:
            reason = f"what was before it cannot be put back: {error} The next try is in {RETRY:g} s."
            self._events.emit("gateway.reload_failed", reason=reason)
            if self._waiting is waiting:  # the gateway was not stopped meanwhile
                waiting.timer = self._clock.call_later(RETRY, self._expired)
            return
        self._waiting = None
        reason = "nobody confirmed it in time"
        self._events.emit("gateway.reload_rolled_back", config=self._path, reason=reason)

    @inlineCallbacks
    def _record(self, trial: Trial | None) -> Any:
        """Write down which trial the next start has to know of; that the disk refuses is told."""
        self._trial = trial
        try:
            if trial is None:
                yield self._in_thread(self._unconfirmed.clear)
            else:
                yield self._in_thread(self._unconfirmed.save, trial)
        except StoreError as error:
            self._events.emit("store.failed", file=FILE, reason=str(error))
