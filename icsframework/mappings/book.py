"""The port book: who owns which external port of which uplink.  Pure; it counts time as it is told.

There is one book for each (uplink, protocol).  It lists every owner of an external
port: the services of the configuration (``publish:``), what ``ics mappings add``
added, and what NAT helpers opened.  A port has one owner at a time, so that a flow
from outside can only mean one thing.

What is over its time is no longer anybody's, but its port is given to somebody else
only GRACE seconds later: a packet to the old owner may be on its way, and the
kernel counts its time from a moment later than we do.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from icsframework.errors import MappingError
from icsframework.mappings.held import ADDED, Held, Limits, Line, Offer, Opened, Wish
from icsframework.mappings.ports import LAST, choose
from icsframework.values import Address, Endpoint, Protocol

__all__ = ["GRACE", "Book"]

GRACE = 1.0
"""Seconds that a port stays unused after its time: several times what the kernel's clock of elements lags behind."""

SLACK = 64
"""Entries of the expiry queue that may be out of date before it is built anew."""


_Inside = tuple[str, Protocol, Endpoint]
"""Uplink, protocol and the inside end of the first port."""


class Book:
    """All books together.  ``randrange(n)`` returns a number from 0 to n - 1."""

    def __init__(self, randrange: Callable[[int], int], limits: Limits | None = None) -> None:
        self._randrange = randrange
        self._limits = limits or Limits()
        self._ports: dict[Line, dict[int, Held]] = {}
        self._offers: Mapping[Line, Sequence[Offer]] = {}
        self._inside: dict[_Inside, dict[Held, None]] = {}
        self._owners: dict[str, dict[Held, None]] = {}
        self._count_of: Counter[str | Address | None] = Counter()
        """Ports by owner, by inside host, and (None) all."""
        self._queue: list[tuple[float, int, Held]] = []
        self._entries = 0

    # --- what is in it

    def __iter__(self) -> Iterator[Held]:
        """All, each once, by uplink, protocol and port."""
        for line in sorted(self._ports):
            ports = self._ports[line]
            yield from (ports[port] for port in sorted(ports) if ports[port].port == port)

    def __contains__(self, held: Held) -> bool:
        """Whether it is still in the book as it is."""
        return self._ports.get((held.uplink, held.protocol), {}).get(held.port) == held

    def find(self, uplink: str, protocol: Protocol, port: int) -> Held | None:
        """Who holds this port; None for nobody, or a published service."""
        return self._ports.get((uplink, protocol), {}).get(port)

    def offer(self, uplink: str, protocol: Protocol, first: int, last: int) -> Offer | None:
        """The published service that has one of these ports."""
        offers = self._offers.get((uplink, protocol), ())
        return next((one for one in offers if one.first <= last and first <= one.last), None)

    def of_owner(self, owner: str) -> tuple[Held, ...]:
        """All that this owner holds, in the order in which it came."""
        return tuple(self._owners.get(owner, ()))

    def ports_of(self, owner: str) -> int:
        """How many ports this owner holds."""
        return self._count_of[owner]

    # --- changes

    def publish(self, offers: Mapping[Line, Sequence[Offer]]) -> None:
        """From now on the configuration has these.  Who holds one of their ports keeps it in the book; see ``offer``."""
        self._offers = offers

    def open(self, wish: Wish, now: float) -> Opened:
        """Give ports to a wish.  MappingError says in one sentence why that cannot be.

        The same owner with the same inside end, remote and count gets what it has, for the new time.
        """
        self._check(wish)
        known = self._same(wish)
        if known is None:
            self._check_limits(wish)
            port = self._free(wish)
        else:
            port = known.port
            self.release(known)
        held = Held(
            wish.uplink,
            wish.protocol,
            port,
            wish.to,
            wish.remote,
            wish.owner,
            None if wish.lifetime is None else now + wish.lifetime,
            wish.lifetime,
            wish.count,
            wish.once,
        )
        self._put(held)
        return Opened(held, known)

    def put(self, held: Held) -> bool:
        """Take in what an earlier process gave away, whatever the limits; False if one of its ports is somebody's."""
        if self._occupied(held.uplink, held.protocol, held.port, held.last) is not None:
            return False
        self._put(held)
        return True

    def release(self, held: Held) -> bool:
        """Its ports are free at once; False if it is not (or no longer) in the book."""
        if held not in self:
            return False
        ports = self._ports[held.uplink, held.protocol]
        for port in range(held.port, held.last + 1):
            del ports[port]
        self._drop(self._inside, _inside(held), held)
        self._drop(self._owners, held.owner, held)
        for counted in (held.owner, held.to.address, None):
            self._count_of[counted] -= held.count
            if not self._count_of[counted]:
                del self._count_of[counted]
        return True

    def expire(self, now: float) -> tuple[Held, ...]:
        """Those whose time was over GRACE seconds ago: their ports are free now."""
        gone: list[Held] = []
        while self._queue and self._queue[0][0] + GRACE <= now:
            held = heapq.heappop(self._queue)[2]
            if self.release(held):
                gone.append(held)
        return tuple(gone)

    def next_expiry(self) -> float | None:
        """When ``expire`` will have something to do; None: never.  May be too early, never too late."""
        return self._queue[0][0] + GRACE if self._queue else None

    def _put(self, held: Held) -> None:
        ports = self._ports.setdefault((held.uplink, held.protocol), {})
        for port in range(held.port, held.last + 1):
            ports[port] = held
        self._inside.setdefault(_inside(held), {})[held] = None
        self._owners.setdefault(held.owner, {})[held] = None
        for counted in (held.owner, held.to.address, None):
            self._count_of[counted] += held.count
        if held.expires is not None:
            self._wait_for(held, held.expires)

    def _wait_for(self, held: Held, expires: float) -> None:
        self._entries += 1
        heapq.heappush(self._queue, (expires, self._entries, held))
        if len(self._queue) > 2 * self._count_of[None] + SLACK:
            self._queue = [entry for entry in self._queue if entry[2] in self]
            heapq.heapify(self._queue)

    @staticmethod
    def _drop(table: dict[Any, dict[Held, None]], key: object, held: Held) -> None:
        del table[key][held]
        if not table[key]:
            del table[key]

    # --- choosing

    def _check(self, wish: Wish) -> None:
        """What no book can give to anybody."""
        inside, last = wish.to, wish.to.port + wish.count - 1
        if inside.address.version != 4 or (wish.remote is not None and wish.remote.version != 4):
            raise MappingError(f"{inside}: IPv6 is not translated and needs no mapping")
        if not 1 <= wish.count <= self._limits.count:
            raise MappingError(
                f"{wish.count} ports in one piece are asked for; 1 to {self._limits.count} can be had"
            )
        if not (inside.port >= 1 and last <= LAST):
            raise MappingError(
                f"{inside}: ports go from 1 to {LAST}, and {wish.count} from there on are asked for"
            )
        if wish.port is not None and not 1 <= wish.port <= LAST - wish.count + 1:
            raise MappingError(f"{wish.protocol} port {wish.port}: ports go from 1 to {LAST}")

    def _same(self, wish: Wish) -> Held | None:
        """What this owner has already of exactly this."""
        asked = (wish.owner, wish.remote, wish.count, wish.once)
        for held in self._inside.get((wish.uplink, wish.protocol, wish.to), ()):
            same = (held.owner, held.remote, held.count, held.once) == asked and wish.port in (
                None,
                held.port,
            )
            if same and self.offer(held.uplink, held.protocol, held.port, held.last) is None:
                return held
        return None

    def _check_limits(self, wish: Wish) -> None:
        for counted, limit, whose in (
            (None, self._limits.ports, "the whole book"),
            (wish.owner, self._limits.owner, wish.owner),
            (wish.to.address, self._limits.host, str(wish.to.address)),
        ):
            if self._count_of[counted] + wish.count > limit:
                raise MappingError(f"{whose} has {self._count_of[counted]} external ports of at most {limit}")

    def _free(self, wish: Wish) -> int:
        if wish.port is not None:
            self._check_free(wish, wish.port)
            return wish.port
        port = choose(
            wish.prefer or wish.to.port,
            wish.count,
            wish.parity,
            lambda first, last: self._occupied(wish.uplink, wish.protocol, first, last),
            self._randrange,
        )
        if port is None:
            what = f"external {wish.protocol} port is"
            if wish.count > 1:
                what = f"{wish.count} external {wish.protocol} ports in a row are"
            raise MappingError(f"no {what} free on {wish.uplink}")
        return port

    def _check_free(self, wish: Wish, port: int) -> None:
        last = port + wish.count - 1
        offer = self.offer(wish.uplink, wish.protocol, port, last)
        holders = (self.find(wish.uplink, wish.protocol, one) for one in range(port, last + 1))
        held = next((one for one in holders if one is not None), None)
        if offer is not None:
            owner, to, taken = offer.owner, offer.to, max(port, offer.first)
        elif held is not None:
            owner, to, taken = held.owner, held.to, max(port, held.port)
        else:
            return
        whose = "was added already" if owner == ADDED else f"belongs to {owner}"
        raise MappingError(
            f"{wish.protocol} port {taken} on {wish.uplink} {whose} (it leads to {to}); choose another port"
        )

    def _occupied(self, uplink: str, protocol: Protocol, first: int, last: int) -> int | None:
        """See ports.Occupied."""
        offer = self.offer(uplink, protocol, first, last)
        if offer is not None:
            return offer.last
        ports = self._ports.get((uplink, protocol))
        if not ports:
            return None
        return next((port for port in range(last, first - 1, -1) if port in ports), None)


def _inside(held: Held) -> _Inside:
    return held.uplink, held.protocol, held.to
