"""The mapping service: external ports for helpers, and for whoever runs the gateway.

A wish goes through the book (pure), its elements into the kernel in one
transaction, and the answer back; a mapping that was added by hand is on disk too
before anybody hears of it.  Nothing here sees a packet.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.flows import MarkFilter, Tracked
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError, MappingError
from icsframework.interfaces import IClock, IEvents, IStore, Unwatch
from icsframework.mappings import shown
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.byhand import ByHand
from icsframework.mappings.held import ADDED, Held, Opened, Wish
from icsframework.mappings.keeper import Keeper
from icsframework.mappings.situation import Situation
from icsframework.mappings.through import flows_of
from icsframework.status import MappingStatus
from icsframework.values import Event, Mapping, Open, Protocol

__all__ = ["EndFlows", "MappingService"]

EndFlows = Callable[[MarkFilter, Callable[[Tracked], bool]], Deferred[Any]]
"""Makes the kernel forget those flows of a mark for which the function is true, outside the reactor's thread."""


class MappingService:
    """See the module.  ``randrange(n)`` returns a number from 0 to n - 1 that nobody can guess."""

    def __init__(
        self,
        elements: IElements,
        clock: IClock,
        events: IEvents,
        log: Logger,
        randrange: Callable[[int], int],
        end_flows: EndFlows,
    ) -> None:
        self._clock = clock
        self._events = events
        self._log = log
        self._end_flows = end_flows
        self._keeper = Keeper(elements, clock, events, log, randrange, self._ended)
        self._by_hand = ByHand(self._keeper, clock, events, log)
        self._unwatch: Unwatch | None = None

    # --- life

    @inlineCallbacks
    def start(self, store: IStore) -> Any:
        """Take up what was added before; Deferred.  It is in force with the data plane that is, or the next one."""
        self._keeper.begin((yield self._by_hand.open(store)))
        self._unwatch = self._events.watch(self._happened)

    def stop(self) -> Deferred[None]:
        """From now on nothing is opened, and what is released stays in the kernel; Deferred fires when nothing is under way.

        For a handover call it before the helpers are stopped: what they had opened is taken up by the next process.
        """
        if self._unwatch is not None:
            self._unwatch()
        return self._keeper.stop()

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force.

        Ports that helpers opened on an uplink without an address are given back; those added by hand wait for it.
        """
        self._keeper.in_force(Situation.of(plane))

    def settled(self) -> Deferred[None]:
        """Fires when all that was asked for up to now is done."""
        return self._keeper.run(lambda: None)

    def _ended(self, gone: Sequence[Held]) -> None:
        self._by_hand.ended(gone)

    def _happened(self, event: Event) -> None:
        if event.id == "dataplane.restored":
            self._keeper.compare_soon()

    # --- for helpers

    def open(self, owner: str, uplink: str, request: Open) -> Deferred[Mapping]:
        """External ports for ``owner``; see IMappings.  It has them a day at most, unless it asks for the same again."""
        return self._keeper.run(self._open, owner, uplink, request)

    def release(self, mapping: Mapping, flows: str = "keep") -> Deferred[None]:
        """Give it back; one that was asked for again since stays.  ``flows="end"`` makes the kernel forget those through it."""
        if flows not in ("keep", "end"):
            raise ValueError(f"flows must be keep or end, not {flows!r}")
        released = self._keeper.run(self._release, mapping)
        ended = released.addCallback(lambda _: self._end([mapping]) if flows == "end" else None)
        return ended.addCallback(_nothing)

    def release_owner(self, owner: str) -> Deferred[None]:
        """Give back all that this owner has opened; flows that run through it go on."""
        keeper = self._keeper
        return keeper.run(lambda: keeper.withdraw(keeper.book.of_owner(owner))).addCallback(_nothing)

    def _open(self, owner: str, uplink: str, request: Open) -> Deferred[Mapping]:
        self._keeper.require_running()
        if owner == ADDED:
            raise MappingError(f"the name {ADDED} stands for ics mappings add; give {owner} another one")
        wish = Wish.of(owner, uplink, request)
        self._keeper.situation.check(wish)
        address = self._keeper.situation.address_for(wish)

        def got(opened: Opened) -> Mapping:
            return opened.held.mapping(address)

        def refused(failure: Failure) -> Any:
            failure.trap(IcsError)
            raise MappingError(f"no port is opened for {wish.to}: {failure.getErrorMessage()}")

        return self._keeper.grant(wish).addCallbacks(got, refused)

    def _release(self, mapping: Mapping) -> Any:
        held = self._keeper.book.find(mapping.uplink, mapping.protocol, mapping.external.port)
        if held is not None and held.mapping(mapping.external.address) == mapping:
            return self._keeper.withdraw([held])
        return None

    def _end(self, mappings: Sequence[Mapping]) -> Deferred[Any]:
        """Make the kernel forget the flows through them; what cannot be is logged."""
        situation, ended = self._keeper.situation, succeed(None)
        for mapping in mappings:
            if mapping.uplink in situation.marks:
                chosen = MarkFilter(situation.marks[mapping.uplink], situation.mask)
                ended.addCallback(self._end_through, chosen, mapping)
        return ended.addErrback(self._go_on)

    def _end_through(self, _: object, chosen: MarkFilter, mapping: Mapping) -> Deferred[Any]:
        return self._end_flows(chosen, flows_of(mapping))

    def _go_on(self, failure: Failure) -> None:
        failure.trap(IcsError, OSError)
        self._log.warn("connections through a closed port go on: {why}", why=failure.getErrorMessage())

    # --- for whoever runs the gateway

    def add(self, addition: Addition) -> Deferred[list[Mapping]]:
        """Open ports by hand, all or none; Deferred of one mapping per uplink when they are open and on disk.  MappingError."""
        return self._by_hand.add(addition).addCallback(self._as_mappings)

    def remove(self, removal: Removal) -> Deferred[list[Mapping]]:
        """Close what was added by hand; Deferred of what it was.  MappingError if that port is somebody else's, or nobody's."""
        removed = self._by_hand.remove(removal).addCallback(self._as_mappings)

        def end(gone: list[Mapping]) -> Deferred[list[Mapping]]:
            return (self._end(gone) if removal.end else succeed(None)).addCallback(lambda _: gone)

        return removed.addCallback(end)

    def _as_mappings(self, every: Sequence[Held]) -> list[Mapping]:
        return [held.mapping(self._keeper.situation.address(held.uplink)) for held in every]

    # --- what is there

    def all(self) -> tuple[Mapping, ...]:
        """Every mapping by uplink, protocol and port, published ones too."""
        return shown.mappings(self._keeper.book, self._keeper.situation, self._clock.now())

    def find(self, uplink: str, protocol: Protocol, port: int) -> Mapping | None:
        """The mapping that has this external port; of one that begins below it as it is."""
        every = (one for one in self.all() if (one.uplink, one.protocol) == (uplink, protocol))
        return next((one for one in every if 0 <= port - one.external.port < one.count), None)

    def status(self) -> list[MappingStatus]:
        """The lines of ``ics mappings``."""
        return shown.status(self._keeper.book, self._keeper.situation, self._keeper.obstacles, self._clock)


def _nothing(_: object) -> None:
    return None
