"""One of the two TCP connections of a flow: back-pressure, half-close, and an end without loss.

A leg is read only while nobody objects (``Stop``).  What cannot be written yet is
bounded: the other leg is not read while this one's buffer is full, and this one
itself is not read while a session's answers to it pile up unread.
"""

from enum import IntEnum
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.helpers.turns import Turns
from icsframework.values import Endpoint, Side

__all__ = ["MOST_UNREAD", "PATIENCE", "Leg", "Owner", "Stop"]

PATIENCE = 1 << 18
"""Bytes beyond a full buffer that a peer may leave unread before we stop listening to it: answers to some thousand commands."""

MOST_UNREAD = 1 << 22
"""Bytes beyond a full buffer at which the flow ends: four of the largest answers of a session."""


class Stop(IntEnum):
    """Reasons not to read from a leg: bits."""

    CONNECTING = 1
    """The flow is not connected on both sides yet."""
    ASKED = 2
    """An Open is unanswered."""
    FULL = 4
    """The other leg takes no more."""
    UNREAD = 8
    """Its peer does not read what it is told."""
    END = 16
    """It has sent its last byte."""
    TURN = 32
    """What it has said waits for its turn."""


class Owner(Protocol):
    """The flow, as its legs see it."""

    def made(self, side: Side) -> None:
        """The leg is connected and waits."""
        ...

    def came(self, side: Side, data: bytes) -> None:
        """Bytes from ``side``."""
        ...

    def finished(self, side: Side) -> None:
        """``side`` sends no more."""
        ...

    def lost(self, side: Side, reason: Failure) -> None:
        """The connection is no more."""
        ...

    def hold(self, side: Side, full: bool) -> None:
        """The buffer towards ``side`` is full, or no longer."""
        ...

    def overflowed(self, side: Side) -> None:
        """``side`` does not read, and too much waits for it."""
        ...


@implementer(IHalfCloseableProtocol, IPushProducer)
class Leg(TwistedProtocol):
    """See the module.  It tells its flow, and nothing it is told makes it raise."""

    def __init__(self, owner: Owner, side: Side, turns: Turns) -> None:
        self.side = side
        self.gone = True
        """The connection is lost, or was never made."""
        self._owner = owner
        self._turns = turns
        self._unheard = b""
        self._stops: int = Stop.CONNECTING
        self._full = False
        self._unread = 0
        self._finished = False
        self._closing = False

    # --- for the flow

    def stop(self, why: Stop) -> None:
        """Do not read, for this reason."""
        if not self._stops and not self.gone:
            self.tcp.pauseProducing()
        self._stops |= why

    def go(self, why: int) -> None:
        """This reason is gone (or these)."""
        stopped, self._stops = self._stops, self._stops & ~why
        if stopped and not self._stops and not self.gone:
            self.tcp.resumeProducing()

    def send(self, data: bytes) -> None:
        """Towards the peer, after what was sent before."""
        if self.gone:
            return
        if self._full:
            self._pile(len(data))
        self.tcp.write(data)

    def _pile(self, size: int) -> None:
        self._unread += size
        if self._unread > MOST_UNREAD:
            self._owner.overflowed(self.side)
        elif self._unread > PATIENCE:
            self.stop(Stop.UNREAD)

    def finish(self) -> None:
        """Nothing more is sent: our FIN follows the last byte."""
        if self.gone or self._finished:
            return
        self._finished = True
        self.tcp.unregisterProducer()
        self.tcp.loseWriteConnection()
        self.go(Stop.UNREAD)

    def close(self) -> None:
        """Everything sent goes out, then the connection ends.

        What the peer still says is read and forgotten until it closes, too: a connection that is closed with
        something unread is reset, and the peer might never see our last words.
        """
        if self.gone or self._closing:
            return
        self.finish()
        self._closing = True
        if self.ended:
            self.tcp.loseConnection()
        else:
            self.go(~Stop.END)

    def abort(self) -> None:
        """RST, at once."""
        if not self.gone:
            self.tcp.abortConnection()

    @property
    def ended(self) -> bool:
        """Whether the peer has sent its FIN."""
        return bool(self._stops & Stop.END)

    @property
    def peer(self) -> Endpoint:
        """The other end of the connection."""
        return _endpoint(self.tcp.getPeer())

    @property
    def here(self) -> Endpoint:
        """Our end of the connection."""
        return _endpoint(self.tcp.getHost())

    @property
    def tcp(self) -> Any:
        """Its transport."""
        return self.transport

    # --- from the transport

    def connectionMade(self) -> None:
        """See IProtocol.  Nothing is read until the flow says so."""
        self.gone = False
        self.tcp.pauseProducing()
        self.tcp.registerProducer(self, True)
        self._owner.made(self.side)

    def dataReceived(self, data: bytes) -> None:
        """See IProtocol."""
        if self._closing:
            return
        self._unheard += data
        if not self._turns.take(self._hear):
            self.stop(Stop.TURN)

    def _hear(self) -> None:
        data, self._unheard = self._unheard, b""
        self.go(Stop.TURN)
        if data and not self._closing:
            self._owner.came(self.side, data)

    def readConnectionLost(self) -> None:
        """See IHalfCloseableProtocol: their FIN."""
        self._hear()
        self._stops |= Stop.END
        if self._closing:
            self.tcp.loseConnection()
        else:
            self._owner.finished(self.side)

    def writeConnectionLost(self) -> None:
        """See IHalfCloseableProtocol: our FIN is on its way."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See IProtocol."""
        self.gone = True
        self._hear()
        self._owner.lost(self.side, reason)

    def pauseProducing(self) -> None:
        """See IPushProducer: the buffer towards the peer is full."""
        self._full = True
        self._owner.hold(self.side, True)

    def resumeProducing(self) -> None:
        """See IPushProducer: it is empty again."""
        self._full = False
        self._unread = 0
        self.go(Stop.UNREAD)
        self._owner.hold(self.side, False)

    def stopProducing(self) -> None:
        """See IProducer: the connection is lost, as connectionLost tells."""


def _endpoint(address: Any) -> Endpoint:
    return Endpoint(ip_address(address.host), address.port)
