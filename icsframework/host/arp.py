"""Is an IPv4 address in use on a network?  Ask as RFC 5227 section 2.1 does.

Probes carry sender address 0, so that no neighbour's cache is spoilt.  Whoever
sends ARP with the address as its sender has it, be it an answer or a question
of its own.  A probe of somebody else for the same address is not yet a user.
"""

import errno
import os
import socket
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from icsframework.errors import HostError, WireError
from icsframework.host.explain import explained
from icsframework.host.inventory import read_interface
from icsframework.host.packet import open_packet
from icsframework.protocols.arp import ETHERTYPE, from_frame, probe
from icsframework.values import Address, PacketFilter

__all__ = ["PROBES", "neighbour_in_use"]

PROBES = 3
"""PROBE_NUM of RFC 5227 section 1.1; spread over the time that the caller grants."""

LONGEST_FRAME = 128
"""Bytes read of a frame: ARP needs 42."""

BATCH = 64
"""Frames read before the reactor gets its turn: a flood of ARP must not hold everybody else up."""


def neighbour_in_use(
    reactor: Any, interface: str, address: Address, timeout: float
) -> "Deferred[str | None]":
    """See IHost.neighbour_in_use.  Cancelling closes the socket.  None at once where there is no ARP (ppp, tun)."""
    if not isinstance(address, IPv4Address):
        raise HostError(f"Whether {address} is in use cannot be asked: ARP is for IPv4 addresses.")
    mac = read_interface(interface).mac
    answer: Deferred[str | None] = Deferred()
    if len(mac) != len("00:00:00:00:00:00") or mac == "00:00:00:00:00:00":
        answer.callback(None)
        return answer
    question = _Question(reactor, interface, mac, address, timeout)
    question.ask()
    return question.answer


@implementer(IReadDescriptor)
class _Question:
    """The probes, and the ear for answers."""

    def __init__(self, reactor: Any, interface: str, mac: str, address: IPv4Address, timeout: float) -> None:
        self.answer: Deferred[str | None] = Deferred(lambda _: self._stop())
        self._reactor = reactor
        self._interface = interface
        self._socket = open_packet(interface, PacketFilter(ETHERTYPE))
        self._mac = mac
        self._address = address
        self._interval = timeout / PROBES
        self._left = PROBES
        self._timer: Any = None

    def ask(self) -> None:
        """Send the next probe; after the last one's time the address is free."""
        if self._left == 0:
            self._finish(None)
            return
        self._left -= 1
        try:
            self._socket.send(probe(self._mac, self._address))
        except BlockingIOError:
            pass  # the queue of the interface is full: this probe is lost as it could be on the wire
        except OSError as error:
            self._fail(error)
            return
        if self._timer is None:
            self._reactor.addReader(self)
        self._timer = self._reactor.callLater(self._interval, self.ask)

    def doRead(self) -> None:
        """The reactor: frames have come."""
        for _ in range(BATCH):
            try:
                frame = self._socket.recv(LONGEST_FRAME)
            except BlockingIOError:
                return
            except OSError:
                return  # the interface went down; the probes will tell
            owner = self._owner(frame)
            if owner is not None:
                self._finish(owner)
                return

    def _owner(self, frame: bytes) -> str | None:
        try:
            packet = from_frame(frame)
        except WireError:
            return None  # not an answer
        used = packet.sender == self._address and packet.sender_mac != self._mac
        return packet.sender_mac if used else None

    def connectionLost(self, reason: object) -> None:
        """The reactor saw an error on the descriptor: the interface went."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ENETDOWN
        self._fail(OSError(code, os.strerror(code)))

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "arp"

    def _stop(self) -> None:
        self._reactor.removeReader(self)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._socket.close()

    def _finish(self, owner: str | None) -> None:
        self._stop()
        self.answer.callback(owner)

    def _fail(self, error: OSError) -> None:
        self._stop()
        self.answer.errback(explained(error, f"ask by ARP on {self._interface}", self._interface))
