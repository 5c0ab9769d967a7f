"""What a telephone line does to octets, one direction: speed, latency, bit errors, and silence.  Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BITS_PER_OCTET", "Channel", "Quality"]

BITS_PER_OCTET = 10
"""An octet on an asynchronous line: start bit, eight bits, stop bit."""

PIECE = 16
"""Octets that arrive together; a modem hands over what came in some milliseconds."""

BUFFER = 512
"""Octets that a modem takes ahead of the line: enough to keep it busy, and no more, or an echo would wait behind them."""

UNLIMITED = 65536
"""The same for a line without a speed, where nothing ever waits."""


@dataclass(slots=True)
class Quality:
    """How good the line is; shared by both directions, and changed while calls are on it."""

    rate: int = 0
    """bit/s each way; 0 is without limit."""
    latency: float = 0.0
    """Seconds one way."""
    errors: float = 0.0
    """Probability that an octet arrives with one wrong bit."""
    stalled: bool = False
    """Octets vanish, and nobody is told."""


class Channel:
    """One direction of a line; ``chance`` answers numbers from 0 up to 1."""

    def __init__(self, quality: Quality, chance: Callable[[], float]) -> None:
        self.quality = quality
        self.carried = 0
        """Octets that have been taken, for figures."""
        self._chance = chance
        self._flying: deque[tuple[float, float, bytes]] = deque()
        self._free = 0.0

    def room(self, now: float) -> int:
        """Octets that may be put in now."""
        waiting = sum(len(piece) for left, _, piece in self._flying if left > now)
        return max(0, (BUFFER if self.quality.rate else UNLIMITED) - waiting)

    def put(self, data: bytes, now: float) -> None:
        """Send; what is longer than the room is taken all the same."""
        quality = self.quality
        if quality.stalled:
            return
        if quality.errors:
            data = bytes(map(self._spoilt, data))
        step = PIECE if quality.rate else len(data) or 1
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            seconds = len(piece) * BITS_PER_OCTET / quality.rate if quality.rate else 0.0
            self._free = max(now, self._free) + seconds
            self._flying.append((self._free, self._free + quality.latency, piece))

    def _spoilt(self, octet: int) -> int:
        if self._chance() >= self.quality.errors:
            return octet
        return octet ^ (1 << int(self._chance() * 8))

    def due(self) -> float | None:
        """When the next octets arrive; None if there are none under way."""
        return self._flying[0][1] if self._flying else None

    def empty_at(self, now: float) -> float:
        """When everything under way has arrived."""
        return self._flying[-1][1] if self._flying else now

    def take(self, now: float) -> bytes:
        """What has arrived."""
        pieces = []
        while self._flying and self._flying[0][1] <= now:
            pieces.append(self._flying.popleft()[2])
        data = b"".join(pieces)
        self.carried += len(data)
        return data

    def clear(self) -> None:
        """The call is over: what is under way never arrives."""
        self._flying.clear()
        self._free = 0.0
