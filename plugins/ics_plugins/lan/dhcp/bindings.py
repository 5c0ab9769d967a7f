"""Who has, had or may have which address: leases, offers, quarantine and pool kept in step.

The four are one thing seen from four sides; whatever changes one of them is
here, so that no address can be free in one view and taken in another.
"""

from collections import OrderedDict

from ics_plugins.lan.dhcp.leases import Lease, LeaseTable
from ics_plugins.lan.dhcp.offers import Offer, Offers
from ics_plugins.lan.dhcp.pool import Pool
from ics_plugins.lan.dhcp.settings import Settings

QUARANTINE = 600.0
"""Seconds that an address which somebody else uses is left alone."""
PROBE_HOLDS = 600.0
"""Seconds that a probe without an answer stays valid for its address."""
MAX_LEASES_PER_CHADDR = 16
"""Live leases under one hardware address: enough for machines behind a wireless bridge, too few to empty a pool."""


class Bindings:
    """See the module's docstring.  Addresses are integers, clients the keys of RFC 2131 section 4.2."""

    def __init__(self, settings: Settings, table: LeaseTable) -> None:
        self.table = table
        self.quarantine: OrderedDict[int, float] = OrderedDict()  # address -> until
        self._checked: OrderedDict[int, float] = OrderedDict()  # address -> a probe is valid until
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Go on with these settings: the pool is made anew from what is held.

        Offers go, as they do with a restart: a REQUEST for one is granted if the address still is in the pool.
        """
        self._settings = settings
        self.offers = Offers()
        self._pool = Pool(settings.first, settings.last, settings.excluded)
        self._settle(*(lease.address for lease in self.table), *self.quarantine)

    def forget_neighbours(self) -> None:
        """The network is another one: quarantine and probes mean nothing in it."""
        self.quarantine.clear()
        self._checked.clear()

    # --- questions

    def is_ours(self, address: int) -> bool:
        """Is this an address that we give out, or have given to somebody?"""
        return address in self._pool or self.table.at(address) is not None

    def holds(self, client: bytes, address: int) -> bool:
        """Does this client have a live lease of this address?"""
        lease = self.table.at(address)
        return lease is not None and lease.client == client and self.table.is_live(address)

    def is_offered(self, client: bytes, address: int) -> bool:
        """Does an offer of this address to this client stand?"""
        offer = self.offers.of(client)
        return offer is not None and offer.address == address

    def has_too_many(self, client: bytes, chaddr: bytes) -> bool:
        """Would a lease for this client be one too many for its hardware address?"""
        lease = self.table.of(client)
        if lease is not None and self.table.is_live(lease.address):
            return False
        return self.table.live_of(chaddr) >= MAX_LEASES_PER_CHADDR

    def needs_probe(self, address: int, client: bytes, now: float) -> bool:
        """Is the address new to the client, and has nobody been asked about it lately?"""
        lease = self.table.at(address)
        if lease is not None and lease.client == client:
            return False
        return self._checked.get(address, now) <= now

    def may_have(self, address: int, client: bytes, chaddr: bytes) -> bool:
        """May this client be bound to this address?"""
        reserved = self._reserved(client, chaddr)
        if reserved is not None:
            return address == reserved
        offer = self.offers.at(address)
        if address in self.quarantine or (offer is not None and offer.client != client):
            return False
        lease = self.table.at(address)
        if offer is not None or (lease is not None and lease.client == client):
            return address in self._pool
        return self._pool.is_free(address)

    def choose(self, client: bytes, chaddr: bytes, asked: int, now: float) -> int | None:
        """Reserved, previous, offered, asked for, free, oldest expired (RFC 2131 section 4.3.1); None if all are taken."""
        reserved = self._reserved(client, chaddr)
        if reserved is not None:
            return reserved
        previous = self.table.of(client)
        if previous is not None and self.may_have(previous.address, client, chaddr):
            return previous.address
        standing = self.offers.of(client)
        if standing is not None and standing.address in self._pool:
            return standing.address
        if self._pool.is_free(asked):
            return asked
        address = self._pool.next()
        if address is None and (stolen := self.offers.steal(now)) is not None:
            self._settle(stolen.address)
            address = self._pool.next()
        return address

    def _reserved(self, client: bytes, chaddr: bytes) -> int | None:
        """The address reserved for the client, if it can have it now.

        What is reserved for a hardware address is for all clients on it: a
        machine whose boot loader and system identify themselves differently
        takes its own address over.
        """
        reserved = self._settings.reserved_for(client, chaddr)
        if reserved is None or reserved.address in self.quarantine:
            return None
        lease = self.table.at(reserved.address)
        if lease is None or lease.client == client or not self.table.is_live(reserved.address):
            return reserved.address
        return reserved.address if self._settings.by_mac.get(lease.chaddr) is reserved else None

    # --- changes: each ends with _settle for every address it touched

    def offer(self, offer: Offer) -> None:
        """Let an offer stand; those that must give way do."""
        gone = self.offers.add(offer)
        self._settle(offer.address, *(old.address for old in gone))

    def withdraw_offer(self, client: bytes) -> None:
        """Take the client's offer back, if there is one."""
        offer = self.offers.drop(client)
        if offer is not None:
            self._settle(offer.address)

    def bind(self, lease: Lease) -> Lease | None:
        """Bind; returns the client's live lease of another address that ends by it."""
        old = self.table.of(lease.client)
        was_live = old is not None and self.table.is_live(old.address)
        moved = self.table.put(lease)
        self.withdraw_offer(lease.client)
        if (other := self.offers.at(lease.address)) is not None:
            self.offers.drop(other.client)
        self._settle(lease.address)
        if moved is None:
            return None
        self._settle(moved.address)
        return moved if was_live else None

    def end(self, address: int, now: float) -> Lease | None:
        """End a live lease; the address stays the previous one of its client."""
        lease = self.table.lapse(address, now)
        self._settle(address)
        return lease

    def isolate(self, address: int, now: float) -> Lease | None:
        """Somebody else uses the address: quarantine it; returns the live lease that ends by it.

        Never more than half of the pool: whoever declines everything gets the oldest again.
        """
        live = self.table.is_live(address)
        lease = self.table.remove(address)
        offer = self.offers.at(address)
        if offer is not None:
            self.offers.drop(offer.client)
        self._checked.pop(address, None)
        self.quarantine.pop(address, None)
        self.quarantine[address] = now + QUARANTINE
        self._settle(address)
        if len(self.quarantine) > max(1, (self._settings.last - self._settings.first + 1) // 2):
            self._settle(self.quarantine.popitem(last=False)[0])
        return lease if live else None

    def checked(self, address: int, now: float) -> None:
        """A probe of the address was not answered."""
        self._checked.pop(address, None)
        self._checked[address] = now + PROBE_HOLDS

    def expire(self, now: float) -> list[Lease]:
        """Let everything end that has come to its end; returns the leases among it."""
        leases = self.table.expired(now)
        self._settle(
            *(offer.address for offer in self.offers.expired(now)), *(lease.address for lease in leases)
        )
        while self.quarantine and next(iter(self.quarantine.values())) <= now:
            self._settle(self.quarantine.popitem(last=False)[0])
        while self._checked and next(iter(self._checked.values())) <= now:
            self._checked.popitem(last=False)
        return leases

    def _settle(self, *addresses: int) -> None:
        """Tell the pool what these addresses are by now."""
        for address in addresses:
            held = self.table.is_live(address) or self.offers.at(address) is not None
            if held or address in self.quarantine:
                self._pool.take(address)
            elif self.table.at(address) is not None:
                self._pool.retire(address)
            else:
                self._pool.give_back(address)

    @property
    def deadline(self) -> float | None:
        """When ``expire`` should be called next."""
        ends = [end for end in (self.offers.deadline, self.table.deadline) if end is not None]
        ends.extend(next(iter(queue.values())) for queue in (self.quarantine, self._checked) if queue)
        return min(ends, default=None)
