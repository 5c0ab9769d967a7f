"""A program that stays in a host: started, waited for, stopped, killed, started again, its log at hand."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine, Process
from icsframework.lab.waiting import wait_for

__all__ = ["Daemon"]

LOG_TAIL = 40
"""Lines of a log shown in an error: a traceback and what led to it."""


class Daemon:
    """One program in one host."""

    def __init__(
        self,
        host: Machine,
        name: str,
        arguments: Sequence[str | Path],
        ready: Callable[[], object] | None = None,
    ) -> None:
        """``ready`` answers something true when the program serves; None if it serves at once."""
        self.host = host
        self.name = name
        self.arguments = list(arguments)
        self.log_file = host.directory / f"{name}.log"
        self._ready = ready
        self._process: Process | None = None

    @property
    def has_ready_sign(self) -> bool:
        """Whether there is a way to see that the program serves; one without may also be one that ends soon."""
        return self._ready is not None

    @property
    def running(self) -> bool:
        """Whether the program runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process number as this process sees it.  Raises LabError if it was never started."""
        if self._process is None:
            raise LabError(f"{self.name} on {self.host.name} was not started")
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status (negative: the signal), None while it runs or before the first start."""
        return None if self._process is None else self._process.poll()

    def log(self) -> str:
        """Everything it printed, over all its starts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it; `wait_ready` waits until it serves."""
        if self.running:
            raise LabError(f"{self.name} on {self.host.name} runs already")
        self._process = self.host.spawn(self.arguments, self.log_file)

    def wait_ready(self, timeout: float = 15.0) -> None:
        """Wait until it serves.  Raises LabError with the end of its log if it ends instead, or takes too long."""

        def look() -> bool:
            if not self.running:
                raise LabError(f"it ended with status {self.status}")
            return self._ready is None or bool(self._ready())

        try:
            wait_for(look, timeout, "it to be ready")
        except LabError as error:
            tail = "\n".join(self.log().splitlines()[-LOG_TAIL:])
            raise LabError(f"{self.name} on {self.host.name}: {error}\n{tail}") from None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def stop(self, patience: float = 10.0) -> int:
        """SIGTERM, and SIGKILL after ``patience`` seconds; the exit status (negative: killed by that signal)."""
        if self._process is None:
            return 0
        return self.host.stop(self._process, patience)

    def kill(self) -> None:
        """SIGKILL: it gets no chance to clean up.  Its children stay."""
        if self._process is not None:
            self.host.stop(self._process, 0.0, signal.SIGKILL)

    def wait_end(self, timeout: float = 10.0) -> int:
        """Wait until it ends by itself and return its exit status."""
        wait_for(lambda: not self.running, timeout, f"{self.name} on {self.host.name} to end")
        return self.stop()

    def restart(self) -> None:
        """Stop, start, wait until it serves."""
        self.stop()
        self.start()
        self.wait_ready()
