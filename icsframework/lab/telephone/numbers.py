"""What becomes of a call to a number: who answers, or which fault it meets.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from icsframework.lab.errors import LabSpecError

__all__ = ["FAULTS", "Fate", "Outcome", "fate_of", "look_up", "target_of"]


class Outcome(Enum):
    """How a call ends, or that it does not."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "noanswer"
    NO_DIAL_TONE = "nodialtone"
    NO_CARRIER = "nocarrier"
    ERROR = "error"
    SILENT = "silent"
    """The modem never says anything again."""
    OK = "ok"
    """The modem says OK and does not dial, as some do after a call that failed."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One entry of the telephone book."""

    outcome: Outcome
    host: str = ""
    """Who answers; empty: the first provider there is."""
    lost_after: float | None = None
    """Seconds after the connection until the carrier is lost."""


FAULTS = {
    "200": "busy",
    "201": "noanswer",
    "202": "nodialtone",
    "203": "nocarrier",
    "204": "refused",
    "205": "lost:5",
}
"""Numbers that every telephone network of the lab has."""


def fate_of(text: str) -> Fate:
    """Read an entry: a word of Outcome, `refused`, a host's name, or `lost:SECONDS[@HOST]`.  Raises LabSpecError."""
    if (
        text == "refused"
    ):  # the other exchange does not put the call through; a modem cannot tell that from busy
        return Fate(Outcome.BUSY)
    if text in {outcome.value for outcome in Outcome} - {"answered"}:
        return Fate(Outcome(text))
    if not text.startswith("lost:"):
        return Fate(Outcome.ANSWERED, text)
    seconds, _, host = text.removeprefix("lost:").partition("@")
    try:
        return Fate(Outcome.ANSWERED, host, float(seconds))
    except ValueError:
        raise LabSpecError(f"{text!r}: lost:SECONDS or lost:SECONDS@HOST is expected") from None


def target_of(fate: Fate, providers: Mapping[str, str]) -> str:
    """The socket at which the call is answered; empty where nobody does.  ``providers``: host to socket."""
    if fate.outcome is not Outcome.ANSWERED:
        return ""
    return providers.get(fate.host, "") if fate.host else next(iter(providers.values()), "")


def look_up(book: Mapping[str, Fate], dialled: str) -> Fate | None:
    """The entry for what was dialled, pauses and the like left out; None for a number that does not exist."""
    kept = "".join(sign for sign in dialled if sign.isdigit() or sign in "*#+")
    return book.get(kept)
