"""How often something may be said: a burst, then one now and again.  Pure."""

__all__ = ["Throttle"]


class Throttle:
    """``allow(now)`` is true ``burst`` times at once, and once more for every ``every`` seconds that pass."""

    __slots__ = ("_burst", "_every", "_left", "_since", "suppressed")

    def __init__(self, burst: int, every: float) -> None:
        self._burst = burst
        self._every = every
        self._left = float(burst)
        self._since: float | None = None
        self.suppressed = 0
        """How often it was not allowed since it was allowed last."""

    def allow(self, now: float) -> bool:
        """Whether it may be said now; if so, ``suppressed`` is for the caller to tell and to set to 0."""
        if self._since is not None:
            self._left = min(self._burst, self._left + (now - self._since) / self._every)
        self._since = now
        if self._left < 1:
            self.suppressed += 1
            return False
        self._left -= 1
        return True
