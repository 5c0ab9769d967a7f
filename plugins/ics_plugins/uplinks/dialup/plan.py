"""What one try is told, which number is next, and how long to wait when none answers.  Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

JITTER = 0.2
"""Share of a pause that is random, so that many gateways of one provider do not call in step."""
RESET_EVERY = 3
"""Failed rounds after which the modem gets the factory's settings first; a modem that lost its mind is rare."""
REOPEN_EVERY = 6
"""Failed rounds after which its device is closed and opened again as well."""
REFUSED_PAUSE = 600.0
"""Seconds until a password that was refused is tried again: each try may be counted, paid for, or lock the account."""
REFUSED_MOST = 6 * 3600.0
"""Longest such pause."""
SETTINGS_PAUSE = 900.0
"""Seconds until another try where somebody must act first: a new SIM, a PIN typed into a telephone."""


@dataclass(frozen=True, slots=True)
class Order:
    """One try: all that a script is told."""

    number: str = ""
    dial: str = ""
    init: tuple[str, ...] = ()
    dial_timeout: float = 60.0
    reset: bool = False
    apn: str | None = None
    pin: str | None = field(default=None, repr=False)
    refused: Callable[[str], bool] = lambda pin: False
    """True for a PIN that the SIM has refused before."""
    network_timeout: float = 60.0
    chat: tuple[str, ...] = ()
    user: str = ""
    password: str = field(default="", repr=False)
    windows: bool = False
    cid: int = 1


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do to the modem before the next try."""

    reset: bool = False
    reopen: bool = False


def remedy(failures: int, silent: bool = False) -> Remedy:
    """For the try after ``failures`` failed rounds in a row; ``silent``: the modem did not answer at all.  Never gives up."""
    if not failures:
        return Remedy()
    reopen = silent or failures % REOPEN_EVERY == 0
    return Remedy(reset=failures % RESET_EVERY == 0 or (silent and failures > 1), reopen=reopen)


def pause(failures: int, first: float, most: float, random: float) -> float:
    """Seconds until the next round after ``failures`` failed ones (at least 1); ``random`` is in [0, 1)."""
    base = min(most, first * 2.0 ** min(failures - 1, 16))
    return base * (1.0 - JITTER + 2.0 * JITTER * random)


def refused_pause(refusals: int, random: float) -> float:
    """The same after a wrong password."""
    return pause(refusals, REFUSED_PAUSE, REFUSED_MOST, random)


class Numbers:
    """Numbers in turn.  A round begins with the first one that has not failed since; each is called once a round."""

    def __init__(self, numbers: tuple[str, ...]) -> None:
        self._numbers = numbers or ("",)
        self._next = 0
        self._left = 0

    def begin(self) -> str:
        """The first number of a new round."""
        self._left = len(self._numbers) - 1
        return self._numbers[self._next]

    def following(self) -> str | None:
        """The number after one that failed, or None if the round is over."""
        self._next = (self._next + 1) % len(self._numbers)
        if not self._left:
            return None
        self._left -= 1
        return self._numbers[self._next]


def joined(reasons: Collection[str]) -> str:
    """The reasons of one round as one sentence, without saying anything twice."""
    return "; ".join(dict.fromkeys(reasons))
