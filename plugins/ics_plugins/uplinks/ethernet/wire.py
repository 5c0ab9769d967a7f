"""The client's packet socket: whole frames in and out, below the address that is not there yet.

An AF_PACKET socket sees the answers whatever the packet filter says, so no port
of the uplink need be open (RFC 2131 section 4.1 wants unicast answers to be taken before
the address is configured).
"""

import socket
import sys
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.errors import WireError
from icsframework.protocols.dhcp.frame import BROADCAST_ADDRESS, BROADCAST_MAC, FrameBuilder, parse_frame
from icsframework.protocols.dhcp.message import CLIENT_PORT, SERVER_PORT, Message

BATCH = 32
"""Frames read in one turn of the reactor, so that a flood on the uplink leaves time for the LAN."""
MAX_FRAME = 2048
"""Bytes; DHCP messages of servers fit an Ethernet frame."""

_SOL_PACKET, _PACKET_AUXDATA = 263, 8
_CHECKSUM_NOT_READY = 1 << 3
"""TP_STATUS_CSUMNOTREADY: a server on this machine left the UDP checksum to a network card that does not exist."""


@implementer(IReadDescriptor)
class DhcpWire:
    """Reads DHCP messages for the client from ``sock`` (IHost.open_packet) and sends its own."""

    def __init__(
        self,
        reactor: IReactorFDSet,
        sock: socket.socket,
        mac: bytes,
        received: Callable[[Message], None],
        log: Logger,
    ) -> None:
        self._reactor = reactor
        self._socket = sock
        self._mac = mac
        self._received = received
        self._log = log
        self._builder = FrameBuilder(mac, 0, CLIENT_PORT, SERVER_PORT)
        self.malformed = 0
        """Frames that were no DHCP message."""
        self.defects = 0
        """Messages that met a defect of ours, of which the log has tracebacks."""
        try:
            sock.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        except OSError:  # not a packet socket (a test's pair): then every checksum is ready
            self._log.debug("no auxiliary data on this socket")
        reactor.addReader(self)

    def broadcast(self, message: Message) -> None:
        """Send to every server, from 0.0.0.0 or from the address in ``ciaddr``."""
        builder = self._builder
        if message.ciaddr:
            builder = FrameBuilder(self._mac, message.ciaddr, CLIENT_PORT, SERVER_PORT)
        self.send(builder.build(BROADCAST_MAC, BROADCAST_ADDRESS, message.to_wire()))

    def send(self, frame: bytes) -> None:
        """Send a whole frame, of whatever ethertype."""
        try:
            self._socket.send(frame)
        except OSError as error:
            # Gone or full: the client repeats, and the interface's own events tell the rest.
            self._log.debug("could not send: {error}", error=error)

    def close(self) -> None:
        """Stop reading and close the socket."""
        self._reactor.removeReader(self)
        self._socket.close()

    # --- IReadDescriptor

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "dhcp client"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gives the descriptor up (it stops, or the socket broke)."""
        self.close()

    def doRead(self) -> None:
        """Take what has come, a bounded number at once."""
        for _ in range(BATCH):
            try:
                frame, auxiliary, _, _ = self._socket.recvmsg(MAX_FRAME, 64)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # also when what we read made the client close it
                self._log.debug("could not read: {error}", error=error)
                return
            self._take(frame, _checksum_ready(auxiliary))

    def _take(self, frame: bytes, checksum_ready: bool) -> None:
        try:
            datagram = parse_frame(frame, checksum_ready)
            if datagram.destination_port != CLIENT_PORT:
                return
            message = Message.from_wire(datagram.payload)
        except WireError:
            self.malformed += 1
            return
        try:
            self._received(message)
        except Exception:  # noqa: BLE001 - the reactor would never read this socket again
            self.defects += 1
            if self.defects & (self.defects - 1) == 0:  # the 1st, 2nd, 4th ...: whoever sends one sends more
                self._log.failure("a DHCP message met a defect ({count} so far)", count=self.defects)


def _checksum_ready(auxiliary: list[tuple[int, int, bytes]]) -> bool:
    for level, kind, data in auxiliary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA) and len(data) >= 4:
            return not int.from_bytes(data[:4], sys.byteorder) & _CHECKSUM_NOT_READY
    return True
