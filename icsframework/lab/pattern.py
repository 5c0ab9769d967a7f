"""Bytes known in advance, for both ends of a transfer."""

__all__ = ["pattern"]

BLOCK = b"".join(b"%015d\n" % number for number in range(4096))
"""64 kB of numbered lines: a lost, repeated or moved piece shows."""


def pattern(size: int) -> bytes:
    """``size`` bytes that are the same every time; every 64 kB block begins with its own number."""
    blocks = size // len(BLOCK) + 1
    return b"".join(b"%015d\n" % number + BLOCK[16:] for number in range(blocks))[:size]
