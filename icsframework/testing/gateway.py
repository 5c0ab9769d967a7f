"""A gateway for tests: every part an IGateway has, in memory, recording what is done with it.

    gateway = FakeGateway("dhcp")
    service = factory.create(gateway)
    ...
    gateway.advance(30)                       # time passes, timers run
    assert gateway.events.ids() == [...]      # what happened
    assert gateway.status.read() == {...}     # what `ics status` would show

Nothing here touches the machine; sockets are local (see icsframework.testing.host).
A plugin that reads descriptors takes its reactor as an argument: give it
``Readers()`` and call ``turn()`` when something was sent to it.
"""

import select
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.internet.task import Clock
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.errors import MappingError, UplinkRefused
from icsframework.interfaces import (
    IClock,
    IEvents,
    IGateway,
    ILeases,
    IMappings,
    INames,
    IStatus,
    IStore,
    IUplinks,
    Unwatch,
)
from icsframework.mappings.held import Wish
from icsframework.testing.host import FakeHost
from icsframework.testing.store import MemoryStore
from icsframework.values import (
    Address,
    Cause,
    Endpoint,
    Event,
    LeaseView,
    Link,
    Mapping,
    NameRecord,
    Open,
    UplinkView,
)

WALL_AT_START = 1_800_000_000.0
"""The wall clock of a new FakeClock: January 2027, so that a mix-up with ``now`` shows."""

DOCUMENTATION_ADDRESS = IPv4Address("203.0.113.1")
"""Where external ports lie unless a test says otherwise (RFC 5737)."""


@implementer(IClock)
class FakeClock:
    """Time moved by hand: ``clock`` is a task.Clock, ``wall`` runs with it from ``wall_at_start``.

    To set the wall clock, change ``wall_offset``; another ``boot`` is a reboot.
    """

    def __init__(self, wall_at_start: float = WALL_AT_START) -> None:
        self.clock = Clock()
        self.wall_offset = wall_at_start
        self.wall_trusted = True
        self.boot = "this boot"

    def now(self) -> float:
        """See IClock."""
        return self.clock.seconds()

    def wall(self) -> float:
        """See IClock."""
        return self.clock.seconds() + self.wall_offset

    def call_later(self, delay: float, function: Callable[..., object], *args: object) -> IDelayedCall:
        """See IClock."""
        return self.clock.callLater(delay, function, *args)


