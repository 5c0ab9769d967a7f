"""A shell that listens before it is there."""

import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from icsframework.config.helpers import HelperLimits
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import HostError
from icsframework.gateway.shells import LateShell, NoFigures
from icsframework.testing.helper import ScriptedFigures


class Real:
    """The shell behind it; it keeps a copy of the socket, as Twisted does."""

    def __init__(self, taken: socket.socket, limits: HelperLimits) -> None:
        self.taken, self.limits = taken.dup(), limits
        self.planes: list[DataPlane] = []
        self.running = False

    def start(self) -> Deferred[int]:
        """See RunningShell."""
        self.running = True
        return succeed(self.taken.getsockname()[1])

    def stop(self) -> Deferred[None]:
        """See RunningShell."""
        self.running = False
        self.taken.close()
        return succeed(None)

    def in_force(self, plane: DataPlane) -> None:
        """See RunningShell."""
        self.planes.append(plane)

    def figures(self) -> ScriptedFigures:
        """See RunningShell."""
        return ScriptedFigures(sessions=3)


class Bench:
    """A late shell on a loopback socket, and what was made for it."""

    def __init__(self) -> None:
        self.made: list[Real] = []
        self.shell = LateShell(self.listen, self.make, self.relimit, HelperLimits())

    def listen(self) -> socket.socket:
        """A port of this machine that only it can reach."""
        return socket.create_server(("127.0.0.1", 0))

    def make(self, taken: socket.socket, limits: HelperLimits) -> Any:
        """The shell."""
        self.made.append(Real(taken, limits))
        return self.made[-1]

    def relimit(self, shell: Any, limits: HelperLimits) -> None:
        """Other limits."""
        shell.limits = limits

    def port(self) -> int:
        """Start it."""
        ports: list[int] = []
        self.shell.start().addCallback(ports.append)
        return ports[0]


@pytest.fixture
def bench() -> Any:
    """See Bench."""
    bench = Bench()
    yield bench
    bench.shell.stop()


def test_connections_wait_until_it_is_there(bench: Bench) -> None:
    """Who connects before gets through, and nothing is made until it is woken; again does nothing."""
    port = bench.port()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as early:
        assert bench.made == []
        bench.shell.wake()
        bench.shell.wake()
        assert len(bench.made) == 1
        accepted, peer = bench.made[0].taken.accept()
        accepted.close()
        assert peer == early.getsockname()


def test_what_it_was_told_before_is_handed_on(bench: Bench) -> None:
    """The data plane and the limits."""
    bench.port()
    plane, few = DataPlane(), HelperLimits(sessions=5)
    bench.shell.in_force(plane)
    bench.shell.limit(few)
    assert bench.shell.figures() == NoFigures()
    bench.shell.wake()
    assert (bench.made[0].planes, bench.made[0].limits) == ([plane], few)
    fewer = HelperLimits(sessions=4)
    bench.shell.limit(fewer)
    bench.shell.in_force(plane)
    assert (bench.made[0].planes, bench.made[0].limits) == ([plane, plane], fewer)
    assert bench.shell.figures().sessions == 3


@pytest.mark.parametrize("woken", [False, True])
def test_nothing_listens_after_its_end(bench: Bench, woken: bool) -> None:
    """Whether it was ever woken or not."""
    port = bench.port()
    if woken:
        bench.shell.wake()
    bench.shell.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    bench.shell.wake()
    assert len(bench.made) == woken


def test_no_port_is_an_error_of_its_start() -> None:
    """The Deferred fails with what the machine said."""

    def none() -> socket.socket:
        raise HostError("no descriptors are left")

    told: list[str] = []
    shell = LateShell(none, lambda taken, limits: None, lambda shell, limits: None, HelperLimits())  # type: ignore[arg-type,return-value]
    shell.start().addErrback(lambda failure: told.append(str(failure.value)))
    assert told == ["no descriptors are left"]
