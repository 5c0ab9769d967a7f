"""The sockets towards servers: a pool of UDP sockets on random ports, and one TCP connection for each long answer.

All carry the active uplink's mark, so that they leave by it whatever the
routing table says.  A new uplink means new sockets.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from socket import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from ics_plugins.lan.dns.actions import Forward, ForwardTcp
from ics_plugins.lan.dns.forwarder import TCP_TIMEOUT
from ics_plugins.lan.dns.listener import Perform, note_defect
from ics_plugins.lan.dns.proxy import DnsProxy
from ics_plugins.lan.dns.tries import SLOTS
from icsframework.errors import HostError
from icsframework.interfaces import IClock, IHost
from icsframework.values import Address, Endpoint

__all__ = ["TcpQuestions", "UdpPool"]

MAX_ANSWER = 65535
"""Octets of a datagram or of a message by TCP."""
BATCH = 128
"""Answers read from one socket in one turn of the reactor."""
RECEIVE_BUFFER = 1024 * 1024
"""Octets; answers that come while the reactor is busy."""
MAX_TCP = 64
"""Questions by TCP at a time; more are failures, and are tried again by their exchange."""

ANYWHERE: dict[int, Address] = {4: IPv4Address("0.0.0.0"), 6: IPv6Address("::")}  # noqa: S104 - the mark decides where it leaves


@implementer(IReadDescriptor)
class _UdpSocket:
    """One socket of the pool."""

    def __init__(self, pool: "UdpPool", slot: int, sock: socket) -> None:
        self._pool, self._slot, self.socket = pool, slot, sock

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return self.socket.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "dns upstream"

    def connectionLost(self, reason: Any) -> None:
        """See IReadDescriptor."""
        self.socket.close()

    def doRead(self) -> None:
        """Take what is there."""
        try:
            self._read()
        except Exception:  # noqa: BLE001 - it would take one socket of the pool away for good
            note_defect(self._pool.proxy)

    def _read(self) -> None:
        pool, receive = self._pool, self.socket.recvfrom
        now = pool.clock.now()
        for _ in range(BATCH):
            try:
                data, peer = receive(MAX_ANSWER)
            except BlockingIOError:
                return
            except (
                OSError
            ):  # an ICMP error for an earlier question: its time runs out, or another server answers
                continue
            pool.perform(pool.proxy.forwarder.answered(self._slot, peer[:2], data, now))


class UdpPool:
    """The UDP sockets of one uplink, for each IP family that has servers."""

    def __init__(self, reactor: IReactorFDSet, proxy: DnsProxy, clock: IClock, perform: Perform) -> None:
        self.proxy, self.clock, self.perform = proxy, clock, perform
        self._reactor = reactor
        self._readers: dict[tuple[int, int], _UdpSocket] = {}

    def open(self, host: IHost, versions: Sequence[int], mark: int) -> Deferred[None]:
        """Deferred fires when all sockets are there; it fails with HostError and then none is left."""
        return Deferred.fromCoroutine(self._open(host, sorted(set(versions)), mark))

    async def _open(self, host: IHost, versions: Sequence[int], mark: int) -> None:
        try:
            for version in versions:
                for slot in range(SLOTS):
                    anywhere = Endpoint(ANYWHERE[version], 0)
                    sock = await host.bind_udp(anywhere, mark=mark, receive_buffer=RECEIVE_BUFFER)
                    reader = self._readers[version, slot] = _UdpSocket(self, slot, sock)
                    self._reactor.addReader(reader)
        except BaseException:
            self.close()
            raise

    def send(self, action: Forward) -> None:
        """Send a question; one that cannot be sent is one that is not answered."""
        server = action.server
        reader = self._readers.get((server.address.version, action.slot))
        try:
            if reader is not None:
                reader.socket.sendto(action.message, (str(server.address), server.port))
        except OSError:
            self.proxy.counters.unsent += 1

    def close(self) -> None:
        """Close all sockets."""
        for reader in self._readers.values():
            self._reactor.removeReader(reader)
            reader.socket.close()
        self._readers = {}


@implementer(IReadDescriptor)
class _TcpQuestion:
    """One question by TCP (RFC 1035 section 4.2.2), from its connect to its answer."""

    def __init__(self, questions: "TcpQuestions", token: int, message: bytes) -> None:
        self._questions, self._token, self._message = questions, token, message
        self._socket: socket | None = None
        self._received = b""
        self.over = False

    def connected(self, sock: socket) -> None:
        """The connection is there: ask.  A question always fits into an empty send buffer."""
        self._socket = sock
        message = len(self._message).to_bytes(2) + self._message
        try:
            complete = not self.over and sock.send(message) == len(message)
        except OSError:
            complete = False
        if complete:
            self._questions.reactor.addReader(self)
        else:
            self.end(None)

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return self._socket.fileno() if self._socket else -1

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return "dns upstream tcp"

    def connectionLost(self, reason: Any) -> None:
        """See IReadDescriptor."""
        self.end(None)

    def doRead(self) -> None:
        """Read on until the message is complete."""
        assert self._socket is not None
        try:
            data = self._socket.recv(MAX_ANSWER + 2)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        size = int.from_bytes(self._received[:2]) if len(self._received) >= 2 else MAX_ANSWER
        if len(self._received) >= size + 2:
            self.end(self._received[2 : size + 2])
        elif not data:
            self.end(None)

    def end(self, answer: bytes | None, tell: bool = True) -> None:
        """It is over, with an answer or without."""
        if self._socket is not None:
            self._questions.reactor.removeReader(self)
            self._socket.close()
            self._socket = None
        if not self.over:
            self.over = True
            self._questions.over(self._token, answer, tell)


class TcpQuestions:
    """The questions that are asked by TCP.  One connection each: they are rare, and a lost one costs one answer."""

    def __init__(self, reactor: IReactorFDSet, proxy: DnsProxy, clock: IClock, perform: Perform) -> None:
        self.reactor = reactor
        self._proxy, self._clock, self._perform = proxy, clock, perform
        self._running: dict[int, _TcpQuestion] = {}

    def ask(self, host: IHost, action: ForwardTcp, mark: int) -> None:
        """Connect and ask; the proxy is told what came of it, never before this returns."""
        question = self._running[action.token] = _TcpQuestion(self, action.token, action.message)
        if len(self._running) > MAX_TCP:
            self._clock.call_later(0, question.end, None)
            return
        opening = host.connect(action.server, mark=mark, timeout=TCP_TIMEOUT)
        opening.addCallbacks(question.connected, lambda failure: self._refused(question, failure))

    def _refused(self, question: _TcpQuestion, failure: Failure) -> None:
        failure.trap(HostError, OSError)
        self._clock.call_later(0, question.end, None)

    def over(self, token: int, answer: bytes | None, tell: bool) -> None:
        """A question has ended."""
        self._running.pop(token, None)
        if tell:
            self._perform(self._proxy.forwarder.answered_tcp(token, answer, self._clock.now()))

    def abandon(self, token: int) -> None:
        """Nobody waits for this one any more."""
        question = self._running.get(token)
        if question is not None:
            question.end(None, tell=False)

    def close(self) -> None:
        """Abandon all."""
        for token in list(self._running):
            self.abandon(token)
