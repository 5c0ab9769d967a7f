"""The stream shell: a listener whose connections pass through a helper's sessions.

The packet filter redirects TCP to the listener.  For each connection the shell
finds out where it was going, asks whether it may (limits), connects the second
leg - by the same uplink, from the client's own port where that is free - and lets
a session decide what passes (flow.py).  A published service is the other way
round: the inside server sees the client's real address.
"""

from collections import Counter
from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from icsframework.dataplane.plane import DataPlane
from icsframework.frozen import dataclass
from icsframework.helpers.counters import Counters, Figures
from icsframework.helpers.flow import FlowParts, StreamFlow
from icsframework.helpers.heartbeat import Change, Heartbeat
from icsframework.helpers.leg import Leg
from icsframework.helpers.limits import Limits
from icsframework.helpers.network import IStreamNetwork
from icsframework.helpers.pairs import Pairs
from icsframework.helpers.report import Report
from icsframework.helpers.turns import Turns
from icsframework.helpers.waiting import Waiting
from icsframework.helpers.way import Course, agrees, fate, source_address, uplink_of, uplink_towards
from icsframework.interfaces import IClock, IEvents, IMappings
from icsframework.values import Address, Endpoint, Flow, StreamProxy

__all__ = ["Figures", "Limits", "StreamParts", "StreamShell"]


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What a shell stands on.

    ``mappings`` are those of the helper's own view of the gateway.  ``published`` says which inside server a port
    (second argument) of an uplink (its name) leads to, None if to none.  ``change`` is IElements.change.  ``pairs`` are
    those of all shells.
    """

    clock: IClock
    events: IEvents
    log: Logger
    network: IStreamNetwork
    mappings: IMappings
    published: Callable[[str, int], Endpoint | None]
    change: Change
    pairs: Pairs


NO_UPLINK = "no uplink is its way"

RELAYED = 2
"""With ``fail: open`` as many connections again are relayed without a session as ``limits.sessions`` allows; then they are reset."""


class StreamShell:
    """One listener, for one StreamProxy of the helper ``name``; ``proxy.fail`` is what the configuration says, if it says."""

    def __init__(self, name: str, proxy: StreamProxy, limits: Limits, parts: StreamParts) -> None:
        self._name = name
        self._proxy = proxy
        self._limits = limits
        self._parts = parts
        self._plane: DataPlane | None = None
        self._port: IListeningPort | None = None
        self._heartbeat = Heartbeat(parts.clock, parts.change, parts.log, name)
        self._counters = Counters()
        self._report = Report(name, parts.clock, parts.events, parts.log)
        self._flow_parts = FlowParts(
            parts.clock,
            parts.network,
            parts.mappings,
            self._report,
            self._counters,
            parts.log,
            proxy.fail,
            self._arrived,
            self._gone,
            Turns(parts.clock),
        )
        self._waiting = Waiting(parts.clock, self._decide)
        self._flows: set[StreamFlow] = set()
        self._clients: Counter[Address] = Counter()
        self._stopped: Deferred[None] | None = None

    # --- for the gateway

    def start(self) -> Deferred[int]:
        """Deferred of the local port that it listens on; fails with a HostError.  The filter is to redirect there."""
        self._make_room()
        return self._parts.network.listen(_Arrivals(self._flow_parts, self._name)).addCallback(
            self._listening
        )

    def _make_room(self) -> None:
        most = self._limits.sessions * (RELAYED if self._proxy.fail == "open" else 1)
        self._parts.network.make_room(f"{self._name} {self._proxy.direction}", most)

    def _listening(self, port: IListeningPort) -> int:
        self._port = port
        number: int = port.getHost().port  # type: ignore[attr-defined]
        if self._proxy.fail == "open":
            self._heartbeat.start(number)
            if self._plane is not None:
                self._heartbeat.beat()
        return number

    def stop(self) -> Deferred[None]:
        """Close the listener, reset every control connection and release its ports; Deferred fires when nothing is left.

        Flows that run through such ports are in the kernel and go on.
        """
        return gatherResults(
            [self._heartbeat.stop(), self._close_listener(), self._end_all()], consumeErrors=True
        ).addCallback(lambda _: None)

    def _close_listener(self) -> Deferred[None]:
        port, self._port = self._port, None
        return (port.stopListening() if port is not None else None) or succeed(None)

    def _end_all(self) -> Deferred[None]:
        self._waiting.end("the helper stops")
        for flow in tuple(self._flows):
            flow.end("the helper stops")
        if not self._flows:
            return succeed(None)
        self._stopped = Deferred()
        return self._stopped

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force: flows that cannot go on by their uplink are ended, so that nobody waits for them."""
        self._plane = plane
        self._heartbeat.beat()
        self._parts.pairs.in_force(plane)
        for flow in tuple(self._flows):
            course = flow.course
            reason = fate(plane, course.flow.uplink, course.flow.outside.address) if course else None
            if course is not None and reason is not None and not self._find_another(flow, course):
                flow.end(reason)
        self._waiting.look()

    def _find_another(self, flow: StreamFlow, before: Course) -> bool:
        """Another way for a flow that has lost its own: there is one while its server has not answered yet.

        Not inbound: the client has called this address, and an inside server is none of any uplink.
        """
        client, wanted = before.flow.client, before.to
        course = self._course(client, wanted, self._way(client, wanted))
        if course is None or not flow.change(course):
            return False
        self._parts.pairs.hold(flow, course.flow)
        return True

    def use(self, limits: Limits) -> None:
        """From now on these limits hold: for the connections that come.  Those that are there go on under theirs."""
        self._limits = limits
        self._make_room()

    def figures(self) -> Figures:
        """What is open now and what was counted since the start."""
        expectations = sum(flow.expectations for flow in self._flows)
        return self._counters.figures(len(self._flows), expectations)

    # --- connections

    def _arrived(self, flow: StreamFlow) -> None:
        """The filter brought a connection, or somebody has found the listener."""
        wanted = self._parts.network.destination(flow.client.tcp)
        if wanted is None:
            self._counters.direct += 1
            flow.end("it was not redirected")
            return
        self._counters.total += 1
        if not self._decide(flow, len(self._waiting) >= self._limits.sessions):
            self._waiting.add(flow)

    def _decide(self, flow: StreamFlow, now: bool) -> bool:
        """Say how a connection goes on; False if that can be said better in a moment and need not be ``now``."""
        wanted = self._parts.network.destination(flow.client.tcp) if not flow.client.gone else None
        if wanted is None:  # nobody waits any more, or the kernel has forgotten what for
            flow.end("it is gone")
            return True
        client = flow.client.peer
        local = self._way(client, wanted)
        if not now and self._plane is not None and not agrees(self._plane, local):
            return False
        self._go_on(flow, client, wanted, local)
        return True

    def _go_on(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint, local: Address | None) -> None:
        course = self._course(client, wanted, local)
        if course is None:
            self._refuse(flow, client, wanted, NO_UPLINK)
            return
        limit = self._limit(client.address)
        if limit is not None and (self._proxy.fail == "closed" or self._limit(client.address, RELAYED)):
            self._refuse(flow, client, wanted, limit)
            return
        self._counters.relayed += limit is not None
        self._flows.add(flow)
        self._clients[client.address] += 1
        self._parts.pairs.hold(flow, course.flow)
        flow.connect(course, self._proxy.session if limit is None else None, self._limits)

    def _refuse(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint, reason: str) -> None:
        self._counters.refused += 1
        self._report.refused(client, wanted, reason)
        flow.end("it was refused")

    def _limit(self, client: Address, times: int = 1) -> str | None:
        """The limit that one more connection of this client would exceed, taken so many times; None if none."""
        if len(self._flows) >= self._limits.sessions * times:
            return "limits.sessions"
        if self._clients[client] >= self._limits.per_client * times:
            return "limits.sessions, of which one client may have a part"
        return None

    def _way(self, client: Endpoint, wanted: Endpoint) -> Address | None:
        """The address of ours that a connection has outside: that of others of the two hosts, else that of the route."""
        if self._proxy.direction == "inbound":
            return wanted.address
        shared = self._parts.pairs.address(client.address, wanted.address)
        if shared is not None and self._plane is not None and uplink_of(self._plane, shared) is not None:
            return shared
        return self._parts.network.way_to(wanted.address)

    def _course(self, client: Endpoint, wanted: Endpoint, local: Address | None) -> Course | None:
        """How a connection of ``client`` to ``wanted`` goes on from ``local``; None if it cannot."""
        if self._plane is None:
            return None
        if self._proxy.direction == "inbound":
            return self._inward(self._plane, client, wanted)
        uplink = uplink_towards(self._plane, local)
        address = source_address(uplink, wanted.address.version, local) if uplink else None
        if uplink is None or address is None:
            return None
        source = Endpoint(address, client.port)
        flow = Flow("tcp", client, wanted, source, uplink.name)
        return Course(flow, wanted, source, self._plane.marks.uplink_mark(uplink.index))

    def _inward(self, plane: DataPlane, client: Endpoint, wanted: Endpoint) -> Course | None:
        uplink = uplink_of(plane, wanted.address)
        inside = self._parts.published(uplink.name, wanted.port) if uplink else None
        if uplink is None or inside is None:
            return None
        flow = Flow("tcp", client, inside, wanted, uplink.name, "inbound")
        return Course(flow, inside, client, transparent=True)

    def _gone(self, flow: StreamFlow) -> None:
        if flow not in self._flows or flow.course is None:
            return
        self._flows.discard(flow)
        self._parts.pairs.release(flow)
        client = flow.course.flow.client.address
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        if not self._flows and self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)


class _Arrivals(Factory):
    """Makes the first leg of a flow for each connection."""

    noisy = False

    def __init__(self, parts: FlowParts, name: str) -> None:
        self._parts = parts
        self._name = name

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return f"helper {self._name}"

    def buildProtocol(self, addr: IAddress | None) -> Leg:
        """See IProtocolFactory."""
        return StreamFlow(self._parts).client
