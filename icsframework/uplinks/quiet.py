"""When a link that is not used is hung up: a value.  Pure."""

from icsframework.frozen import dataclass

__all__ = ["NEVER_QUIET", "Quiet"]


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
