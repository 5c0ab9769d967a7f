"""The sockets of one LAN: requests in by UDP, replies out as whole frames, other servers' replies in.

In: a UDP socket on port 67 of the LAN's interface, read until it is empty or a
batch is full, so that a burst costs one wake-up and others get their turn.
Out: AF_PACKET, because a client without an address can be reached in no other
way, and because it needs no neighbour entry and no ARP for clients that have one.
"""

from collections.abc import Callable
from socket import socket

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.protocols.dhcp.frame import FrameBuilder
from icsframework.protocols.dhcp.message import CLIENT_PORT, SERVER_PORT

BATCH = 64
"""Datagrams read in one turn of the reactor."""
MAX_DATAGRAM = 4096
"""Bytes; a DHCP message fits an Ethernet frame, what is longer is cut and then refused by the codec."""
RECEIVE_BUFFER = 4 << 20
"""Bytes in the kernel for requests that wait: a whole building coming back from a power cut."""


@implementer(IReadDescriptor)
class BatchReader:
    """Hands what a socket has received to ``received`` as a list of at most BATCH, and never raises into the reactor."""

    def __init__(
        self, sock: socket, received: Callable[[list[bytes]], None], failed: Callable[[], None]
    ) -> None:
        self._socket = sock
        self._received = received
        self._failed = failed

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "dhcp"

    def connectionLost(self, reason: Failure) -> None:
        """See IFileDescriptor: the reactor gave the descriptor up."""

    def doRead(self) -> None:
        """Read until nothing is left or the batch is full."""
        datagrams: list[bytes] = []
        receive = self._socket.recv
        try:
            while len(datagrams) < BATCH:
                datagrams.append(receive(MAX_DATAGRAM))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # The interface went down or away; the core tells us when to leave.
            self._failed()
        if datagrams:
            self._received(datagrams)


class FrameSender:
    """Sends UDP payloads from one server address to clients, as frames."""

    def __init__(self, sock: socket, mac: bytes, address: int) -> None:
        self._send = sock.send
        self._to_client = FrameBuilder(mac, address, SERVER_PORT, CLIENT_PORT)
        self._as_client = FrameBuilder(mac, 0, CLIENT_PORT, SERVER_PORT)

    def to_client(self, mac: bytes, address: int, payload: bytes) -> bool:
        """False if the kernel would not take it: the client asks again."""
        return self._sent(self._to_client.build(mac, address, payload))

    def as_client(self, mac: bytes, address: int, payload: bytes) -> bool:
        """The same for what a client would send to servers."""
        return self._sent(self._as_client.build(mac, address, payload))

    def _sent(self, frame: bytes) -> bool:
        try:
            self._send(frame)
        except OSError:  # full queue, interface down or gone
            return False
        return True
