"""What waits for the line: urgent packets ahead of bulk, bounded in octets and in time.  Pure.

The bound follows the speed of the line, so that nothing waits for longer than it is
worth: what is older than ``PATIENCE`` when its turn comes is dropped, the oldest
first, which TCP understands soonest.  Bulk is never starved: of ``SHARE`` octets that
are sent urgently while bulk waits, the next packet is one of bulk.
"""

from collections import deque
from collections.abc import Callable

PATIENCE = 1.5
"""Seconds a packet may wait; a sender would repeat it soon, and then the line carries everything twice."""
KEPT = 2
"""Packets of each class that stay however old they are: on the slowest line one alone takes longer than that."""
LEAST, MOST = 6000, 262_144
"""Octets of bulk: four full packets, and what a line of 1.4 Mbit/s sends in ``PATIENCE``."""
URGENT_MOST = 16_384
"""Octets of urgent packets: more of them is a flood."""
FULL_SIZE = 1500
"""Octets of the largest packet that usually comes."""
SHARE = 3000
"""Octets of urgent packets in a row while bulk waits."""
OVERHEAD = 8
"""Octets of a frame beside its packet, about."""


class _Class:
    """Packets of one class, oldest first, with the time they came."""

    __slots__ = ("dropped", "octets", "packets")

    def __init__(self) -> None:
        self.packets: deque[tuple[float, bytes]] = deque()
        self.octets = 0
        self.dropped = 0

    def put(self, packet: bytes, now: float, most: int) -> None:
        """Append it, or drop it if there are ``most`` octets already."""
        if self.octets + len(packet) > most and self.packets:
            self.dropped += 1
            return
        self.packets.append((now, packet))
        self.octets += len(packet)

    def age(self, now: float) -> None:
        """Drop what has waited for too long."""
        while len(self.packets) > KEPT and now - self.packets[0][0] > PATIENCE:
            self.take()
            self.dropped += 1

    def take(self) -> bytes:
        """The oldest."""
        packet = self.packets.popleft()[1]
        self.octets -= len(packet)
        return packet


class LineQueue:
    """See the module's docstring.  ``is_urgent`` judges packets; ``rate`` is that of the line in octets/s."""

    def __init__(self, rate: float, is_urgent: Callable[[bytes], bool]) -> None:
        self.rate = rate
        self._is_urgent = is_urgent
        self._urgent, self._bulk = _Class(), _Class()
        self._row = 0

    def __len__(self) -> int:
        return len(self._urgent.packets) + len(self._bulk.packets)

    @property
    def octets(self) -> int:
        """What waits."""
        return self._urgent.octets + self._bulk.octets

    @property
    def dropped(self) -> int:
        """Packets that did not get a place, or waited for too long."""
        return self._urgent.dropped + self._bulk.dropped

    @property
    def limit(self) -> int:
        """Octets of bulk that may wait."""
        return int(min(MOST, max(LEAST, self.rate * PATIENCE)))

    @property
    def full(self) -> bool:
        """A packet of bulk of full size would be dropped."""
        return self._bulk.octets + FULL_SIZE > self.limit

    def put(self, packet: bytes, now: float) -> None:
        """A packet for the line."""
        if self._is_urgent(packet):
            self._urgent.put(packet, now, URGENT_MOST)
        else:
            self._bulk.put(packet, now, self.limit)

    def take(self, octets: int, now: float) -> list[bytes]:
        """The next packets, in order: at least one if there is any, and none that begins behind ``octets``."""
        found: list[bytes] = []
        size = 0
        self._urgent.age(now)
        self._bulk.age(now)
        while len(self) and (not found or size < octets):
            packet = self._next()
            found.append(packet)
            size += len(packet) + OVERHEAD
        return found

    def _next(self) -> bytes:
        if self._urgent.packets and (self._row < SHARE or not self._bulk.packets):
            packet = self._urgent.take()
            self._row += len(packet)
            return packet
        self._row = 0
        return self._bulk.take()
