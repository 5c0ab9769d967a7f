"""Which external port a mapping gets.  Pure.

The inside port is kept where that is possible (RFC 4787 section 4.2.1: many
protocols say the port inside their messages, and some peers expect it).  Else the
port is chosen at random, so that nobody far away can guess it (RFC 6056 section
3.3.1): a random first candidate, then one after the other.  ``parity`` keeps an
even port even and an odd one odd, and ``count`` ports follow each other (RFC
4787 REQ-4: RTP, and RTCP one above it).
"""

from collections.abc import Callable, Iterator

__all__ = ["FIRST", "LAST", "RESERVED_FIRST", "RESERVED_LAST", "choose"]

FIRST = 1024
"""The lowest port that is ever chosen: those below are for services somebody means to offer (RFC 6335 section 6)."""

LAST = 65535

RESERVED_FIRST, RESERVED_LAST = 50000, 59999
"""Never chosen: plain flows whose own source port is somebody's mapping leave from here (dataplane/policy.py)."""

RANGES = ((FIRST, RESERVED_FIRST - 1), (RESERVED_LAST + 1, LAST))

Occupied = Callable[[int, int], int | None]
"""The highest port that is known to be taken, if one of ``first``..``last`` is (it may lie beyond); None: all are free."""


def choose(
    inside: int, count: int, parity: bool, occupied: Occupied, randrange: Callable[[int], int]
) -> int | None:
    """The first of ``count`` consecutive free ports for the inside port ``inside`` and those after it; None: there are none.

    ``randrange(n)`` returns a number from 0 to n - 1, as ``random.SystemRandom().randrange`` does.
    """
    if _is_usable(inside, count) and occupied(inside, inside + count - 1) is None:
        return inside
    for first, last in _stretches(count, randrange):
        port = first
        while True:
            if parity:
                port += (port - inside) % 2
            if port > last:
                break
            taken = occupied(port, port + count - 1)
            if taken is None:
                return port
            port = taken + 1
    return None


def _is_usable(first: int, count: int) -> bool:
    return any(low <= first and first + count - 1 <= high for low, high in RANGES)


def _stretches(count: int, randrange: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Where the first port may be, as stretches in the order of the search: from a random one to the end, then from the beginning."""
    ranges = [(low, high - count + 1) for low, high in RANGES if high - low + 1 >= count]
    if not ranges:
        return
    skipped = randrange(sum(high - low + 1 for low, high in ranges))
    before: list[tuple[int, int]] = []
    for low, high in ranges:
        start = low + skipped
        skipped = max(0, skipped - (high - low + 1))
        if start > low:
            before.append((low, min(start - 1, high)))
        if start <= high:
            yield start, high
    yield from before
