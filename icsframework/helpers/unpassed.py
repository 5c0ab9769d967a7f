"""What a session has taken and not passed on: what is relayed first if it fails with ``fail: open``.  Pure."""

from icsframework.helpers.limits import MOST_KEPT
from icsframework.values import Side

__all__ = ["Unpassed"]


class Unpassed:
    """The tail of each side's bytes, as far as it can be known.

    Bytes that go on as they came are taken off its front.  Where a session rewrites
    or answers itself, what it still holds is not known, and nothing is kept: better a
    piece is missing than that something it refused gets through.
    """

    __slots__ = ("_tails",)

    def __init__(self) -> None:
        self._tails: dict[Side, bytes] = {}

    def taken(self, side: Side, data: bytes) -> None:
        """The session gets these bytes of ``side``."""
        tail = self._tails.get(side, b"") + data
        self._tails[side] = tail if len(tail) <= MOST_KEPT else data

    def sent(self, side: Side, data: bytes) -> None:
        """The session sends these bytes to ``side``."""
        tail = self._tails.get(side.other, b"")
        if tail.startswith(data):
            self._tails[side.other] = tail[len(data) :]
        else:
            self._tails.clear()

    def rest(self) -> tuple[tuple[Side, bytes], ...]:
        """Of which side what is left; nothing is kept after that."""
        left = tuple((side, tail) for side, tail in self._tails.items() if tail)
        self._tails.clear()
        return left
