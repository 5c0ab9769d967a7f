"""How many descriptors this process has open, and how many it may have."""

import errno
import resource
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Descriptors", "read_descriptors"]


@dataclass(frozen=True, slots=True)
class Descriptors:
    """``used`` of ``limit`` (the soft RLIMIT_NOFILE)."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        """How many more can be opened."""
        return max(0, self.limit - self.used)


def read_descriptors() -> Descriptors:
    """As it is now.  Where looking takes a descriptor and there is none, all are used."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(list(Path("/proc/self/fd").iterdir())) - 1  # the one that lists them
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        used = limit
    return Descriptors(used, limit)
