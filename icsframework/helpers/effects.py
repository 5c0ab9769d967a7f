"""What a shell does for a conversation, in this order, one after the other.  Pure values.

``Send``, ``Open``, ``StepAside`` and ``End`` are those of a session that may be
carried out as they are; the others are said here.
"""

from icsframework.frozen import dataclass
from icsframework.values import End, Mapping, Open, Send, Side, StepAside

__all__ = ["Broken", "Denied", "Effect", "Fin", "Release"]


@dataclass(frozen=True, slots=True)
class Fin:
    """Nothing goes to this side any more: close that half when what was sent before is through."""

    side: Side


@dataclass(frozen=True, slots=True)
class Release:
    """Give the mapping back; flows that already run through it go on."""

    mapping: Mapping


@dataclass(frozen=True, slots=True)
class Denied:
    """The session asked for what it may not have and was told so: to be counted."""

    request: Open
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The session failed and is not called again; ``error`` is what it raised, None if it answered nonsense.

    What becomes of the flow are the effects that follow.
    """

    reason: str
    error: Exception | None = None


Effect = Send | Open | Release | Fin | StepAside | End | Denied | Broken
"""Open is to be answered with ``Conversation.opened``; StepAside and End are for counters, log and closing."""
