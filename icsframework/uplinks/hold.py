"""The queue of packets that wait for a link.  Pure.

It is small on purpose: what woke the link and what else began meanwhile is delivered, a flood is not.  A retransmission
of what waits already is dropped.  If not all can wait, the first packets of flows come before further ones, and clients
share: nobody loses a place to a client that has as many.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.uplinks.packets import Flow, Packet
from icsframework.values import Address

__all__ = [
    "MOST_OCTETS",
    "MOST_OF_A_CLIENT",
    "MOST_PACKETS",
    "Bounds",
    "Dropped",
    "Held",
    "Hold",
    "Why",
]

MOST_PACKETS = 256
"""Packets that wait at once: what a few dozen hosts begin in the time of one call."""
MOST_OF_A_CLIENT = 64
"""Packets of one client: more than a browser begins at once, and a quarter of all, so that a flood leaves room for others."""
MOST_OCTETS = 256 * 1024
"""Octets that wait at once: memory that a small router does not miss, and 40 seconds of a modem's line."""

Why = Literal["duplicate", "client", "full"]
"""It waits already; its client has no place left; there is no place left for this client."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait: packets, packets of one client, octets."""

    packets: int = MOST_PACKETS
    of_a_client: int = MOST_OF_A_CLIENT
    octets: int = MOST_OCTETS


@dataclass(frozen=True, slots=True)
class Held:
    """The packet waits; ``displaced`` gave way to it and is gone."""

    displaced: Packet | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """The packet does not wait."""

    why: Why


class _Share:
    """What one client has waiting, oldest first, in all and of each flow."""

    __slots__ = ("flows", "packets")

    def __init__(self) -> None:
        self.packets: dict[Hashable, Packet] = {}
        self.flows: dict[Flow, dict[Hashable, None]] = {}

    def __len__(self) -> int:
        return len(self.packets)

    def add(self, packet: Packet) -> None:
        self.packets[packet.fingerprint] = packet
        self.flows.setdefault(packet.flow, {})[packet.fingerprint] = None

    def remove(self, packet: Packet) -> None:
        del self.packets[packet.fingerprint]
        flow = self.flows[packet.flow]
        del flow[packet.fingerprint]
        if not flow:
            del self.flows[packet.flow]

    @property
    def has_further(self) -> bool:
        """True if a flow has more than one."""
        return len(self.packets) > len(self.flows)

    def last(self, further: bool) -> Packet:
        """The one that came last; with ``further`` (and only if there are) of those that are not their flow's first."""
        return next(
            packet
            for mark, packet in reversed(self.packets.items())
            if not further or next(iter(self.flows[packet.flow])) != mark
        )


class Hold:
    """Packets in the order they came.  ``seconds`` is how long each may wait, and may be changed at any time."""

    def __init__(self, seconds: float, bounds: Bounds | None = None) -> None:
        self.seconds = seconds
        self.bounds = bounds or Bounds()
        self.octets = 0
        self.dropped: Counter[str] = Counter()
        """Packets that had to go, by reason: those of ``Why``, ``displaced``, ``expired``."""
        self._waiting: dict[Hashable, tuple[Packet, float]] = {}  # oldest first
        self._clients: dict[Address, _Share] = {}
        self._passed: dict[Hashable, None] = {}

    # --- what waits

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def clients(self) -> int:
        """How many clients have packets here."""
        return len(self._clients)

    def packets(self) -> tuple[Packet, ...]:
        """All of them, in the order they came."""
        return tuple(packet for packet, _ in self._waiting.values())

    def since(self) -> float | None:
        """When the oldest came; None if nothing waits."""
        return next((since for _, since in self._waiting.values()), None)

    def deadline(self) -> float | None:
        """When the oldest will have waited long enough; None if nothing waits."""
        since = self.since()
        return None if since is None else since + self.seconds

    # --- coming

    def offer(self, packet: Packet, now: float) -> Held | Dropped:
        """A packet has come.  At most one gives way to it, and none if it gets no place all the same."""
        if packet.fingerprint in self._waiting:
            return self._drop("duplicate")
        share = self._clients.get(packet.flow.source)
        mine = len(share) if share is not None else 0
        victim: Packet | None = None
        if mine >= self.bounds.of_a_client or not self._fits(packet, None):
            if share is None or packet.flow not in share.flows:
                victim = self._gives_way(share, mine)
            if victim is None or not self._fits(packet, victim):
                return self._drop("client" if mine >= self.bounds.of_a_client else "full")
            self._remove(victim)
            self.dropped["displaced"] += 1
        self._waiting[packet.fingerprint] = (packet, now)
        self._clients.setdefault(packet.flow.source, _Share()).add(packet)
        self.octets += len(packet.data)
        return Held(victim)

    def _drop(self, why: Why) -> Dropped:
        self.dropped[why] += 1
        return Dropped(why)

    def _fits(self, packet: Packet, without: Packet | None) -> bool:
        freed, one = (0, 0) if without is None else (len(without.data), 1)
        return (
            len(self._waiting) - one < self.bounds.packets
            and self.octets - freed + len(packet.data) <= self.bounds.octets
        )

    def _gives_way(self, share: _Share | None, mine: int) -> Packet | None:
        """Who gives way to a new flow of a client that has ``mine``.

        A further packet of its own; or of the richest client that has more; or, of a client that will still have as
        many, the last packet of all.
        """
        if share is not None and share.has_further:
            return share.last(further=True)
        if mine >= self.bounds.of_a_client:
            return None
        richer = [other for other in self._clients.values() if len(other) > mine and other.has_further]
        if richer:
            return max(richer, key=len).last(further=True)
        richest = max(self._clients.values(), key=len, default=None)
        return richest.last(further=False) if richest is not None and len(richest) > mine + 1 else None

    # --- going

    def _remove(self, packet: Packet) -> None:
        del self._waiting[packet.fingerprint]
        self.octets -= len(packet.data)
        share = self._clients[packet.flow.source]
        share.remove(packet)
        if not share:
            del self._clients[packet.flow.source]

    def expired(self, now: float) -> tuple[Packet, ...]:
        """Those that have waited long enough; they are gone."""
        found = []
        for packet, since in self._waiting.values():
            if since + self.seconds > now:
                break
            found.append(packet)
        for packet in found:
            self._remove(packet)
        self.dropped["expired"] += len(found)
        return tuple(found)

    def refuse(self, which: Callable[[Packet], bool] = lambda packet: True) -> tuple[Packet, ...]:
        """Those that shall not wait any longer, all of them by default; they are gone."""
        found = tuple(packet for packet, _ in self._waiting.values() if which(packet))
        for packet in found:
            self._remove(packet)
        return found

    def release(self) -> tuple[Packet, ...]:
        """All of them, in the order they came: the link is up.  They are gone from here, and not let ``pass`` again."""
        found = self.refuse()
        self._passed = {packet.fingerprint: None for packet in found}
        return found

    def passes(self, packet: Packet) -> bool:
        """A packet came while the link is up: shall it go on?  Not if it went already; that is counted as a duplicate."""
        if packet.fingerprint in self._passed:
            self.dropped["duplicate"] += 1
            return False
        if len(self._passed) >= self.bounds.packets:
            del self._passed[next(iter(self._passed))]
        self._passed[packet.fingerprint] = None
        return True

    def begin(self) -> None:
        """No link is up any more: what went by the last one may come again."""
        self._passed.clear()
