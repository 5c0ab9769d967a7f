"""When a link that is not used is hung up.  Pure."""

from math import ceil

from icsframework.frozen import dataclass
from icsframework.quantities import format_duration

__all__ = ["BEFORE_UNIT", "NEVER_QUIET", "Quiet", "hangs_up_at", "why"]

BEFORE_UNIT = 2.0
"""Seconds before the end of a paid unit at which a link is hung up: a modem takes about one to be on the hook."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hung up after ``idle`` seconds without traffic that counts (0: never), but not before it was up for ``min_up``.

    ``unit`` is the time that is paid as a whole once it has begun (0: none is): the link then stays until shortly before the end
    of the unit that it is in.
    """

    idle: float = 0.0
    min_up: float = 0.0
    unit: float = 0.0


NEVER_QUIET = Quiet()
"""It stays up."""


def hangs_up_at(quiet: Quiet, since: float, active: float) -> float | None:
    """When a link that came up at ``since`` and was used last at ``active`` is hung up; None: never by itself.

    Units too short to hang up before their end are as good as none.
    """
    if quiet.idle <= 0:
        return None
    moment = max(active + quiet.idle, since + quiet.min_up)
    if quiet.unit <= 2 * BEFORE_UNIT:
        return moment
    units = ceil((moment - since + BEFORE_UNIT) / quiet.unit)
    return since + units * quiet.unit - BEFORE_UNIT


def why(quiet: Quiet) -> str:
    """What people read of a link that was hung up for quiet."""
    return f"demand.idle: no traffic for {format_duration(quiet.idle)}"
