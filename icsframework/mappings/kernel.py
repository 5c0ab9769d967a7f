"""Carries out what the port book says: elements into the kernel, and what is there compared with what should be.

Everything goes through one queue, so that a comparison and a change never meet.
What the kernel refused to forget is tried again by comparing, RETRY seconds later.
"""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.mapped import mappings_in
from icsframework.errors import IcsError
from icsframework.interfaces import IClock
from icsframework.mappings.held import Held
from icsframework.mappings.loaded import Loaded
from icsframework.mappings.situation import Situation
from icsframework.values import Mapping

__all__ = ["RETRY", "KernelSide"]

RETRY = 5.0
"""Seconds to the next comparison after one that failed."""


class KernelSide:
    """``failed(reason)`` hears why the kernel is not as it should be, once until that changes or ends; ``compare`` is
    called again then.
    """

    def __init__(
        self, elements: IElements, clock: IClock, compare: Callable[[], object], failed: Callable[[str], None]
    ) -> None:
        self.loaded = Loaded()
        self._elements = elements
        self._clock = clock
        self._compare = compare
        self._failed = failed
        self._lock = DeferredLock()
        self._timer: IDelayedCall | None = None
        self._complaint = ""

    def run(self, work: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do ``work`` when all that was begun before has ended.  Who cancels the Deferred only stops waiting for it."""
        answer: Deferred[Any] = Deferred()
        self._lock.run(work, *args).addBoth(answer.callback)
        return answer

    def load(self, held: Held, mark: int, old: Held | None = None) -> Deferred[None]:
        """Put it into the kernel, in place of ``old``.  If that fails, all is as it was before."""
        loaded, now = self.loaded, self._clock.now()
        if old is not None and old in loaded:
            loaded.renew(old, held, now)
        else:
            loaded.load(held, mark, now)
            old = None

        def back(failure: Failure) -> Failure:
            if old is not None:
                loaded.renew(held, old, now)
            else:
                loaded.unload(held, now)
            loaded.changes(now)  # none of it ever was in the kernel
            self._compare_later()  # unless nft was stopped before it could say so
            return failure

        return self._elements.change(*loaded.changes(now)).addErrback(back)

    def unload(self, gone: Iterable[Held], back: Iterable[tuple[Held, int | None]] = ()) -> Deferred[bool]:
        """Take some out and put others back with their marks (None: not in the kernel); Deferred of whether the kernel did, which never fails."""
        now = self._clock.now()
        for held in gone:
            if held in self.loaded:
                self.loaded.unload(held, now)
        for held, mark in back:
            self.loaded.agree(held, mark, now)
        add, delete = self.loaded.changes(now)
        if not add and not delete:
            return succeed(True)
        return self._elements.change(add, delete).addCallbacks(lambda _: True, self._refused)

    @inlineCallbacks
    def compare(self, adopt: Callable[[tuple[Mapping, ...]], None], situation: Situation) -> Any:
        """Make the kernel have what is loaded; ``adopt`` is called first with all that it lets in.  Deferred of success."""
        marks = {mark: (name, situation.address(name)) for name, mark in situation.marks.items()}
        try:
            sets = yield self._elements.read()
            adopt(mappings_in(sets, marks, self._clock.now()))
            self.loaded.changes(self._clock.now())  # those that are not there are found to be missing
            add, delete = self.loaded.difference(sets, self._clock.now())
            if add or delete:
                yield self._elements.change(add, delete)
        except IcsError:
            return self._refused(Failure())
        self._complaint = ""
        return True

    def stop(self) -> Deferred[None]:
        """No further try; Deferred fires when nothing is under way."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self.run(lambda: None)

    def _refused(self, failure: Failure) -> bool:
        failure.trap(IcsError)
        text = failure.getErrorMessage()
        if text != self._complaint:
            self._failed(text)
        self._complaint = text
        self._compare_later()
        return False

    def _compare_later(self) -> None:
        if self._timer is None or not self._timer.active():
            self._timer = self._clock.call_later(RETRY, self._compare)
