"""Is the peer still there?  Echo-Requests only when nothing else is heard (RFC 1661 section 5.8).

Whatever good frame arrives proves that the peer lives, so a busy link carries no
echoes.  After ``interval`` of silence one is sent, after each further ``retry``
another; when ``failures`` of them have got no answer the peer is gone.
"""

from icsframework.frozen import dataclass

__all__ = ["Echo", "Liveness"]


@dataclass(frozen=True, slots=True)
class Echo:
    """How to find out.  Times in seconds; ``interval`` 0 switches it off."""

    interval: float = 20.0
    """Silence until the first question."""
    retry: float = 5.0
    """Between questions that stay without answer."""
    failures: int = 5
    """Questions without an answer until the peer is gone: with the others a line may stall for 25 s."""


class Liveness:
    """The questions and answers of one link."""

    __slots__ = ("_asked_at", "_missing", "deadline", "echo", "rtt")

    def __init__(self, echo: Echo) -> None:
        self.echo = echo
        self.deadline: float | None = None
        self.rtt: float | None = None
        """Seconds that the last answer took; None before the first."""
        self._missing = 0
        self._asked_at: float | None = None

    def start(self, now: float) -> None:
        """The link is open from now on."""
        self._missing, self._asked_at = 0, None
        self.deadline = now + self.echo.interval if self.echo.interval else None

    def stop(self) -> None:
        """It is not any more."""
        self.deadline = None

    def heard(self, now: float) -> None:
        """A good frame has come."""
        if self.deadline is not None:
            self._missing = 0
            self.deadline = now + self.echo.interval

    def answered(self, now: float) -> None:
        """An Echo-Reply has come."""
        if self._asked_at is not None:
            self.rtt, self._asked_at = now - self._asked_at, None

    def ask(self, now: float) -> bool:
        """True if a question must be sent now."""
        if self.deadline is None or now < self.deadline or self.dead(now):
            return False
        self._missing += 1
        self._asked_at = now
        self.deadline = now + self.echo.retry
        return True

    def dead(self, now: float) -> bool:
        """True if the last question has waited long enough for its answer."""
        return self.deadline is not None and now >= self.deadline and self._missing >= self.echo.failures

    @property
    def silence(self) -> float:
        """Seconds of silence that make a peer dead."""
        return self.echo.interval + self.echo.retry * self.echo.failures
