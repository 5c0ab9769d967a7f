"""What each plugin sees of the gateway: the same parts for all, with the owner known.

Everything acquired through a view is released with it: sockets are closed,
watches end, names go.  So a plugin that forgets something, or that failed half
way, leaves nothing behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.gateway.bus import EventBus, OwnedEvents
from icsframework.gateway.directory import LeaseDirectory, NameDirectory
from icsframework.host.scoped import IOwnedHost
from icsframework.interfaces import (
    IClock,
    IGateway,
    ILeases,
    INames,
    IStatus,
    IStore,
    IUplinks,
    Unwatch,
)
from icsframework.mappings.owned import OwnedMappings
from icsframework.mappings.service import MappingService
from icsframework.observers import Watches
from icsframework.values import Address, Cause, LeaseView, Link, NameRecord, UplinkView

Details = Callable[[], dict[str, Any]]


@dataclass(slots=True)
class Shared:
    """The parts that all views are made of."""

    clock: IClock
    bus: EventBus
    leases: LeaseDirectory
    names: NameDirectory
    uplinks: IUplinks
    scoped_host: Callable[[str], IOwnedHost]
    scoped_store: Callable[[str], IStore]
    mappings: MappingService
    details: dict[str, Details] = field(default_factory=dict)


@implementer(ILeases)
class OwnedLeases:
    """The lease directory as one owner uses it."""

    def __init__(self, directory: LeaseDirectory, watches: Watches) -> None:
        self._directory = directory
        self._watches = watches
        self._published: set[tuple[Address, str]] = set()

    def publish(self, lease: LeaseView) -> None:
        """See ILeases."""
        self._published.add((lease.address, lease.lan))
        self._directory.publish(lease)

    def withdraw(self, address: Address, lan: str) -> None:
        """See ILeases."""
        self._published.discard((address, lan))
        self._directory.withdraw(address, lan)

    def find(self, address: Address) -> LeaseView | None:
        """See ILeases."""
        return self._directory.find(address)

    def all(self) -> Sequence[LeaseView]:
        """See ILeases."""
        return self._directory.all()

    def watch(self, observer: Callable[[LeaseView, bool], None]) -> Unwatch:
        """See ILeases."""
        return self._watches.keep(self._directory.watch(observer))

    def release(self) -> None:
        """Withdraw all that this owner published."""
        for address, lan in tuple(self._published):
            self.withdraw(address, lan)


@implementer(INames)
class OwnedNames:
    """The name directory as one owner uses it: the owners it names are its own."""

    def __init__(self, directory: NameDirectory, watches: Watches, owner: str) -> None:
        self._directory = directory
        self._watches = watches
        self._prefix = owner
        self._owners: set[str] = set()

    def publish(self, owner: str, host: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        self._owners.add(owner)
        self._directory.publish(f"{self._prefix}/{owner}", host, addresses, ttl)

    def withdraw(self, owner: str) -> None:
        """See INames."""
        self._owners.discard(owner)
        self._directory.withdraw(f"{self._prefix}/{owner}")

    def watch(self, observer: Callable[[NameRecord], None]) -> Unwatch:
        """See INames."""
        return self._watches.keep(self._directory.watch(observer))

    def resolved(self, client: Address, qname: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        self._directory.resolved(client, qname, addresses, ttl)

    def lookup(self, client: Address, address: Address) -> str:
        """See INames."""
        return self._directory.lookup(client, address)

    def release(self) -> None:
        """Withdraw all that this owner published."""
        for owner in tuple(self._owners):
            self.withdraw(owner)


@implementer(IUplinks)
class OwnedUplinks:
    """The supervisor as one owner uses it."""

    def __init__(self, uplinks: IUplinks, watches: Watches) -> None:
        self._uplinks = uplinks
        self._watches = watches
        self._waiting: set[Deferred[Link]] = set()

    def request(self, cause: Cause) -> Deferred[Link]:
        """See IUplinks."""
        answer = self._uplinks.request(cause)
        self._waiting.add(answer)

        def answered(result: Any) -> Any:
            self._waiting.discard(answer)
            return result

        return answer.addBoth(answered)

    def current(self) -> UplinkView | None:
        """See IUplinks."""
        return self._uplinks.current()

    def watch(self, observer: Callable[[UplinkView | None], None]) -> Unwatch:
        """See IUplinks."""
        return self._watches.keep(self._uplinks.watch(observer))

    def release(self) -> None:
        """Take back what this owner still waits for: a plugin that has stopped gets no link any more."""
        for answer in tuple(self._waiting):
            answer.addErrback(lambda failure: failure.trap(CancelledError))
            answer.cancel()


@implementer(IStatus)
class OwnedStatus:
    """Where one owner says how to get its figures."""

    def __init__(self, details: dict[str, Details], owner: str) -> None:
        self._details = details
        self._owner = owner

    def details(self, function: Details) -> None:
        """See IStatus."""
        self._details[self._owner] = function

    def release(self) -> None:
        """Forget it."""
        self._details.pop(self._owner, None)


@implementer(IGateway)
class GatewayView:
    """One plugin's gateway."""

    def __init__(self, owner: str, shared: Shared) -> None:
        self.owner = owner
        self.clock = shared.clock
        self.log = Logger(namespace=f"ics.{owner}")
        self._watches = Watches()
        self.host = shared.scoped_host(owner)
        self.store = shared.scoped_store(owner)
        self.events = OwnedEvents(shared.bus, owner)
        self.leases = OwnedLeases(shared.leases, self._watches)
        self.names = OwnedNames(shared.names, self._watches, owner)
        self.uplinks = OwnedUplinks(shared.uplinks, self._watches)
        self.mappings = OwnedMappings(shared.mappings, owner)
        self.status = OwnedStatus(shared.details, owner)

    def release(self) -> None:
        """Give back everything that was acquired through this view."""
        self._watches.release()
        self.events.release()
        self.leases.release()
        self.names.release()
        self.uplinks.release()
        self.mappings.release_all()
        self.status.release()
        self.host.release_all()
