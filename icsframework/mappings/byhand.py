"""What ``ics mappings add`` and ``remove`` do: ports that are opened by hand, and are on disk before anybody hears of it."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError, MappingError
from icsframework.interfaces import IClock, IEvents, IStore
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.held import ADDED, Held, Opened
from icsframework.mappings.keeper import Keeper
from icsframework.mappings.memory import Memory

__all__ = ["ByHand"]


class ByHand:
    """One command after the other.  Helpers do not wait for the disk: what is written is begun inside ``keeper.run``, so
    that the journal has the order of the book, and waited for outside.  ``ended`` belongs inside.
    """

    def __init__(self, keeper: Keeper, clock: IClock, events: IEvents, log: Logger) -> None:
        self._keeper = keeper
        self._events = events
        self._log = log
        self._memory = Memory(clock, lambda: keeper.book.of_owner(ADDED))
        self._commands = DeferredLock()

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Deferred of what was added before and is not over."""
        kept, odd = yield self._memory.open(store)
        if odd:
            self._log.warn(
                "{odd} entries of the journal of mappings are not understood; they are left out", odd=odd
            )
        return kept

    def add(self, addition: Addition) -> Deferred[list[Held]]:
        """Open ports, on all uplinks or none; Deferred of what is open and on disk then.  MappingError."""
        return self._commands.run(self._add, addition)

    def remove(self, removal: Removal) -> Deferred[list[Held]]:
        """Close what was added; Deferred of what it was.  MappingError if that port is somebody else's, or nobody's."""
        return self._commands.run(self._remove, removal)

    @inlineCallbacks
    def _add(self, addition: Addition) -> Any:
        granted, (writing,) = yield self._keeper.run(self._grant, addition)
        try:
            yield writing
        except IcsError as error:
            yield self._keeper.run(self._keeper.undo, granted)
            raise MappingError(str(error)) from error
        for one in granted:
            self._events.emit("mapping.added", mapping=str(one.held), to=str(one.held.to))
        return [one.held for one in granted]

    @inlineCallbacks
    def _grant(self, addition: Addition) -> Any:
        """Open them; what was granted, and the journal's answer to wait for (in a list: it is not waited for here)."""
        keeper, granted = self._keeper, list[Opened]()
        keeper.require_running()
        uplinks = [addition.uplink] if addition.uplink is not None else list(keeper.situation.marks)
        if not uplinks:
            raise MappingError("there is no uplink to open a port on; see ics status")
        try:
            for uplink in uplinks:
                wish = addition.wish(uplink, granted[0].held.port if granted else None)
                keeper.situation.check(wish)
                granted.append((yield keeper.grant(wish)))
        except IcsError as error:
            yield keeper.undo(granted)
            raise MappingError(str(error)) from error
        return granted, [self._memory.keep([one.held for one in granted])]

    @inlineCallbacks
    def _remove(self, removal: Removal) -> Any:
        gone, (writing,) = yield self._keeper.run(self._forget, removal)
        yield writing
        closed = yield self._keeper.run(self._keeper.withdraw, gone)
        self._memory.tidy()
        if not closed:
            raise MappingError(
                "the packet filter does not close the port yet; it is tried again, see the log"
            )
        for held in gone:
            self._events.emit("mapping.removed", mapping=str(held), to=str(held.to))
        return gone

    def _forget(self, removal: Removal) -> tuple[list[Held], list[Deferred[int]]]:
        self._keeper.require_running()
        gone = self._added(removal, [removal.uplink] if removal.uplink is not None else self._uplinks())
        return gone, [self._memory.forget(gone)]

    def ended(self, gone: Sequence[Held]) -> None:
        """Their time is over."""
        added = [held for held in gone if held.added]
        for held in added:
            self._events.emit("mapping.ended", mapping=str(held), to=str(held.to))
        if added:
            written = self._memory.forget(added).addErrback(_over_anyway)
            written.addCallback(lambda _: self._memory.tidy())

    def _uplinks(self) -> list[str]:
        """Those that are there, and those for which something was added while they were."""
        added = (held.uplink for held in self._keeper.book.of_owner(ADDED))
        return list(dict.fromkeys([*self._keeper.situation.marks, *added]))

    def _added(self, removal: Removal, uplinks: Sequence[str]) -> list[Held]:
        found = [self._keeper.book.find(uplink, removal.protocol, removal.port) for uplink in uplinks]
        added = [held for held in found if held is not None and held.added]
        if not added:
            raise MappingError(self._nothing_added(removal, uplinks))
        for held in added:
            if held.port != removal.port:
                raise MappingError(
                    f"{held}: these belong together, remove them by the first one ({held.port})"
                )
        return added

    def _nothing_added(self, removal: Removal, uplinks: Sequence[str]) -> str:
        what, book = f"{removal.protocol} port {removal.port}", self._keeper.book
        for uplink in uplinks:
            offer = book.offer(uplink, removal.protocol, removal.port, removal.port)
            if offer is not None:
                return f"{what} belongs to {offer.owner}; take it out of the configuration and reload"
            held = book.find(uplink, removal.protocol, removal.port)
            if held is not None:
                return f"{what} belongs to {held.owner}, which closes it when it is done"
        where = f" on {removal.uplink}" if removal.uplink is not None else ""
        return f"{what} is not open{where}; see ics mappings"


def _over_anyway(failure: Failure) -> None:
    """The store has told; a record that stays is over by its own time."""
    failure.trap(IcsError)
