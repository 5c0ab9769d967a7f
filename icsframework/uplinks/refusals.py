"""Which refusals are told: the first of its kind, and another one after a while.  Pure.

A PC that wants what it may not dial for asks every few seconds.  The history is for what happened, not for that.
"""

from collections.abc import MutableMapping

__all__ = ["EVERY", "KINDS", "Refusals"]

EVERY = 900.0
"""Seconds between two of one kind: four lines an hour say that it goes on."""
KINDS = 64
"""Kinds that are remembered: more than rules and limits of one uplink; of more, the one told longest ago goes."""


class Refusals:
    """Those of one uplink."""

    def __init__(self) -> None:
        self._told: MutableMapping[str, float] = {}

    def worth_telling(self, reason: str, now: float) -> bool:
        """Is it time to tell of this reason?  Reasons that begin with the same key and words up to a colon are of one kind."""
        kind = reason.partition(": ")[0]
        last = self._told.get(kind)
        if last is not None and now - last < EVERY:
            return False
        self._told.pop(kind, None)
        self._told[kind] = now
        while len(self._told) > KINDS:
            del self._told[next(iter(self._told))]
        return True

    def forget(self) -> None:
        """Things are different now: the next refusal is news."""
        self._told.clear()
