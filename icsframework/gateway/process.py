"""The process around the gateway: signals and exit status.

twistd would die of SIGTERM's default action and end with 0 after a fatal error.
Here SIGTERM and SIGINT stop cleanly (status 0), SIGHUP reloads, SIGUSR2 hands over
(status 75), and an error that ends the gateway later leaves its own exit status.
"""

import atexit
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from icsframework.errors import IcsError


class Process:
    """Exit status and signals of the daemon."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.status = 0
        self._stopped = False
        self._last_words = ""

    def fatal(self, error: Exception) -> None:
        """End the daemon because of ``error``.  The first one is told; what fails after it comes of it."""
        self._last_words = self._last_words or f"ics: {error}\n"
        self.end(error.exit_status if isinstance(error, IcsError) else 1)

    def end(self, status: int) -> None:
        """Stop the reactor; the process leaves with ``status``."""
        if self.status == 0 and status:
            self.status = status
            # The last to run: twistd has logged, closed and flushed everything by then, and returns 0 by itself.
            atexit.register(self._leave)
        self._reactor.callWhenRunning(self._stop)

    def _stop(self) -> None:
        # Whoever presses Ctrl-C twice, or is told SIGTERM by two, gets the one stop.
        if not self._stopped:
            self._stopped = True
            self._reactor.stop()

    def _leave(self) -> None:
        sys.stdout.flush()
        # twistd has turned sys.stderr into a part of the log; the sentence is for whoever started us.
        if sys.__stderr__ is not None:
            sys.__stderr__.write(self._last_words)
            sys.__stderr__.flush()
        os._exit(self.status)

    def handle_signals(self, reload: Callable[[], Any], hand_over: Callable[[], Any]) -> None:
        """Take over SIGTERM, SIGINT, SIGHUP and SIGUSR2: now, and again when the reactor has installed its own handlers.

        A signal that comes before the reactor runs is carried out as soon as it does.
        """
        actions = (
            (signal.SIGTERM, self._stop),
            (signal.SIGINT, self._stop),
            (signal.SIGHUP, reload),
            (signal.SIGUSR2, hand_over),
        )

        def install() -> None:
            for number, action in actions:
                signal.signal(number, lambda _number, _frame, act=action: self._reactor.callFromThread(act))  # type: ignore[misc]

        install()
        self._reactor.callWhenRunning(install)
