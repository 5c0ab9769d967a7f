"""The stream shell: a listener whose connections pass through a helper's sessions.

The packet filter redirects TCP to the listener.  For each connection the shell
finds out where it was going, asks whether it may (limits), waits for a link if one
has to be dialled (unlinked.py), connects the second leg - by the same uplink, from
the client's own port where that is free (courses.py) - and lets a session decide
what passes (flow.py).  A published service is the other way round: the inside
server sees the client's real address.
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
from icsframework.helpers.courses import Courses
from icsframework.helpers.flow import FlowParts, StreamFlow
from icsframework.helpers.heartbeat import Change, Heartbeat
from icsframework.helpers.leg import Leg
from icsframework.helpers.limits import Limits
from icsframework.helpers.network import IStreamNetwork
from icsframework.helpers.pairs import Pairs
from icsframework.helpers.report import Report
from icsframework.helpers.turns import Turns
from icsframework.helpers.unlinked import Unlinked
from icsframework.helpers.waiting import Waiting
from icsframework.helpers.wanted import Ask, ask_nobody
from icsframework.helpers.way import Course, agrees, concerns, fate, held, unlinked
from icsframework.interfaces import IClock, IEvents, IMappings
from icsframework.values import Address, Endpoint, StreamProxy

__all__ = ["Figures", "Limits", "StreamParts", "StreamShell"]


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What a shell stands on.

    ``mappings`` are those of the helper's own view of the gateway.  ``published`` says which inside server a port
    (second argument) of an uplink (its name) leads to, None if to none.  ``change`` is IElements.change.  ``pairs`` are
    those of all shells.  ``ask`` is wanted.asker of the same view.
    """

    clock: IClock
    events: IEvents
    log: Logger
    network: IStreamNetwork
    mappings: IMappings
    published: Callable[[str, int], Endpoint | None]
    change: Change
    pairs: Pairs
    ask: Ask = ask_nobody


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
        self._courses = Courses(proxy.direction, parts.network, parts.pairs, parts.published)
        self._port: IListeningPort | None = None
        self._listener = 0
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
            self._spoke,
            self._gone,
            Turns(parts.clock),
        )
        self._waiting = Waiting(parts.clock, self._decide)
        self._unlinked = Unlinked(
            parts.clock, parts.log, parts.ask, self._linked, self._refuse, self._still_waits
        )
        self._cut_off = Unlinked(parts.clock, parts.log, parts.ask, lambda flow: None, _give_up)
        """Sessions whose client has said something while their link is down."""
        self._without_link = False
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
        self._listener = port.getHost().port  # type: ignore[attr-defined]
        if self._proxy.fail == "open":
            self._heartbeat.start(self._listener)
            if self._plane is not None:
                self._heartbeat.beat()
        return self._listener

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
        for waiting in (self._waiting, self._unlinked):
            waiting.end("the helper stops")
        for flow in tuple(self._flows):
            flow.end("the helper stops")
        if not self._flows:
            return succeed(None)
        self._stopped = Deferred()
        return self._stopped

    def in_force(self, plane: DataPlane) -> None:
        """From now on ``plane`` is in force: flows that cannot go on by their uplink are ended, so that nobody waits for them."""
        self._plane = self._courses.plane = plane
        self._without_link = self._proxy.direction == "outbound" and unlinked(plane)
        self._heartbeat.beat()
        self._parts.pairs.in_force(plane)
        for flow in tuple(self._flows):
            course = flow.course
            reason = fate(plane, course.flow.uplink, course.flow.outside.address) if course else None
            if course is not None and reason is not None and not self._find_another(flow, course):
                flow.end(reason)
        self._waiting.look()
        if not self._without_link:
            self._unlinked.go_on()
            self._cut_off.go_on()

    def _find_another(self, flow: StreamFlow, before: Course) -> bool:
        """Another way for a flow that has lost its own: there is one while its server has not answered yet.

        Not inbound: the client has called this address, and an inside server is none of any uplink.
        """
        client, wanted = before.flow.client, before.to
        course = self._courses.course(client, wanted, self._courses.way(client, wanted))
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
        local = self._courses.way(client, wanted)
        if not now and self._plane is not None and not agrees(self._plane, local):
            return False
        if self._needs_link(local) and not flow.has_asked:
            self._ask(flow, client, wanted)
        else:
            self._go_on(flow, client, wanted, local)
        return True

    def _go_on(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint, local: Address | None) -> None:
        course = self._courses.course(client, wanted, local)
        if course is None:
            self._refuse(flow, client, wanted, NO_UPLINK)
            return
        limit = self._limit(client.address)
        if limit is not None and self._is_too_much(client.address):
            self._refuse(flow, client, wanted, limit)
            return
        self._counters.relayed += limit is not None
        self._flows.add(flow)
        self._clients[client.address] += 1
        self._parts.pairs.hold(flow, course.flow)
        helped = limit is None and self._is_for(course)
        flow.connect(course, self._proxy.session if helped else None, self._limits)

    def _is_for(self, course: Course) -> bool:
        """Whether the helper is for this uplink: one that somebody waited for may be another; it is relayed as it is."""
        return self._plane is None or concerns(self._plane, self._listener, course.flow.uplink)

    def _refuse(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint, reason: str) -> None:
        self._counters.refused += 1
        self._report.refused(client, wanted, reason)
        flow.end("it was refused")

    def _limit(self, client: Address, times: int = 1) -> str | None:
        """The limit that one more connection of this client would exceed, taken so many times; None if none.

        Who waits for a link counts until it is there; then they have their turn in the order in which they came.
        """
        waiting, mine = (len(self._unlinked), self._unlinked.of(client)) if self._without_link else (0, 0)
        if len(self._flows) + waiting >= self._limits.sessions * times:
            return "limits.sessions"
        if self._clients[client] + mine >= self._limits.per_client * times:
            return "limits.sessions, of which one client may have a part"
        return None

    def _is_too_much(self, client: Address) -> bool:
        """Whether one more connection of this client, beyond its limits, may not even be relayed."""
        return self._proxy.fail == "closed" or self._limit(client, RELAYED) is not None

    # --- while no link is up

    def _needs_link(self, local: Address | None) -> bool:
        """No link is up, as far as we know, or as far as the kernel does if it stays ahead of us."""
        plane = self._plane if self._proxy.direction == "outbound" else None
        return self._without_link or (plane is not None and held(plane, local))

    def _ask(self, flow: StreamFlow, client: Endpoint, wanted: Endpoint) -> None:
        """Somebody wants to connect, and a link may be dialled for it."""
        limit = self._limit(client.address)
        if limit is not None and self._is_too_much(client.address):
            self._refuse(flow, client, wanted, limit)
            return
        flow.has_asked = True
        self._counters.awaited += 1
        self._unlinked.add(flow, client, wanted)

    def _linked(self, flow: StreamFlow) -> None:
        if not self._decide(flow, False):
            self._waiting.add(flow)

    def _still_waits(self, flow: StreamFlow) -> bool:
        return not flow.client.gone and self._parts.network.waits(flow.client.tcp)

    def _spoke(self, flow: StreamFlow) -> None:
        """A client goes on with its session: its link is wanted again if it was hung up meanwhile."""
        if self._without_link and flow.course is not None and flow not in self._cut_off:
            self._cut_off.add(flow, flow.course.flow.client, flow.course.to)

    def _gone(self, flow: StreamFlow) -> None:
        self._cut_off.forget(flow)
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


def _give_up(flow: StreamFlow, client: Endpoint, wanted: Endpoint, reason: str) -> None:
    flow.end(f"its link is down: {reason}")


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
