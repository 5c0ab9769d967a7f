"""Where questions arrive: one UDP socket and one TCP port for each LAN.

The UDP socket is read until it is empty, without Twisted's DatagramProtocol in
between: the way of a known question is one look-up for the client, one for the
raw query, one sendto.
"""

from collections.abc import Callable
from ipaddress import ip_address
from socket import socket
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from ics_plugins.lan.dns.actions import Action, Asker
from ics_plugins.lan.dns.proxy import DnsProxy
from icsframework.interfaces import IClock
from icsframework.protocols.dns.name import name_to_text
from icsframework.values import Address, Lan

__all__ = ["Clients", "UdpListener"]

MAX_QUERY = 4096
"""Octets read of a datagram; a longer one is no query and ends as garbage."""
BATCH = 128
"""Datagrams read in one turn of the reactor, so that other descriptors get theirs."""
MAX_CLIENTS = 65536
"""Client addresses remembered as being inside the LAN; a /16 full of them is 10 MB."""
RECEIVE_BUFFER = 4 * 1024 * 1024
"""Octets; a burst while the reactor is busy elsewhere waits here."""

_log = Logger(namespace="ics.dns")

Perform = Callable[[list[Action]], None]
Resolved = Callable[..., None]


class Clients:
    """Who may ask: addresses inside the LAN, as text and as values."""

    def __init__(self, lan: Lan) -> None:
        self._network = lan.network
        self._known: dict[str, Address] = {}

    def get(self, text: str) -> Address | None:
        """The address, or None for one that is not inside."""
        known = self._known.get(text)
        if known is not None:
            return known
        address = ip_address(text.partition("%")[0])
        if address.version != self._network.version or address not in self._network:
            return None
        if len(self._known) >= MAX_CLIENTS:
            self._known.clear()
        self._known[text] = address
        return address


def note_defect(proxy: DnsProxy) -> None:
    """Count the exception that is being handled, and log the 1st, 2nd, 4th, 8th ...: whoever sends one sends more."""
    count = proxy.counters.defects = proxy.counters.defects + 1
    if count & (count - 1) == 0:
        _log.failure("a DNS message met a defect ({count} so far)", count=count)


@implementer(IReadDescriptor)
class UdpListener:
    """Reads one LAN's questions; belongs to the reactor's readers."""

    def __init__(
        self, sock: socket, lan: Lan, proxy: DnsProxy, clock: IClock, perform: Perform, resolved: Resolved
    ) -> None:
        self._socket = sock
        self._lan = lan.name
        self._proxy = proxy
        self._clock = clock
        self._perform = perform
        self._resolved = resolved
        self.clients = Clients(lan)

    def fileno(self) -> int:
        """See IReadDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See IReadDescriptor."""
        return f"dns {self._lan}"

    def connectionLost(self, reason: Any) -> None:
        """See IReadDescriptor."""
        self._socket.close()

    def doRead(self) -> None:
        """Answer what is known at once; the rest is the proxy's."""
        try:
            self._read()
        except Exception:  # noqa: BLE001 - it would end the service of everybody on this LAN for one datagram
            note_defect(self._proxy)

    def _read(self) -> None:
        proxy, counters, clients = self._proxy, self._proxy.counters, self.clients
        receive, send = self._socket.recvfrom, self._socket.sendto
        view = proxy.views.get(self._lan)
        if view is None:
            return
        now = self._clock.now()
        second, hit = int(now), view.raw.hit
        for _ in range(BATCH):
            try:
                data, peer = receive(MAX_QUERY)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier answer; the client is gone
                continue
            client = clients.get(peer[0])
            if client is None or not peer[1]:
                counters.dropped += 1
                continue
            entry = hit(data[2:], second)
            if entry is None:
                self._perform(proxy.ask(Asker(self._lan, client, peer[1]), data, now))
                continue
            counters.queries += 1
            counters.hits += 1
            try:
                send(data[:2] + entry.body, peer)
            except OSError:  # a full queue or a client that is gone: UDP clients ask again
                counters.unsent += 1
            if peer[0] not in entry.told:
                entry.told.add(peer[0])
                if entry.addresses:
                    self._resolved(client, name_to_text(entry.qname), entry.addresses, entry.ttl)

    def send(self, asker: Asker, message: bytes) -> None:
        """Answer a question that the proxy had to think about."""
        try:
            self._socket.sendto(message, (str(asker.client), asker.port))
        except OSError:
            self._proxy.counters.unsent += 1
