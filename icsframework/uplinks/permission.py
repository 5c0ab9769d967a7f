"""What limits and hours say about one uplink, and who counts for them: the contract between runner and meter.  Pure."""

from collections.abc import Callable
from typing import Protocol

from icsframework.frozen import dataclass
from icsframework.values import Link, Refused

__all__ = ["FREE", "IMeter", "Permission", "Unmetered"]


@dataclass(frozen=True, slots=True)
class Permission:
    """May the uplink be up now?

    ``refused`` says why not: its reason begins with the key that decided (``limits.time``, ``hours``, ...), its
    ``retry_at`` (seconds of IClock.now) is when it may again, None if that cannot be said.
    """

    refused: Refused | None = None


FREE = Permission()
"""Nothing forbids it."""


class IMeter(Protocol):
    """Counts what one uplink costs, and says whether it may go on."""

    def permission(self) -> Permission:
        """Now."""
        ...

    def dialled(self) -> None:
        """A try to connect begins."""
        ...

    def up(self, link: Link) -> None:
        """The link is up (again with every change of it)."""
        ...

    def down(self) -> None:
        """The link is down, or the try has failed."""
        ...

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call ``changed`` when ``permission`` may have another answer: a limit reached, a new hour, a clock that was set.

        Returns a callable that ends it.
        """
        ...


class Unmetered:
    """The meter of an uplink without limits: it may always be up, and nothing is counted."""

    def permission(self) -> Permission:
        """See IMeter."""
        return FREE

    def dialled(self) -> None:
        """See IMeter."""

    def up(self, link: Link) -> None:
        """See IMeter."""

    def down(self) -> None:
        """See IMeter."""

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """See IMeter."""
        return lambda: None
