r"""A stream shell between a client and a server in memory: a helper's sessions under the very code that carries them.

    bench = StreamBench(session=MySession)
    client, server = bench.pair()
    client.says(b"PORT 192,168,0,10,195,80\r\n")
    bench.turn()
    assert server.heard == b"PORT 203,0,113,5,195,80\r\n"
    assert bench.stop() and bench.idle          # nothing is left

Hosts are those of flows.py.  Without ``session`` everything passes on, except what ``script`` answers.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_interface
from typing import Any, Literal

from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.helpers.limits import Limits
from icsframework.helpers.pairs import Pairs
from icsframework.helpers.stream import StreamParts, StreamShell
from icsframework.helpers.wanted import asker
from icsframework.testing.elements import FakeElements
from icsframework.testing.flows import CLIENT_PORT, INSIDE, OUTSIDE, PEER
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.wire import MemoryConnection, MemoryNetwork
from icsframework.values import Address, Endpoint, Family, Flow, Link, Send, SessionFactory, Side, StreamProxy

__all__ = ["CABLE", "CLIENT", "DSL", "ONE_UPLINK", "SERVER", "TWO_UPLINKS", "Passing", "StreamBench"]

CLIENT = Endpoint(INSIDE, CLIENT_PORT)
SERVER = Endpoint(PEER, 21)


def _uplink(name: str, index: int, interface: str, address: Address) -> UplinkSide:
    family = Family((ip_interface(f"{address}/24"),), None)
    link = Link(interface, index, None, "ethernet", "kernel", 1500, False, 0.0, family)
    return UplinkSide(name, index, interface, link)


CABLE = _uplink("cable", 1, "eth0", OUTSIDE)
DSL = _uplink("dsl", 2, "eth9", ip_address("198.51.100.7"))
ONE_UPLINK = DataPlane(uplinks=(CABLE,))
TWO_UPLINKS = DataPlane(uplinks=(CABLE, DSL), active="cable")


class Passing:
    """A session that passes everything on; ``script`` maps bytes, or (method, argument), to other answers.

    An answer is what to return, an exception to raise, or a function of the session.  ``heard`` is what it was told.
    """

    def __init__(self, flow: Flow, script: Mapping[Any, Any]) -> None:
        self.flow = flow
        self.heard: list[Any] = []
        self.due: Any = None
        self._script = script

    def _answer(self, key: Any, default: Any) -> Any:
        self.heard.append(key)
        answer = self._script.get(key, default)
        if isinstance(answer, Exception):
            raise answer
        return answer(self) if callable(answer) else answer

    def received(self, side: Side, data: bytes, now: float) -> Any:
        """See ISession."""
        return self._answer(data, [Send(side.other, data)])

    def opened(self, token: Any, result: Any, now: float) -> Any:
        """See ISession.  ``heard`` gets the result as well."""
        self.heard.append(result)
        return self._answer(("opened", token), [])

    def closed(self, side: Side, now: float) -> Any:
        """See ISession."""
        return self._answer(("closed", side), [])

    def timeout(self, now: float) -> Any:
        """See ISession."""
        return self._answer(("timeout", now), [])

    def deadline(self) -> Any:
        """See ISession."""
        return self.due


class Lines:
    """A log that keeps its lines: (level, text, failure or None)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Any]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        def write(text: str, failure: Any = None, *_: Any, **fields: Any) -> None:
            self.lines.append((level, text.format(**fields), failure))

        return write


class StreamBench:
    """The shell and everything around it; ``client`` and ``server`` ends are those of wire.py."""

    def __init__(
        self,
        script: Mapping[Any, Any] | None = None,
        *,
        session: SessionFactory | None = None,
        fail: Literal["open", "closed"] = "closed",
        direction: Literal["outbound", "inbound"] = "outbound",
        limits: Limits | None = None,
        plane: DataPlane = ONE_UPLINK,
    ) -> None:
        self.gateway = FakeGateway("helper.test")
        self.clock = self.gateway.clock
        self.mappings = self.gateway.mappings
        self.elements = FakeElements(self.clock)
        self.network = MemoryNetwork()
        self.network.way = OUTSIDE
        self.log = Lines()
        self.published: dict[tuple[str, int], Endpoint] = {}
        self.sessions: list[Passing] = []
        self._script = script or {}
        parts = StreamParts(
            self.clock,
            self.gateway.events,
            self.log,  # type: ignore[arg-type]  # as far as the shell uses a Logger
            self.network,
            self.mappings,
            lambda uplink, port: self.published.get((uplink, port)),
            self.elements.change,
            Pairs(self.clock, self.elements.change, self.log),  # type: ignore[arg-type]
            asker(self.gateway),
        )
        proxy = StreamProxy((21,), session or self._passing, direction, fail)
        self.shell = StreamShell("test", proxy, limits or Limits(), parts)
        self.shell.in_force(plane)
        self.port = 0
        self.start()

    def _passing(self, flow: Flow) -> Passing:
        self.sessions.append(Passing(flow, self._script))
        return self.sessions[-1]

    def start(self) -> None:
        """Listen, at the beginning or again."""
        self.shell.start().addCallback(self._listening)

    def _listening(self, port: int) -> None:
        self.port = port

    def call(self, client: Endpoint = CLIENT, server: Endpoint | None = SERVER) -> MemoryConnection:
        """A client calls; its end."""
        return self.network.arrive(client, server)

    def pair(
        self, client: Endpoint = CLIENT, server: Endpoint = SERVER
    ) -> tuple[MemoryConnection, MemoryConnection]:
        """The same, and the server has answered: both ends."""
        ours = self.call(client, server)
        theirs = self.network.dialled[-1].accept()
        self.turn()
        return ours, theirs

    def turn(self) -> None:
        """Until nothing stirs."""
        self.clock.clock.advance(0)
        self.network.turn(lambda: self.clock.clock.advance(0))

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.gateway.advance(seconds)
        self.turn()

    def stop(self) -> bool:
        """Stop the shell; whether that has come to its end."""
        done: list[object] = []
        self.shell.stop().addBoth(done.append)
        self.turn()
        return done == [None]

    @property
    def details(self) -> Mapping[str, int]:
        """The counters."""
        return self.shell.figures().details

    @property
    def idle(self) -> bool:
        """Nothing is left: no session, no timer, no port."""
        timers = self.clock.clock.getDelayedCalls()
        return not self.shell.figures().sessions and not timers and not self.mappings.granted
