"""Offers that stand: addresses held for a minute for clients that have not taken them yet.

Nothing of this is persisted: after a restart a REQUEST for an address that is
still free is granted all the same.  A client may hold one offer; one hardware
address, under whatever client identifiers, only a few, so that a client that
floods us with random identifiers takes its own offers away and nobody else's.
"""

from collections import OrderedDict
from dataclasses import dataclass

from icsframework.protocols.dhcp.message import Message

OFFER_TIME = 60.0
"""Seconds an offer stands.  Clients decide within some seconds; retransmission may take them to a minute."""
MAX_OFFERS = 4096
"""Offers that stand at once, in one LAN; beyond, the oldest goes.  Bounds memory under a flood."""
MAX_OFFERS_PER_CHADDR = 4
"""One hardware address may be a few clients (a loader and a system, a bridge); it is not hundreds."""
STEALABLE_AFTER = 10.0
"""Seconds after which an offer may go to another if no address is left: its client has had time for two tries."""


@dataclass(slots=True)
class Offer:
    """``waiting`` is the DISCOVER to answer when the probe of the address is done; None once it is.

    ``tries`` counts addresses that turned out to be in use.
    """

    address: int
    client: bytes
    chaddr: bytes
    made: float
    waiting: Message | None = None
    tries: int = 0


class Offers:
    """All standing offers of one LAN, oldest first."""

    def __init__(self) -> None:
        self._by_client: OrderedDict[bytes, Offer] = OrderedDict()
        self._by_address: dict[int, Offer] = {}
        self._by_chaddr: dict[bytes, OrderedDict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._by_client)

    def of(self, client: bytes) -> Offer | None:
        """The offer made to this client."""
        return self._by_client.get(client)

    def at(self, address: int) -> Offer | None:
        """The offer of this address."""
        return self._by_address.get(address)

    @property
    def addresses(self) -> list[int]:
        """All that are offered."""
        return list(self._by_address)

    def add(self, offer: Offer) -> list[Offer]:
        """Let an offer stand; returns those that had to go: of this client, of this address, and what exceeds the limits."""
        gone = [former] if (former := self.drop(offer.client)) else []
        if (other := self._by_address.get(offer.address)) is not None:
            self.drop(other.client)
            gone.append(other)
        mine = self._by_chaddr.setdefault(offer.chaddr, OrderedDict())
        if len(mine) >= MAX_OFFERS_PER_CHADDR:
            gone.append(self._by_client[next(iter(mine))])
            self.drop(gone[-1].client)
        elif len(self._by_client) >= MAX_OFFERS:
            gone.append(self._by_client[next(iter(self._by_client))])
            self.drop(gone[-1].client)
        self._by_client[offer.client] = self._by_address[offer.address] = offer
        self._by_chaddr.setdefault(offer.chaddr, mine)[offer.client] = None
        return gone

    def drop(self, client: bytes) -> Offer | None:
        """Take an offer back; returns it."""
        offer = self._by_client.pop(client, None)
        if offer is not None:
            del self._by_address[offer.address]
            mine = self._by_chaddr[offer.chaddr]
            del mine[client]
            if not mine:
                del self._by_chaddr[offer.chaddr]
        return offer

    def expired(self, now: float) -> list[Offer]:
        """Take back what has stood for OFFER_TIME."""
        over: list[Offer] = []
        while (offer := self._oldest()) is not None and offer.made + OFFER_TIME <= now:
            self.drop(offer.client)
            over.append(offer)
        return over

    def steal(self, now: float) -> Offer | None:
        """Take back the oldest offer if it has stood long enough to be given to another."""
        offer = self._oldest()
        if offer is None or offer.made + STEALABLE_AFTER > now:
            return None
        return self.drop(offer.client)

    def _oldest(self) -> Offer | None:
        return next(iter(self._by_client.values()), None)

    @property
    def deadline(self) -> float | None:
        """When ``expired`` should be called next."""
        oldest = self._oldest()
        return None if oldest is None else oldest.made + OFFER_TIME
