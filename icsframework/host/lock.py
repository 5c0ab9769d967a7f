"""One gateway per network namespace: the abstract socket ``@ics``.

Abstract Unix sockets belong to the network namespace and vanish with their
process, even after kill -9.  A child keeps it across fork, so the lock taken
before twistd goes to the background holds.
"""

import errno
import socket

from icsframework.errors import AlreadyRunning
from icsframework.host.explain import explained
from icsframework.host.portowner import abstract_holder

__all__ = ["NAME", "NamespaceLock"]

NAME = "ics"


class NamespaceLock:
    """Held from ``acquire`` to ``release`` or the end of the process."""

    def __init__(self, name: str = NAME) -> None:
        self._name = name
        self._socket: socket.socket | None = None

    def acquire(self) -> None:
        """Take it; AlreadyRunning names the process that has it, if that can be seen."""
        if self._socket is not None:
            return
        held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            held.bind(f"\0{self._name}")
        except OSError as error:
            held.close()
            if error.errno != errno.EADDRINUSE:
                raise explained(error, f"take the lock @{self._name}") from error
            who = abstract_holder(self._name) or "a process that cannot be seen from here"
            raise AlreadyRunning(
                f"A gateway already runs in this network namespace: {who}. Stop it first, or use ics restart."
            ) from error
        self._socket = held

    def release(self) -> None:
        """Give it back; nothing if it is not held."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
