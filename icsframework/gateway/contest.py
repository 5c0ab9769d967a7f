"""Somebody undoes what we do, again and again: how soon to do it again.  Pure."""

__all__ = ["FREE", "LONGEST_GAP", "PEACE", "Contest"]

FREE = 5
"""Times that it is done again at once: a person who tries things out."""

FIRST_GAP = 5.0
"""Seconds to wait after that; doubled each time."""

LONGEST_GAP = 30.0
"""Seconds at most: what is undone is missing meanwhile."""

PEACE = 600.0
"""Seconds without trouble after which all is forgotten."""


class Contest:
    """Remembers when it was done again; times in seconds as IClock.now."""

    def __init__(self) -> None:
        self.times = 0
        self._last = 0.0

    def again(self, now: float) -> None:
        """It was undone, and is done again now."""
        self.times = self.times + 1 if self.is_on(now) else 1
        self._last = now

    def is_on(self, now: float) -> bool:
        """True until there was peace for a while."""
        return self.times > 0 and now - self._last <= PEACE

    def is_bitter(self, now: float) -> bool:
        """True if it happened so often that we wait before we do it again."""
        return self.is_on(now) and self.times >= FREE

    def wait(self, now: float) -> float:
        """Seconds until it may be done again, 0 for at once."""
        if not self.is_bitter(now):
            return 0.0
        gap = min(FIRST_GAP * 2.0 ** min(self.times - FREE, 10), LONGEST_GAP)
        return max(0.0, self._last + gap - now)
