"""Does in a lab what the systemd unit does on a machine: a gateway that has handed over is started again."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from icsframework.errors import Handover
from icsframework.lab.daemon import Daemon

__all__ = ["Unit"]

POLL = 0.01
"""Seconds between two looks."""


class Unit:
    """Watches daemons while it is entered; ``restarts`` counts."""

    def __init__(self, daemons: Sequence[Daemon]) -> None:
        self.restarts = 0
        self._daemons = daemons
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._over.wait(POLL):
            for daemon in self._daemons:
                if daemon.status == Handover.exit_status:
                    daemon.start()
                    self.restarts += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
