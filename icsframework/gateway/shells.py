"""What the gateway expects of the shells that carry out a helper's sessions, and one that listens before it is there.

The first rules of a start must say where a helper listens, and the shell's code
takes some 20 ms to load, in which nobody would get an address or a name.  So a
``LateShell`` takes its port at once; the shell behind it is made when the LANs are
served.  Connections that come in between wait in the kernel.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from socket import socket
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed

from icsframework.config.helpers import HelperLimits
from icsframework.dataplane.plane import DataPlane
from icsframework.frozen import dataclass

__all__ = ["Figures", "LateShell", "NoFigures", "RunningShell", "Shell"]


class Figures(Protocol):
    """What a shell counts."""

    @property
    def sessions(self) -> int:
        """Control connections now."""
        ...

    @property
    def expectations(self) -> int:
        """Ports that they hold open now."""
        ...

    @property
    def refused(self) -> int:
        """Connections and ports that were refused so far."""
        ...

    @property
    def details(self) -> Mapping[str, int]:
        """Other counters by name."""
        ...


@dataclass(frozen=True, slots=True)
class NoFigures:
    """Of a shell that has not begun."""

    sessions: int = 0
    expectations: int = 0
    refused: int = 0
    details: Mapping[str, int] = field(default_factory=dict)


class RunningShell(Protocol):
    """A shell at work (icsframework.helpers.stream)."""

    def start(self) -> Deferred[int]:
        """Deferred of the local port that it listens on."""
        ...

    def stop(self) -> Deferred[None]:
        """End all sessions and the listener."""
        ...

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force."""
        ...

    def figures(self) -> Figures:
        """What it counted so far."""
        ...


class Shell(RunningShell, Protocol):
    """One that the gateway makes."""

    def wake(self) -> Deferred[Any]:
        """The LANs are served: begin to take connections.  Again does nothing."""
        ...

    def limit(self, limits: HelperLimits) -> None:
        """From now on these hold for the connections that come."""
        ...


class LateShell:
    """See the module.

    ``listen`` gives a listening socket, ``make`` the shell that takes it over, with the limits; ``relimit`` hands it
    other ones.
    """

    def __init__(
        self,
        listen: Callable[[], socket],
        make: Callable[[socket, HelperLimits], RunningShell],
        relimit: Callable[[Any, HelperLimits], None],
        limits: HelperLimits,
    ) -> None:
        self._listen = listen
        self._make = make
        self._relimit = relimit
        self._limits = limits
        self._socket: socket | None = None
        self._shell: RunningShell | None = None
        self._plane: DataPlane | None = None

    def start(self) -> Deferred[int]:
        """See Shell."""
        return maybeDeferred(self._take_port)

    def _take_port(self) -> int:
        self._socket = self._listen()
        port: int = self._socket.getsockname()[1]
        return port

    def wake(self) -> Deferred[Any]:
        """See Shell."""
        if self._socket is None:
            return succeed(None)
        taken, self._socket = self._socket, None
        with taken:  # the shell has its own copy
            self._shell = self._make(taken, self._limits)
            begun = self._shell.start()
        if self._plane is not None:
            self._shell.in_force(self._plane)
        return begun

    def stop(self) -> Deferred[None]:
        """See Shell."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        shell, self._shell = self._shell, None
        return shell.stop() if shell is not None else succeed(None)

    def in_force(self, plane: DataPlane) -> None:
        """See Shell."""
        self._plane = plane
        if self._shell is not None:
            self._shell.in_force(plane)

    def limit(self, limits: HelperLimits) -> None:
        """See Shell."""
        self._limits = limits
        if self._shell is not None:
            self._relimit(self._shell, limits)

    def figures(self) -> Figures:
        """See Shell."""
        return self._shell.figures() if self._shell is not None else NoFigures()
