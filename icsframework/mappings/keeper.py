"""Keeps book and kernel in step: what comes, what goes, what is over, and what the kernel has after a restart.

A mapping is in the book from the moment of the decision and in the kernel when its
Deferred fires.  What is right when both are compared: the book for what is in
force, and, once, the kernel for what an earlier process had opened for helpers, so
that a port somebody was promised is not given to somebody else before its time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.errors import MappingError
from icsframework.interfaces import IClock, IEvents
from icsframework.mappings.book import Book
from icsframework.mappings.held import ADDED, Held, Opened, Wish
from icsframework.mappings.kernel import KernelSide
from icsframework.mappings.situation import Situation
from icsframework.values import Mapping

__all__ = ["Keeper"]


class Keeper:
    """``ended(held)`` hears of those whose time is over.  All methods but ``in_force`` and ``begin`` belong inside ``run``."""

    def __init__(
        self,
        elements: IElements,
        clock: IClock,
        events: IEvents,
        log: Logger,
        randrange: Callable[[int], int],
        ended: Callable[[Sequence[Held]], object],
    ) -> None:
        self.book = Book(randrange)
        self.situation = Situation()
        self.obstacles: dict[Held, str] = {}
        """What was added and is not in force, and why."""
        self._clock = clock
        self._events = events
        self._log = log
        self._ended = ended
        self._kernel = KernelSide(
            elements, clock, self.compare_soon, lambda why: events.emit("mapping.failed", reason=why)
        )
        self.run = self._kernel.run
        self._begun = self._informed = self._adopted = self._comparing = self.stopped = False
        self._timer: IDelayedCall | None = None
        self._due = 0.0

    def begin(self, kept: Iterable[Held]) -> None:
        """Take up what the journal kept."""
        for held in kept:
            if not self.book.put(held):
                self._log.warn("{held} is in the journal twice; only the first goes on", held=str(held))
        self._begun = True
        self._schedule()
        self.compare_soon()

    def stop(self) -> Deferred[None]:
        """The kernel keeps what it has from now on; Deferred fires when nothing is under way."""
        self.stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._kernel.stop()

    def require_running(self) -> None:
        """MappingError when the gateway is stopping."""
        if self.stopped:
            raise MappingError("the gateway is stopping; no port is opened or closed any more")

    def in_force(self, situation: Situation) -> None:
        """The kernel is compared with the book, if that is something new."""
        if situation != self.situation or not self._informed:
            self.situation, self._informed = situation, True
            self.book.publish(situation.offers)
            self.compare_soon()

    # --- what comes and goes

    def grant(self, wish: Wish) -> Deferred[Opened]:
        """Into the book and the kernel; Deferred of what it got.  MappingError, or what the kernel says; then all is as before."""
        opened = self.book.open(wish, self._clock.now())
        self._schedule()

        def back(failure: Failure) -> Failure:
            self._give_back(opened)
            return failure

        loaded = self._kernel.load(opened.held, self.situation.marks[wish.uplink], opened.instead_of)
        return loaded.addCallbacks(lambda _: opened, back)

    def undo(self, granted: Sequence[Opened]) -> Deferred[bool]:
        """Back to what was before those that are still as they were granted; Deferred of whether the kernel is, too."""
        before = [one.instead_of for one in granted if self._give_back(one) and one.instead_of is not None]
        for held in before:
            self._tell(held, self._obstacle(held))
        back = [(held, self._mark(held)) for held in before]
        return succeed(True) if self.stopped else self._kernel.unload([one.held for one in granted], back)

    def withdraw(self, gone: Iterable[Held]) -> Deferred[bool]:
        """Out of the book and the kernel; Deferred of whether the kernel did (else it is tried again)."""
        gone = list(gone)
        for held in gone:
            self.book.release(held)
            self.obstacles.pop(held, None)
        return succeed(True) if self.stopped else self._kernel.unload(gone)

    def _give_back(self, opened: Opened) -> bool:
        """False if its time is over meanwhile: then there is nothing to give back."""
        self.obstacles.pop(opened.held, None)
        released = self.book.release(opened.held)
        if released and opened.instead_of is not None:
            self.book.put(opened.instead_of)
        return released

    # --- what is over

    def _schedule(self) -> None:
        due = self.book.next_expiry()
        active = self._timer is not None and self._timer.active()
        if due is None or self.stopped or (active and self._due <= due):
            return
        if self._timer is not None and active:
            self._timer.cancel()
        self._due = due
        self._timer = self._clock.call_later(due - self._clock.now(), self._soon, self._expire)

    @inlineCallbacks
    def _expire(self) -> Any:
        gone = self.book.expire(self._clock.now())
        yield self.withdraw(gone)
        self._schedule()
        self._ended(gone)

    def _soon(self, work: Callable[[], Any]) -> None:
        self.run(work).addErrback(lambda failure: self._log.failure("the port book failed", failure))

    # --- comparing

    def compare_soon(self) -> None:
        """Make the kernel have what the book says, after what is under way."""
        if self._begun and self._informed and not self._comparing and not self.stopped:
            self._comparing = True
            self._soon(self._compare)

    @inlineCallbacks
    def _compare(self) -> Any:
        self._comparing = False
        if not self.stopped:
            self._choose()
            yield self._kernel.compare(self._adopt, self.situation)
            self._schedule()

    def _choose(self) -> None:
        """What can be in force now is; what helpers had opened and cannot be is given back."""
        for held in list(self.book):
            why = self._obstacle(held)
            if held.added:
                self._tell(held, why)
            elif why or held.uplink not in self.situation.addresses:
                self.book.release(held)
            mark = self._mark(held) if held in self.book else None
            self._kernel.loaded.agree(held, mark, self._clock.now())

    def _obstacle(self, held: Held) -> str:
        offer = self.book.offer(held.uplink, held.protocol, held.port, held.last)
        return self.situation.obstacle(held, offer)

    def _mark(self, held: Held) -> int | None:
        """The mark to have it in the kernel with, None if it must not be there."""
        if held.is_over(self._clock.now()) or self._obstacle(held):
            return None
        return self.situation.marks.get(held.uplink)

    def _tell(self, held: Held, why: str) -> None:
        before = self.obstacles.pop(held, "")
        if why:
            self.obstacles[held] = why
        if why and why != before:
            self._events.emit("mapping.suspended", mapping=str(held), to=str(held.to), reason=why)
        elif before and not why:
            self._events.emit("mapping.resumed", mapping=str(held), to=str(held.to))

    def _adopt(self, found: Sequence[Mapping]) -> None:
        if self._adopted:
            return
        self._adopted = True
        for mapping in found:
            held = _adopted(mapping, self._clock.now())
            if held is None or held.uplink not in self.situation.addresses:
                continue
            if not self.situation.obstacle(held, None) and self.book.put(held):
                self._kernel.loaded.load(held, self.situation.marks[held.uplink], self._clock.now())


def _adopted(mapping: Mapping, now: float) -> Held | None:
    """One external port that the kernel lets in, as a helper holds it; None for what helpers do not open.

    Those by hand are in the journal, and nothing else is for ever.
    """
    if mapping.owner in ("", ADDED) or mapping.expires is None or mapping.expires <= now:
        return None
    return Held(
        mapping.uplink,
        mapping.protocol,
        mapping.external.port,
        mapping.to,
        mapping.remote,
        mapping.owner,
        mapping.expires,
        mapping.expires - now,
        mapping.count,
        mapping.once,
    )
