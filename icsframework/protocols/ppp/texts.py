"""Text in the middle of PPP: results of a modem, login prompts (a pty has no carrier line, only such words).

A text between two flags counts at once.  One without a flag behind it may be the
beginning of a frame, and IP packets may hold any words, NO CARRIER too; so it
must stand alone for a while.  Whatever it is, it must end with the words.
"""

import re

__all__ = ["TextWatch", "is_text", "says_no_carrier"]

HANGING = 1.0
"""Seconds that a text without a flag behind it must stand alone until it is one: the rest of a packet comes sooner."""

_NO_CARRIER = re.compile(rb"(?:\A|[\r\n])NO CARRIER\s*\Z")
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e]{4,}")


def says_no_carrier(data: bytes) -> bool:
    """True if a modem says at the end of it that the call is over."""
    return _NO_CARRIER.search(data) is not None


def is_text(data: bytes) -> bool:
    """True for something that people can read, or that ends with a modem's NO CARRIER."""
    return _TEXT.fullmatch(data) is not None or says_no_carrier(data)


class TextWatch:
    """Looks at what no flag has ended yet."""

    __slots__ = ("_seen", "deadline")

    def __init__(self) -> None:
        self.deadline: float | None = None
        """When ``timeout`` must be called."""
        self._seen = b""

    def look(self, waiting: bytes, now: float) -> None:
        """This waits for its flag now."""
        if waiting != self._seen or not waiting:
            self._seen = waiting
            self.deadline = now + HANGING if is_text(waiting) else None

    def timeout(self, now: float) -> bytes:
        """The text that has stood alone for long enough, once; empty if there is none."""
        if self.deadline is None or now < self.deadline:
            return b""
        self.deadline = None
        return self._seen
