"""Who may do what over the control API.  Pure.

Rights are a ladder: whoever may do something may do everything below it.
"""

from collections.abc import Collection
from enum import IntEnum

from icsframework.frozen import dataclass


class Right(IntEnum):
    """The ladder of DESIGN §3 ``users`` and above it the operator."""

    NONE = 0
    VIEW = 1
    CONNECT = 2
    MANAGE = 3
    OPERATE = 4
    """Root and group ics on the Unix socket: everything."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the audit log names him."""

    name: str
    right: Right

    def __str__(self) -> str:
        return self.name


def unix_caller(
    pid: int, uid: int, groups: Collection[int], own_uid: int, group: int | None, user: str | None = None
) -> Caller:
    """The caller behind SO_PEERCRED: root, the daemon's own user and members of group ics operate; others nothing.

    ``groups`` are the ids of all his groups, ``group`` that of group ics or None if there is no such group; ``user`` is
    what he is called, if anything.
    """
    trusted = uid in (0, own_uid) or (group is not None and group in groups)
    return Caller(f"{user or f'uid {uid}'} (pid {pid})", Right.OPERATE if trusted else Right.NONE)
