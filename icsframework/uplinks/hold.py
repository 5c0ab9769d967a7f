"""The queue of packets that wait for a link.  Pure.

It is small on purpose: what woke the link and what else began meanwhile is delivered, a flood is not.  A retransmission
of what waits already is dropped.  If not all can wait, the first packets of flows come before further ones, and clients
share: nobody loses a place to a client that has as many.  Fragments wait with the first of their datagram, and each
takes a place of its own.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace
from itertools import takewhile
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.uplinks.packets import Flow, Fragment, Packet
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

Why = Literal["duplicate", "client", "full", "fragment"]
"""It waits already; its client has no place left; there is no place left for this client; the first fragment does not wait."""


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


class _Waiting:
    """A packet, when it came, and the other fragments of its datagram."""

    __slots__ = ("packet", "rest", "since")

    def __init__(self, packet: Packet, since: float) -> None:
        self.packet = packet
        self.since = since
        self.rest: list[bytes] = []

    @property
    def places(self) -> int:
        return 1 + len(self.rest)

    @property
    def octets(self) -> int:
        return len(self.packet.data) + sum(map(len, self.rest))

    def whole(self) -> Packet:
        """With its fragments."""
        return replace(self.packet, rest=tuple(self.rest)) if self.rest else self.packet


class _Share:
    """What one client has waiting, oldest first, in all and of each flow."""

    __slots__ = ("flows", "places", "waiting")

    def __init__(self) -> None:
        self.places = 0
        self.waiting: dict[Hashable, _Waiting] = {}
        self.flows: dict[Flow, dict[Hashable, None]] = {}

    def add(self, one: _Waiting) -> None:
        packet = one.packet
        self.waiting[packet.fingerprint] = one
        self.flows.setdefault(packet.flow, {})[packet.fingerprint] = None
        self.places += one.places

    def remove(self, one: _Waiting) -> None:
        packet = one.packet
        del self.waiting[packet.fingerprint]
        flow = self.flows[packet.flow]
        del flow[packet.fingerprint]
        if not flow:
            del self.flows[packet.flow]
        self.places -= one.places

    @property
    def has_further(self) -> bool:
        """True if a flow has more than one packet."""
        return len(self.waiting) > len(self.flows)

    def last(self, further: bool) -> _Waiting:
        """The one that came last; with ``further`` (and only if there are) of those that are not their flow's first."""
        return next(
            one
            for mark, one in reversed(self.waiting.items())
            if not further or next(iter(self.flows[one.packet.flow])) != mark
        )


class Hold:
    """Packets in the order they came.  ``seconds`` is how long each may wait, and may be changed at any time."""

    def __init__(self, seconds: float, bounds: Bounds | None = None) -> None:
        self.seconds = seconds
        self.bounds = bounds or Bounds()
        self.octets = 0
        self.places = 0
        """Packets that wait, and fragments."""
        self.dropped: Counter[str] = Counter()
        """Packets that had to go, by reason: those of ``Why``, ``displaced``, ``expired``."""
        self._waiting: dict[Hashable, _Waiting] = {}  # oldest first
        self._clients: dict[Address, _Share] = {}
        self._datagrams: dict[bytes, _Waiting] = {}
        """Those of which there are more fragments."""
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
        return tuple(one.whole() for one in self._waiting.values())

    def since(self) -> float | None:
        """When the oldest came; None if nothing waits."""
        return next((one.since for one in self._waiting.values()), None)

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
        mine = share.places if share is not None else 0
        victim: _Waiting | None = None
        if mine >= self.bounds.of_a_client or not self._fits(packet.data):
            if share is None or packet.flow not in share.flows:
                victim = self._gives_way(share, mine)
            if victim is None or not self._fits(packet.data, victim):
                return self._drop("client" if mine >= self.bounds.of_a_client else "full")
            self._remove(victim)
            self.dropped["displaced"] += victim.places
        self._add(_Waiting(packet, now))
        return Held(victim.whole() if victim is not None else None)

    def join(self, fragment: Fragment) -> Held | Dropped:
        """A fragment has come: it waits with the first one of its datagram, if that waits and there is a place for it."""
        one = self._datagrams.get(fragment.datagram)
        if one is None:
            return self._drop("fragment")
        if fragment.data in one.rest:
            return self._drop("duplicate")
        share = self._clients[one.packet.flow.source]
        if share.places >= self.bounds.of_a_client:
            return self._drop("client")
        if not self._fits(fragment.data):
            return self._drop("full")
        one.rest.append(fragment.data)
        share.places += 1
        self.places += 1
        self.octets += len(fragment.data)
        return Held()

    def _drop(self, why: Why) -> Dropped:
        self.dropped[why] += 1
        return Dropped(why)

    def _fits(self, data: bytes, without: _Waiting | None = None) -> bool:
        octets, places = (0, 0) if without is None else (without.octets, without.places)
        return (
            self.places - places < self.bounds.packets
            and self.octets - octets + len(data) <= self.bounds.octets
        )

    def _gives_way(self, share: _Share | None, mine: int) -> _Waiting | None:
        """Who gives way to a new flow of a client that has ``mine``.

        A further packet of its own; or of the richest client that has more; or the last packet of a client that will
        still have as many.
        """
        if share is not None and share.has_further:
            return share.last(further=True)
        if mine >= self.bounds.of_a_client:
            return None
        richer = [other for other in self._clients.values() if other.places > mine and other.has_further]
        if richer:
            return max(richer, key=_places).last(further=True)
        richest = max(self._clients.values(), key=_places, default=None)
        if richest is None or richest.places <= mine + 1:
            return None
        return richest.last(further=False)

    # --- going

    def _add(self, one: _Waiting) -> None:
        packet = one.packet
        self._waiting[packet.fingerprint] = one
        self._clients.setdefault(packet.flow.source, _Share()).add(one)
        self.octets += one.octets
        self.places += one.places
        if packet.datagram:
            self._datagrams[packet.datagram] = one

    def _remove(self, one: _Waiting) -> None:
        packet = one.packet
        del self._waiting[packet.fingerprint]
        self.octets -= one.octets
        self.places -= one.places
        share = self._clients[packet.flow.source]
        share.remove(one)
        if not share.waiting:
            del self._clients[packet.flow.source]
        if self._datagrams.get(packet.datagram) is one:
            del self._datagrams[packet.datagram]

    def expired(self, now: float) -> tuple[Packet, ...]:
        """Those that have waited long enough; they are gone."""
        found = list(takewhile(lambda one: one.since + self.seconds <= now, self._waiting.values()))
        for one in found:
            self._remove(one)
            self.dropped["expired"] += one.places
        return tuple(one.whole() for one in found)

    def refuse(self, which: Callable[[Packet], bool] = lambda packet: True) -> tuple[Packet, ...]:
        """Those that shall not wait any longer, all of them by default; they are gone."""
        found = [one for one in self._waiting.values() if which(one.packet)]
        for one in found:
            self._remove(one)
        return tuple(one.whole() for one in found)

    def release(self) -> tuple[Packet, ...]:
        """All of them, in the order they came: the link is up.  They are gone, and do not pass again."""
        found = self.refuse()
        self._passed = {packet.fingerprint: None for packet in found}
        return found

    def passes(self, packet: Packet) -> bool:
        """A packet came while a link is up: shall it go on?  Not if it went already; that is counted as a duplicate."""
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


def _places(share: _Share) -> int:
    return share.places
