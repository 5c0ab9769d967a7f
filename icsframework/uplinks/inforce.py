"""One uplink's link as the machine has it, which is not always what its plugin says: put in force, refused, or lost."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError
from icsframework.values import Failed, Link

__all__ = ["MachineLink"]


class MachineLink:
    """``settle`` makes the machine agree with what is announced, ``agree`` does the same and never fails."""

    def __init__(
        self, settle: Callable[[], Deferred[Any]], agree: Callable[[], Deferred[Any]], log: Logger, whose: str
    ) -> None:
        self.link: Link | None = None
        """The one that is in force."""
        self.parting: Link | None = None
        """The one that is lost while the machine still has it: what is sent now goes its way, and nowhere."""
        self.leaving: Deferred[Any] = succeed(None)
        """The last loss of the link: fires when the machine is without it."""
        self._settle = settle
        self._agree = agree
        self._log = log
        self._whose = whose
        self._refused: tuple[Link, Failed] | None = None
        self._losses = 0

    @property
    def losing(self) -> bool:
        """True while a link is lost and the machine still has it."""
        return self._losses > 0

    @property
    def has_refused(self) -> bool:
        """True from the machine's refusal of a link until the plugin is done with it."""
        return self._refused is not None

    def refusal(self, link: Link) -> Failed | None:
        """Why the machine has not taken this link."""
        return self._refused[1] if self._refused is not None and self._refused[0] == link else None

    def put(
        self,
        link: Link,
        still: Callable[[], bool],
        done: Callable[[bool], object],
        refused: Callable[[str], object],
    ) -> None:
        """Put ``link`` in force, then call ``done(is_first)`` or ``refused(reason)``; neither if ``still()`` is false then."""

        def agreed(_: object) -> None:
            if still():
                is_first, self.link = self.link is None, link
                done(is_first)

        def failed(failure: Failure) -> None:
            if not still():
                return  # something newer is on its way
            if failure.check(IcsError) is None:
                self._broken(failure)
            reason = f"could not be configured: {failure.getErrorMessage()}"
            self._refused, self.link = (link, Failed(reason)), None
            refused(reason)

        maybeDeferred(self._settle).addCallbacks(agreed, failed).addErrback(self._broken)

    def lose(self, told: Callable[[bool], object]) -> None:
        """The plugin has no link any more; ``told(was_refused)`` is called when the machine is without it."""
        was_refused, self._refused = self.has_refused, None
        self.parting, self.link = self.link or self.parting, None
        self._losses += 1

        def tell(_: object) -> None:
            self._losses -= 1
            if not self._losses:
                self.parting = None
            told(was_refused)

        # First the state without it, then the news: whoever hears of it finds the other link in use.
        self.leaving = self._agree().addCallback(tell)

    def _broken(self, failure: Failure) -> None:
        self._log.failure("{whose}", failure, whose=self._whose)
