"""DNS over TCP towards clients (RFC 7766): pipelined, bounded, closed when idle."""

from itertools import count
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ics_plugins.lan.dns.actions import Asker
from ics_plugins.lan.dns.listener import Clients, Perform
from ics_plugins.lan.dns.proxy import DnsProxy
from icsframework.interfaces import IClock
from icsframework.values import Address, Lan

__all__ = ["DnsConnection", "TcpListener"]

IDLE = 10.0
"""Seconds without a question or an answer, while nothing is unanswered (RFC 7766 section 6.2.3: a few seconds)."""
LONGEST_ANSWER = 90.0
"""Seconds that a connection waits for an answer: a link may take a minute (held.py), and then the servers their time."""
MAX_CONNECTIONS = 128
"""Connections of one LAN."""
MAX_CONNECTIONS_CLIENT = 16
"""Connections of one client; RFC 7766 section 6.2.2 asks it to use one."""
MAX_UNANSWERED = 32
"""Questions of one connection on their way; it is not read meanwhile, so its buffer is the kernel's."""
MAX_BUFFER = 2 + 65535
"""Octets kept of a message that is not complete (RFC 1035 section 4.2.2)."""

_numbers = count(1)


@implementer(IPushProducer)
class DnsConnection(Protocol):
    """One client's connection.  It is its own producer: not read while the client does not read."""

    transport: Any

    def __init__(self, listener: "TcpListener", client: Address, port: int) -> None:
        self.number = next(_numbers)
        self.client = client
        self._asker = Asker(listener.lan, client, port, self.number)
        self._listener = listener
        self._buffer = b""
        self._unanswered = 0
        self._full = False
        self._ended = False
        self._idle: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """See Protocol."""
        self._listener.connections[self.number] = self
        self.transport.registerProducer(self, True)
        self._touch()

    def _touch(self) -> None:
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        patience = LONGEST_ANSWER if self._unanswered else IDLE
        self._idle = self._listener.clock.call_later(patience, self.close)

    def dataReceived(self, data: bytes) -> None:
        """See Protocol."""
        self._buffer += data
        self._read()

    def _read(self) -> None:
        """Ask what is complete, as long as not too much is unanswered."""
        while len(self._buffer) >= 2 and self._unanswered < MAX_UNANSWERED and not self._ended:
            size = int.from_bytes(self._buffer[:2])
            if len(self._buffer) < size + 2:
                break
            message, self._buffer = self._buffer[2 : size + 2], self._buffer[size + 2 :]
            self._unanswered += 1
            self._touch()
            if not self._listener.ask(self._asker, message):
                self.close()  # garbage: what follows it cannot be trusted either
        self._flow()

    def _flow(self) -> None:
        if self._ended:
            return
        if self._full or self._unanswered >= MAX_UNANSWERED or len(self._buffer) >= MAX_BUFFER:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()

    def answer(self, message: bytes) -> None:
        """Send an answer; any order is allowed (RFC 7766 section 6.2.1.1)."""
        if self._ended:
            return
        self._unanswered -= 1
        self._touch()
        self.transport.write(len(message).to_bytes(2) + message)

    def answered(self) -> None:
        """Go on reading after a round of answers."""
        if self._buffer:
            self._read()
        else:
            self._flow()

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._full = True
        self._flow()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._full = False
        self.answered()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self.close()

    def close(self) -> None:
        """End it, after what was written."""
        if not self._ended:
            self._ended = True
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See Protocol."""
        self._ended = True
        if self._idle is not None and self._idle.active():
            self._idle.cancel()
        self._listener.connections.pop(self.number, None)


class TcpListener(Factory):
    """One LAN's TCP port."""

    noisy = False

    def __init__(self, lan: Lan, proxy: DnsProxy, clock: IClock, perform: Perform) -> None:
        self.lan = lan.name
        self.clock = clock
        self.clients = Clients(lan)
        self.connections: dict[int, DnsConnection] = {}
        self._proxy = proxy
        self._perform = perform

    def buildProtocol(self, addr: IAddress | None) -> DnsConnection | None:
        """See Factory.  None closes the connection at once."""
        client = self.clients.get(str(getattr(addr, "host", "")))
        mine = sum(connection.client == client for connection in self.connections.values())
        if client is None or len(self.connections) >= MAX_CONNECTIONS or mine >= MAX_CONNECTIONS_CLIENT:
            self._proxy.counters.dropped += 1
            return None
        return DnsConnection(self, client, int(getattr(addr, "port", 0)))

    def ask(self, asker: Asker, message: bytes) -> bool:
        """Hand a question to the proxy; False if it was garbage."""
        dropped = self._proxy.counters.dropped
        self._perform(self._proxy.ask(asker, message, self.clock.now()))
        return self._proxy.counters.dropped == dropped

    def send(self, asker: Asker, message: bytes) -> None:
        """Answer by the asker's connection, if it is still there."""
        connection = self.connections.get(asker.connection)
        if connection is not None:
            connection.answer(message)

    def close(self) -> None:
        """End all connections."""
        for connection in list(self.connections.values()):
            connection.close()
