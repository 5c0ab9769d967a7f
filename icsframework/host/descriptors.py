"""How many descriptors this process has open, and how many it may have."""

import errno
import resource
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Descriptors", "Room", "read_descriptors"]


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


class Room:
    """Raises the soft limit, as far as the hard one lets us, for parts that say how many descriptors they may need.

    What was set before stays for everything else.  The limit is never lowered.
    """

    def __init__(self) -> None:
        self._base, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._needs: dict[str, int] = {}

    def make(self, owner: str, count: int) -> None:
        """``owner`` may need ``count``; what it said before does not count any more."""
        self._needs[owner] = count
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self._base + sum(self._needs.values())
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        if soft != resource.RLIM_INFINITY and wanted > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
