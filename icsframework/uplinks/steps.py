"""The steps of one connect and how long each took: a value (Connect), and who keeps it for one uplink (Steps).

They are told as they begin (event ``uplink.stage``) and all together with the outcome, which keeps them in the history.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from icsframework.frozen import dataclass

__all__ = ["MAX_STEPS", "MAX_WORDS", "Connect", "Step", "Steps", "begin", "to_fields"]

MAX_STEPS = 12
"""Of one connect: twice what a dial with a PIN, a registration and a password has.  The oldest of more become one."""
MAX_WORDS = 80
"""Characters of a stage: a line of a terminal.  Plugins put in what is configured, and perhaps what a peer says."""
PLACEHOLDER = "starting"
"""The stage until the plugin says something."""
AT_ONCE = 0.05
"""Seconds below which the placeholder is not worth a line."""
EARLIER = "earlier steps"
"""What stands for the oldest when there are too many."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that is over, and the seconds that it took."""

    stage: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Connect:
    """A connect that is under way: since ``began``, in ``stage`` since ``since``."""

    began: float
    stage: str
    since: float
    done: tuple[Step, ...] = ()

    def enter(self, stage: str, now: float) -> "Connect":
        """The next stage begins; the same one just goes on."""
        words = printable(stage)
        return self if words == self.stage else replace(self, stage=words, since=now, done=self.steps(now))

    def steps(self, now: float) -> tuple[Step, ...]:
        """All so far, the present one with its time until ``now``; at most MAX_STEPS."""
        last = Step(self.stage, now - self.since)
        trifle = last.stage == PLACEHOLDER and last.seconds < AT_ONCE
        return _bounded(self.done if trifle else (*self.done, last))


class Steps:
    """One uplink's.  ``now`` is IClock.now; ``tell`` is called with each stage as it begins, but for the first."""

    def __init__(self, now: Callable[[], float], tell: Callable[[str], None]) -> None:
        self.connect: Connect | None = None
        """The connect that is under way, with its steps so far."""
        self._now = now
        self._tell = tell

    def begin(self, stage: str) -> None:
        """A connect begins with ``stage``."""
        self.connect = begin(stage, self._now())

    def enter(self, stage: str) -> None:
        """The next stage, or still the same; the first one if the connect began unseen."""
        before = self.connect
        if before is None:
            self.begin(stage)
        else:
            self.connect = before.enter(stage, self._now())
        if self.connect is not None and (before is None or before.stage != self.connect.stage):
            self._tell(self.connect.stage)

    def end(self) -> dict[str, Any]:
        """The connect is over: field ``steps`` for the event that says how it ended, nothing if there was none."""
        ended, self.connect = self.connect, None
        return {} if ended is None else {"steps": to_fields(ended.steps(self._now()))}


def begin(stage: str, now: float) -> Connect:
    """A connect begins with ``stage``."""
    return Connect(now, printable(stage), now)


def printable(words: str) -> str:
    """What may be shown on any terminal, of bounded length."""
    return "".join(letter if letter.isprintable() else "?" for letter in words[:MAX_WORDS])


def to_fields(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """JSON-able, in milliseconds' precision."""
    return [{"stage": step.stage, "seconds": round(step.seconds, 3)} for step in steps]


def _bounded(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    surplus = len(steps) - MAX_STEPS
    if surplus <= 0:
        return steps
    earlier = sum(step.seconds for step in steps[: surplus + 1])
    return (Step(EARLIER, earlier), *steps[surplus + 1 :])
