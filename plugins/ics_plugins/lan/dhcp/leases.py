"""Leases: the value, the table by client and by address, and what stands in the journal.

A lease stays in the table after it has expired: the address is its client's
*previous* one until somebody else needs it (RFC 2131 section 4.3.1), so the
table never holds more than the pool and the reservations have addresses.

Time.  In memory ``expires`` counts IClock.now (CLOCK_BOOTTIME), which neither
jumps nor stands still.  The journal has that end too, with the name of the boot in
which it means anything, the wall-clock time of the end, and the length of the
lease; ``revive`` turns them back:

* the same boot: the time left by that clock, whatever became of the wall clock;
* another boot, and the wall clock was trusted when the record was written and is
  now: the time left by it, but never more than the whole lease (it was set back
  meanwhile);
* else (no battery, no NTP yet, then or now): the whole lease from now on.  No
  client can hold it longer than that, so nothing is given twice and nothing
  expires early; an address may only stay reserved longer than needed.

A wall clock that is wrong towards the future lets leases look expired early.
They then still are their clients' previous addresses, go to others last, and
only after a probe.
"""

import heapq
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Any, NamedTuple

JOURNAL = "leases"
JOURNAL_VERSION = 1
SLACK = 64
"""Entries of the expiry queue that may be out of date before it is built anew."""


class Lease(NamedTuple):
    """An address bound to a client.

    ``client`` is the client identifier, or hardware type and address if none
    was sent (RFC 2131 section 4.2).  ``expires`` is in seconds of IClock.now;
    ``duration`` in seconds is what the client was promised.
    """

    address: int
    client: bytes
    chaddr: bytes
    hostname: str
    expires: float
    duration: int


class LeaseTable:
    """All leases of one LAN, live and expired, by client and by address; one each."""

    def __init__(self) -> None:
        self._by_client: dict[bytes, Lease] = {}
        self._by_address: dict[int, Lease] = {}
        self._live: dict[bytes, int] = {}  # chaddr -> live leases
        self._lapsed: set[int] = set()  # addresses whose lease has been seen to be over
        self._heap: list[tuple[float, int]] = []
        self._queued: dict[int, float] = {}  # address -> when the heap looks at it

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Lease]:
        return iter(list(self._by_address.values()))

    @property
    def live(self) -> int:
        """How many have not expired."""
        return len(self._by_address) - len(self._lapsed)

    def of(self, client: bytes) -> Lease | None:
        """The client's lease, live or expired."""
        return self._by_client.get(client)

    def at(self, address: int) -> Lease | None:
        """The lease of this address, live or expired."""
        return self._by_address.get(address)

    def is_live(self, address: int) -> bool:
        """True if a lease that has not expired holds the address."""
        return address in self._by_address and address not in self._lapsed

    def live_of(self, chaddr: bytes) -> int:
        """How many live leases this hardware address has under different client identifiers."""
        return self._live.get(chaddr, 0)

    def put(self, lease: Lease) -> Lease | None:
        """Bind.  Returns the lease of the same client that gave way, if it had another address."""
        moved = self._by_client.get(lease.client)
        if moved is not None:
            self.remove(moved.address)
        self.remove(lease.address)
        self._by_client[lease.client] = self._by_address[lease.address] = lease
        self._live[lease.chaddr] = self._live.get(lease.chaddr, 0) + 1
        if self._queued.get(lease.address, lease.expires + 1) > lease.expires:
            self._queue(lease)
        return moved if moved is not None and moved.address != lease.address else None

    def remove(self, address: int) -> Lease | None:
        """Forget the lease of this address; returns it."""
        lease = self._by_address.pop(address, None)
        if lease is not None:
            del self._by_client[lease.client]
            if address in self._lapsed:
                self._lapsed.discard(address)
            else:
                self._end_live(lease)
        return lease

    def lapse(self, address: int, now: float) -> Lease | None:
        """End a live lease now; it stays the client's previous address.  Returns it as it stands then."""
        lease = self._by_address.get(address)
        if lease is None or address in self._lapsed:
            return None
        if lease.expires > now:
            lease = lease._replace(expires=now)
            self._by_client[lease.client] = self._by_address[address] = lease
        self._lapsed.add(address)
        self._end_live(lease)
        return lease

    def _end_live(self, lease: Lease) -> None:
        left = self._live[lease.chaddr] - 1
        if left:
            self._live[lease.chaddr] = left
        else:
            del self._live[lease.chaddr]

    # A renewal does not touch the heap: its entry comes up at the old time and
    # is put back with the new one.  So there is about one entry a lease,
    # however often a client renews.

    def _queue(self, lease: Lease) -> None:
        self._queued[lease.address] = lease.expires
        heapq.heappush(self._heap, (lease.expires, lease.address))
        if len(self._heap) > 2 * len(self._queued) + SLACK:  # a client that asks for ever shorter leases
            self._heap = [(when, address) for address, when in self._queued.items()]
            heapq.heapify(self._heap)

    def expired(self, now: float) -> list[Lease]:
        """Lapse whatever has come to its end, in order."""
        over: list[Lease] = []
        while self._heap and self._heap[0][0] <= now:
            when, address = heapq.heappop(self._heap)
            if self._queued.get(address) != when:
                continue  # an entry that a shorter lease has replaced
            del self._queued[address]
            lease = self._by_address.get(address)
            if lease is None or address in self._lapsed:
                continue
            if lease.expires > now:
                self._queue(lease)
            else:
                self.lapse(address, now)
                over.append(lease)
        return over

    @property
    def deadline(self) -> float | None:
        """When ``expired`` should be called next."""
        return self._heap[0][0] if self._heap else None


