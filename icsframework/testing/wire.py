"""TCP in memory for the stream shell: an IStreamNetwork whose connections the test is the other end of.

    network = MemoryNetwork()
    shell = StreamShell("ftp", proxy, limits, parts(network=network, ...))
    shell.start()
    client = network.arrive(Endpoint(CLIENT, 40000), wanted=Endpoint(SERVER, 21))
    server = network.dialled[0].accept()
    client.says(b"hello")
    network.turn()                       # one turn of the reactor after the other, until nothing stirs
    assert server.heard == b"hello"

A peer that does not read (``reads`` False) lets our buffer fill, as the kernel would after its own.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IListeningPort, IProtocol, IProtocolFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.errors import ConnectFailed
from icsframework.helpers.network import IStreamNetwork
from icsframework.values import Address, Endpoint

__all__ = ["BUFFER", "Dial", "MemoryConnection", "MemoryNetwork"]

BUFFER = 1 << 16
"""Bytes that wait before a producer is paused: Twisted's."""
LISTENER = 41111


@dataclass(slots=True)
class _Peer:
    """What the other end of a connection has heard and said."""

    heard: bytearray = field(default_factory=bytearray)
    said: deque[bytes | None] = field(default_factory=deque)


class MemoryConnection:
    """One connection: a transport for the protocol, and the peer for the test.

    ``heard`` is what came through to the peer, ``closed`` says that our FIN did, ``aborted`` that it was reset.
    """

    def __init__(self, here: Endpoint, peer: Endpoint) -> None:
        self.reads = True
        self.closed = False
        self.aborted = False
        self.lost = False
        self.near: bool | None = None
        """What ``tune`` was told."""
        self.waiting = bytearray()
        """What the peer has not read yet."""
        self._here, self._peer = here, peer
        self._end = _Peer()
        self._protocol: Any = None
        self._producer: Any = None
        self._paused = False  # the producer
        self._reading = True
        self._writing = False  # the reactor asks whether it can
        self._finishing = False
        self._closing = False
        self._over: Failure | None = None

    def attach(self, protocol: Any) -> None:
        """The protocol on our end."""
        self._protocol = protocol
        protocol.makeConnection(self)

    # --- the peer, for the test

    @property
    def heard(self) -> bytes:
        """Everything that the peer has read."""
        return bytes(self._end.heard)

    @property
    def unread(self) -> int:
        """Bytes that it said and that we have not taken."""
        return sum(len(data) for data in self._end.said if data is not None)

    @property
    def waits(self) -> bool:
        """It is connected, and has not closed without a word."""
        return self._over is None and not self.lost and (not self._end.said or self._end.said[0] is not None)

    def says(self, data: bytes) -> None:
        """The peer sends bytes: they arrive as one segment."""
        self._end.said.append(data)

    def closes(self) -> None:
        """The peer sends its FIN."""
        self._end.said.append(None)

    def resets(self) -> None:
        """The peer sends RST."""
        self._over = Failure(ConnectionLost("reset by the test"))

    # --- ITCPTransport, for the protocol

    def write(self, data: bytes) -> None:
        """See ITransport."""
        if self.lost or self.closed or self._finishing or self._closing:
            return
        self.waiting += data
        self._writing = True
        if len(self.waiting) > BUFFER and self._producer is not None and not self._paused:
            self._paused = True
            self._producer.pauseProducing()

    def loseWriteConnection(self) -> None:
        """See ITCPTransport."""
        self._finishing = self._writing = True

    def loseConnection(self) -> None:
        """See ITransport."""
        self._closing = self._writing = True

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.aborted = True
        self._over = Failure(ConnectionAborted())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer."""
        assert streaming, "a pull producer is not what legs are"
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        self._producer = None
        self._writing = self._writing or self._closing

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._reading = False

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._reading = True

    def getPeer(self) -> IPv4Address:
        """See ITransport."""
        return IPv4Address("TCP", str(self._peer.address), self._peer.port)

    def getHost(self) -> IPv4Address:
        """See ITransport."""
        return IPv4Address("TCP", str(self._here.address), self._here.port)

    # --- one turn of the reactor

    def turn(self) -> bool:
        """Do one thing that is due; False if there is nothing."""
        if self.lost:
            return False
        return self._lose() or self._flush() or self._deliver()

    def _lose(self) -> bool:
        if self._over is None:
            return False
        self.lost = True
        self._protocol.connectionLost(self._over)
        return True

    def _flush(self) -> bool:
        """As in Twisted: when all is out a paused producer is resumed, and only without one the connection ends."""
        if not self._writing or (self.waiting and not self.reads):
            return False
        self._end.heard += self.waiting
        self.waiting.clear()
        self._writing = False
        if self._producer is not None and self._paused:
            self._paused = False
            self._producer.resumeProducing()
        elif self._closing:
            self.closed = True
            self._over = Failure(ConnectionDone())
        elif self._finishing and not self.closed:
            self.closed = True
            self._protocol.writeConnectionLost()
        return True

    def _deliver(self) -> bool:
        if not self._reading or not self._end.said:
            return False
        data = self._end.said.popleft()
        if data is None:
            self._reading = False
            self._protocol.readConnectionLost()
        else:
            self._protocol.dataReceived(data)
        return True


@dataclass(slots=True)
class Dial:
    """One ``connect``: what was asked for, and how it ends."""

    leg: Any
    to: Endpoint
    source: Endpoint
    mark: int
    transparent: bool
    timeout: float
    answer: "Deferred[None]"
    network: "MemoryNetwork"

    def accept(self, source: Endpoint | None = None) -> MemoryConnection:
        """The server answers; ``source`` is the one that was to be had, if not the one asked for."""
        made = self.network.adopt(MemoryConnection(source or self.source, self.to), self.leg)
        self.answer.callback(None)
        return made

    def refuse(self, error: Exception | None = None) -> None:
        """It does not."""
        self.answer.errback(error or ConnectFailed(f"Cannot connect to {self.to}: Connection refused."))


@implementer(IListeningPort)
class _Port:
    def __init__(self, network: "MemoryNetwork") -> None:
        self._network = network

    def startListening(self) -> None:
        """See IListeningPort."""

    def stopListening(self) -> None:
        """See IListeningPort."""
        self._network.factory = None

    def getHost(self) -> IPv4Address:
        """See IListeningPort."""
        return IPv4Address("TCP", "0.0.0.0", LISTENER)  # noqa: S104 - nothing listens


@implementer(IStreamNetwork)
class MemoryNetwork:
    """See the module.  ``ways`` are the addresses that routes leave from, ``way`` is that of all others."""

    def __init__(self) -> None:
        self.factory: IProtocolFactory | None = None
        """Who listens."""
        self.dialled: list[Dial] = []
        self.way: Address | None = None
        self.ways: dict[Address, Address | None] = {}
        self.room: dict[str, int] = {}
        """How many connections each owner said it may have."""
        self.connections: list[MemoryConnection] = []
        self._wanted: dict[int, Endpoint | None] = {}

    # --- for the test

    def arrive(
        self, client: Endpoint, wanted: Endpoint | None, here: Endpoint | None = None
    ) -> MemoryConnection:
        """A connection that was going to ``wanted`` is redirected to the listener; None: to the listener itself."""
        assert self.factory is not None, "nobody listens"
        made = MemoryConnection(here or Endpoint(client.address, LISTENER), client)
        self._wanted[id(made)] = wanted
        protocol: Any = self.factory.buildProtocol(made.getPeer())
        return self.adopt(made, protocol)

    def adopt(self, made: MemoryConnection, protocol: Any) -> MemoryConnection:
        """Keep a connection and give it its protocol."""
        self.connections.append(made)
        made.attach(protocol)
        return made

    def forget(self, connection: MemoryConnection) -> None:
        """The kernel no longer knows where it was going."""
        self._wanted[id(connection)] = None

    def turn(self, between: Callable[[], object] | None = None) -> None:
        """Turns of the reactor until nothing stirs; ``between`` is called after each."""
        while sum(connection.turn() for connection in self.connections):  # each of them
            if between is not None:
                between()

    # --- IStreamNetwork

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """See IStreamNetwork."""
        self.factory = factory
        answer: Deferred[IListeningPort] = Deferred()
        answer.callback(_Port(self))
        return answer

    def make_room(self, owner: str, connections: int) -> None:
        """See IStreamNetwork."""
        self.room[owner] = connections

    def destination(self, transport: Any) -> Endpoint | None:
        """See IStreamNetwork."""
        return self._wanted[id(transport)]

    def waits(self, transport: Any) -> bool:
        """See IStreamNetwork."""
        return bool(transport.waits)

    def way_to(self, address: Address) -> Address | None:
        """See IStreamNetwork."""
        return self.ways.get(address, self.way)

    def connect(
        self,
        leg: IProtocol,
        to: Endpoint,
        source: Endpoint,
        mark: int = 0,
        transparent: bool = False,
        timeout: float = 30.0,
    ) -> Deferred[None]:
        """See IStreamNetwork."""
        answer: Deferred[None] = Deferred()
        self.dialled.append(Dial(leg, to, source, mark, transparent, timeout, answer, self))
        return answer

    def tune(self, transport: Any, near: bool) -> None:
        """See IStreamNetwork."""
        transport.near = near
