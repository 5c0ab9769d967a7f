"""Who has which address, and which names: the shared memory between DHCP, DNS, status and the cause of a dial."""

from collections.abc import Callable, Sequence

from twisted.logger import Logger
from zope.interface import implementer

from icsframework.gateway.told import NamesTold, memory
from icsframework.interfaces import IClock, ILeases, INames, Unwatch
from icsframework.observers import Observers
from icsframework.values import Address, LeaseView, NameRecord


@implementer(ILeases)
class LeaseDirectory:
    """All leases of all LANs, as their allocators published them."""

    def __init__(self, log: Logger) -> None:
        self._leases: dict[Address, LeaseView] = {}  # the subnets of our LANs are disjoint
        self._watchers = Observers(log)

    def publish(self, lease: LeaseView) -> None:
        """See ILeases."""
        self._leases[lease.address] = lease
        self._watchers.tell(lease, True)

    def withdraw(self, address: Address, lan: str) -> None:
        """See ILeases."""
        lease = self._leases.get(address)
        if lease is not None and lease.lan == lan:
            del self._leases[address]
            self._watchers.tell(lease, False)

    def find(self, address: Address) -> LeaseView | None:
        """See ILeases."""
        return self._leases.get(address)

    def all(self) -> Sequence[LeaseView]:
        """See ILeases."""
        return sorted(self._leases.values(), key=lambda lease: (lease.lan, int(lease.address)))

    def watch(self, observer: Callable[[LeaseView, bool], None]) -> Unwatch:
        """See ILeases."""
        for lease in self.all():
            self._watchers.tell_one(observer, lease, True)
        return self._watchers.add(observer)


@implementer(INames)
class NameDirectory:
    """Local names by owner, and what clients were last told."""

    def __init__(self, clock: IClock, log: Logger) -> None:
        self._clock = clock
        self._names: dict[tuple[str, str], NameRecord] = {}
        self._watchers = Observers(log)
        self._told = NamesTold()
        self._listeners = Observers(log)

    def publish(self, owner: str, host: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        key = (owner, host.lower())
        record = NameRecord(owner, host.lower(), tuple(addresses), ttl)
        if self._names.get(key) == record or (key not in self._names and not addresses):
            return
        if addresses:
            self._names[key] = record
        else:
            del self._names[key]
        self._watchers.tell(record)

    def withdraw(self, owner: str) -> None:
        """See INames."""
        for key in [key for key in self._names if key[0] == owner]:
            self.publish(*key, (), 0)

    def watch(self, observer: Callable[[NameRecord], None]) -> Unwatch:
        """See INames.  A record without addresses says that the name is gone."""
        for record in tuple(self._names.values()):
            self._watchers.tell_one(observer, record)
        return self._watchers.add(observer)

    def resolved(self, client: Address, qname: str, addresses: Sequence[Address], ttl: int) -> None:
        """See INames."""
        self._told.told(client, qname, addresses, ttl, self._clock.now())
        for address in addresses:
            self._listeners.tell(client, qname, address, memory(ttl))

    def listen(self, observer: Callable[[Address, str, Address, float], None]) -> Unwatch:
        """Call ``observer`` with what clients were told, as far as it is remembered, and with what they are told from now on:
        client, name, address, and for how many more seconds it is remembered.
        """
        for known in tuple(self._told.known(self._clock.now())):
            self._listeners.tell_one(observer, *known)
        return self._listeners.add(observer)

    def lookup(self, client: Address, address: Address) -> str:
        """See INames."""
        return self._told.lookup(client, address, self._clock.now())