@implementer(IReactorFDSet)
class Readers:
    """The descriptors a plugin wants to hear of; ``turn`` is one turn of the reactor for them."""

    def __init__(self) -> None:
        self.readers: list[IReadDescriptor] = []
        self.writers: list[IWriteDescriptor] = []

    def turn(self, wait: float = 1.0) -> None:
        """Serve every descriptor that is ready, waiting up to ``wait`` seconds for the first, until none is."""
        while True:
            readable, writable, _ = select.select(self.readers, self.writers, [], wait)
            if not readable and not writable:
                return
            for reader in readable:
                reader.doRead()
            for writer in writable:
                writer.doWrite()
            wait = 0.0

    def addReader(self, reader: IReadDescriptor) -> None:
        """See IReactorFDSet."""
        if reader not in self.readers:
            self.readers.append(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """See IReactorFDSet."""
        if writer not in self.writers:
            self.writers.append(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """See IReactorFDSet."""
        if reader in self.readers:
            self.readers.remove(reader)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """See IReactorFDSet."""
        if writer in self.writers:
            self.writers.remove(writer)

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """See IReactorFDSet."""
        removed: list[IReadDescriptor | IWriteDescriptor] = [*self.readers, *self.writers]
        self.readers, self.writers = [], []
        return removed

    def getReaders(self) -> list[IReadDescriptor]:
        """See IReactorFDSet."""
        return list(self.readers)

    def getWriters(self) -> list[IWriteDescriptor]:
        """See IReactorFDSet."""
        return list(self.writers)


def _subscribe(observers: list[Any], observer: Any) -> Unwatch:
    """Add an observer; the result takes it away again, once."""
    observers.append(observer)
    return lambda: observers.remove(observer) if observer in observers else None


@implementer(IMappings)
class FakeMappings:
    """Grants what is asked for from ``external`` on, or fails with ``refuse``; ``granted`` holds what is open.

    Consecutive ports, parity, and the bounds of the lifetime are as in the real one, and asking for the same again gives
    more time.  The inside port is not kept, so that who does not write the external one is found out.
    """

    def __init__(self, owner: str, clock: FakeClock) -> None:
        self.external = Endpoint(DOCUMENTATION_ADDRESS, 50000)
        self.refuse: MappingError | None = None
        self.granted: list[Mapping] = []
        self.released: list[tuple[Mapping, str]] = []
        self._owner, self._clock = owner, clock

    def open(self, uplink: str, request: Open) -> Deferred[Mapping]:
        """See IMappings."""
        if self.refuse is not None:
            return fail(self.refuse)
        try:
            wish = Wish.of(self._owner, uplink, request)
        except MappingError as error:
            return fail(error)
        known = self._known(wish)
        if known is not None:
            self.granted.remove(known)
        mapping = Mapping(
            wish.protocol,
            uplink,
            known.external if known is not None else Endpoint(self.external.address, self._free(wish)),
            wish.to,
            wish.remote,
            self._owner,
            self._clock.now() + (wish.lifetime or 0.0),
            wish.count,
            wish.once,
        )
        self.granted.append(mapping)
        return succeed(mapping)

    def release(self, mapping: Mapping, flows: str = "keep") -> Deferred[None]:
        """See IMappings."""
        if mapping in self.granted:
            self.granted.remove(mapping)
        self.released.append((mapping, flows))
        return succeed(None)

    def _known(self, wish: Wish) -> Mapping | None:
        asked = (wish.uplink, wish.protocol, wish.to, wish.remote, wish.count, wish.once)
        for one in self.granted:
            if (one.uplink, one.protocol, one.to, one.remote, one.count, one.once) == asked:
                return one
        return None

    def _free(self, wish: Wish) -> int:
        taken = {
            port
            for one in self.granted
            if (one.uplink, one.protocol) == (wish.uplink, wish.protocol)
            for port in range(one.external.port, one.external.port + one.count)
        }
        port = self.external.port
        while not taken.isdisjoint(range(port, port + wish.count)) or (
            wish.parity and (port - wish.to.port) % 2
        ):
            port += 1
        return port


@implementer(IUplinks)
class FakeUplinks:
    """No uplink until ``set``; requests are kept in ``requested`` and wait until ``set`` brings a link or ``refuse`` is set.

    ``waiting`` has those without an answer, the oldest first; one that was cancelled is gone from it.
    """

    def __init__(self) -> None:
        self.requested: list[Cause] = []
        self.refuse: UplinkRefused | None = None
        self._view: UplinkView | None = None
        self.waiting: list[tuple[Cause, Deferred[Link]]] = []
        self.watchers: list[Callable[[UplinkView | None], None]] = []

    def set(self, view: UplinkView | None) -> None:
        """The active uplink is now this one; watchers hear of it and waiting requests are answered."""
        self._view = view
        for observer in list(self.watchers):
            observer(view)
        if view is not None and view.link is not None:
            waiting, self.waiting = self.waiting, []
            for _, request in waiting:
                request.callback(view.link)

    def fail_requests(self, error: Exception, chosen: Callable[[Cause], bool] = lambda cause: True) -> None:
        """Dialling failed, or a rule forbids: the waiting requests (those with a ``chosen`` cause) get the error."""
        failing = [entry for entry in self.waiting if chosen(entry[0])]
        self.waiting = [entry for entry in self.waiting if entry not in failing]
        for _, request in failing:
            request.errback(error)

    def request(self, cause: Cause) -> Deferred[Link]:
        """See IUplinks."""
        self.requested.append(cause)
        if self.refuse is not None:
            return fail(self.refuse)
        if self._view is not None and self._view.link is not None:
            return succeed(self._view.link)
        answer: Deferred[Link] = Deferred(self._forget)
        self.waiting.append((cause, answer))
        return answer

    def _forget(self, answer: Deferred[Link]) -> None:
        self.waiting = [entry for entry in self.waiting if entry[1] is not answer]

    def current(self) -> UplinkView | None:
        """See IUplinks."""
        return self._view

    def watch(self, observer: Callable[[UplinkView | None], None]) -> Unwatch:
        """See IUplinks."""
        observer(self._view)
        return _subscribe(self.watchers, observer)


@implementer(ILeases)
class FakeLeases:
    """Who has which address; ``history`` keeps every change as (lease, granted)."""

    def __init__(self) -> None:
        self.history: list[tuple[LeaseView, bool]] = []
        self._leases: dict[tuple[str, Address], LeaseView] = {}
        self.watchers: list[Callable[[LeaseView, bool], None]] = []

    def publish(self, lease: LeaseView) -> None:
        """See ILeases."""
        self._leases[lease.lan, lease.address] = lease
        self._tell(lease, granted=True)

    def withdraw(self, address: Address, lan: str) -> None:
        """See ILeases."""
        lease = self._leases.pop((lan, address), None)
        if lease is not None:
            self._tell(lease, granted=False)

    def _tell(self, lease: LeaseView, granted: bool) -> None:
        self.history.append((lease, granted))
        for observer in list(self.watchers):
            observer(lease, granted)

    def find(self, address: Address) -> LeaseView | None:
        """See ILeases."""
        return next((lease for lease in self._leases.values() if lease.address == address), None)

    def all(self) -> Sequence[LeaseView]:
        """See ILeases."""
        return [self._leases[key] for key in sorted(self._leases, key=lambda key: (key[0], int(key[1])))]

    def watch(self, observer: Callable[[LeaseView, bool], None]) -> Unwatch:
        """See ILeases."""
        for lease in self.all():
            observer(lease, True)
        return _subscribe(self.watchers, observer)


@implementer(INames)
class FakeNames:
    """Local names by owner, and what DNS told whom."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], NameRecord] = {}
        self.told: dict[tuple[Address, Address], str] = {}
        self.watchers: list[Callable[[NameRecord], None]] = []

    def publish(self, owner: str, host: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        record = NameRecord(owner, host, tuple(addresses), ttl)
        if addresses:
            self.records[owner, host] = record
        else:
            self.records.pop((owner, host), None)
        for observer in list(self.watchers):
            observer(record)

    def withdraw(self, owner: str) -> None:
        """See INames."""
        for key in [key for key in self.records if key[0] == owner]:
            self.publish(owner, key[1], (), 0)

    def watch(self, observer: Callable[[NameRecord], None]) -> Unwatch:
        """See INames."""
        for record in list(self.records.values()):
            observer(record)
        return _subscribe(self.watchers, observer)

    def resolved(self, client: Address, qname: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        for address in addresses:
            self.told[client, address] = qname

    def lookup(self, client: Address, address: Address) -> str:
        """See INames."""
        return self.told.get((client, address), "")


@implementer(IEvents)
class FakeEvents:
    """Everything that was said, in ``all``."""

    def __init__(self, owner: str, clock: FakeClock) -> None:
        self.all: list[Event] = []
        self._owner, self._clock = owner, clock
        self.watchers: list[Callable[[Event], None]] = []

    def ids(self) -> list[str]:
        """The ids so far, oldest first."""
        return [event.id for event in self.all]

    def said(self, id: str) -> list[dict[str, Any]]:
        """The fields of every event with this id, oldest first."""
        return [event.fields for event in self.all if event.id == id]

    def emit(self, id: str, **fields: Any) -> None:
        """See IEvents."""
        event = Event(id, self._owner, fields, self._clock.wall(), len(self.all) + 1)
        self.all.append(event)
        for observer in list(self.watchers):
            observer(event)

    def watch(self, observer: Callable[[Event], None], since: int = 0) -> Unwatch:
        """See IEvents."""
        for event in self.all[since:]:
            observer(event)
        return _subscribe(self.watchers, observer)


@implementer(IStatus)
class FakeStatus:
    """The figures a plugin shows; as in the real one the function given last counts."""

    def __init__(self) -> None:
        self._function: Callable[[], dict[str, Any]] = dict

    def details(self, function: Callable[[], dict[str, Any]]) -> None:
        """See IStatus."""
        self._function = function

    def read(self) -> dict[str, Any]:
        """The details as ``ics status`` would show them."""
        return self._function()


@implementer(IGateway)
class FakeGateway:
    """An IGateway in memory for one plugin.  Give the ``store`` of a first one to a second: that is a restart."""

    def __init__(
        self, owner: str = "plugin", store: IStore | None = None, clock: FakeClock | None = None
    ) -> None:
        self.owner = owner
        self.clock = clock or FakeClock()
        self.host = FakeHost(self.clock.clock)
        self.mappings = FakeMappings(owner, self.clock)
        self.uplinks = FakeUplinks()
        self.leases = FakeLeases()
        self.names = FakeNames()
        self.store = store if store is not None else MemoryStore()
        self.events = FakeEvents(owner, self.clock)
        self.status = FakeStatus()
        self.log = Logger(namespace=owner)

    def advance(self, seconds: float) -> None:
        """Let time pass; timers run."""
        self.clock.clock.advance(seconds)

    def close(self) -> None:
        """Close every descriptor; call it at the end of a test that opened some."""
        self.host.close_all()
