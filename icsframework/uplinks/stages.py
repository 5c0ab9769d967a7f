"""How long each step of a connect took.  Pure.

An uplink with a single step (``dhcp``) is told of by its connecting and its up; one with
several (a modem: initialising, calling, authenticating) tells where the time went.
"""

__all__ = ["Stages"]


class Stages:
    """The steps of one uplink's connects, one after the other."""

    def __init__(self) -> None:
        self._stage = ""
        self._since = 0.0
        self._several = False

    def enter(self, stage: str, now: float) -> tuple[str, float] | None:
        """The plugin is at ``stage`` ("" for connecting no more); the step that this ends, with its seconds."""
        if stage == self._stage:
            return None
        ended = (self._stage, now - self._since)
        tell = bool(self._stage) and (bool(stage) or self._several)
        self._several = bool(self._stage) and bool(stage)
        self._stage, self._since = stage, now
        return ended if tell else None