def dotted(address: int) -> str:
    """The text of an address; for what is written once a lease, several times faster than by way of ipaddress."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


# --- journal records --------------------------------------------------------------


class Moment(NamedTuple):
    """What the clocks show: IClock's ``now``, ``wall``, ``wall_trusted`` and ``boot``."""

    now: float
    wall: float
    trusted: bool
    boot: str


def record_of(lan: str, lease: Lease, at: Moment) -> dict[str, Any]:
    """The journal record that binds ``lease``: its end by the wall clock, and by the clock of this boot."""
    record = {
        "lan": lan,
        "address": dotted(lease.address),
        "client": lease.client.hex(),
        "mac": lease.chaddr.hex(":"),
        "hostname": lease.hostname,
        "expires": round(at.wall + lease.expires - at.now, 3),
        "duration": lease.duration,
        "until": round(lease.expires, 3),
        "boot": at.boot,
    }
    return record if at.trusted else record | {"trusted": False}


def removal_of(lan: str, address: int) -> dict[str, Any]:
    """The journal record that forgets the lease of ``address``."""
    return {"lan": lan, "address": dotted(address), "removed": True}


def revive(record: dict[str, Any], at: Moment) -> Lease:
    """The lease of a journal record; see the module's docstring on time.  Raises ValueError or KeyError if it is none."""
    duration = int(record["duration"])
    return Lease(
        int(IPv4Address(record["address"])),
        bytes.fromhex(record["client"]),
        bytes.fromhex(record["mac"].replace(":", "")),
        str(record["hostname"]),
        at.now + min(_time_left(record, at), duration),
        duration,
    )


def _time_left(record: dict[str, Any], at: Moment) -> float:
    if record.get("boot") == at.boot:
        return float(record["until"]) - at.now
    if at.trusted and record.get("trusted", True):
        return float(record["expires"]) - at.wall
    return float(record["duration"])


def replay(records: Sequence[dict[str, Any]], lan: str, at: Moment) -> tuple[LeaseTable, int]:
    """The table of one LAN from its journal, and how many records could not be understood."""
    table, odd = LeaseTable(), 0
    for record in records:
        if record.get("lan") != lan:
            continue
        try:
            if record.get("removed"):
                table.remove(int(IPv4Address(record["address"])))
            else:
                table.put(revive(record, at))
        except (KeyError, ValueError, TypeError, AttributeError):
            odd += 1
    table.expired(at.now)
    return table, odd
