"""Tells hosts by ICMP that what they sent goes nowhere, so that they need not wait for nothing; not too often."""

from collections import OrderedDict
from socket import socket

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from icsframework.helpers.throttle import Throttle
from icsframework.interfaces import IClock, IHost
from icsframework.protocols.icmp import Code, answerable, unreachable
from icsframework.uplinks.hold import MOST_OF_A_CLIENT, MOST_PACKETS
from icsframework.uplinks.packets import Packet
from icsframework.values import Address

__all__ = ["Answers"]

BURST_OF_A_CLIENT = MOST_OF_A_CLIENT
"""Errors that one client may get at once: one for each packet that it may have waiting."""
BURST = MOST_PACKETS
"""Errors to all clients at once: one for each packet that may wait."""
EVERY_OF_A_CLIENT = 0.1
"""Seconds after which a client may get one more: ten a second, for a host that goes on trying."""
EVERY = 0.01
"""Seconds after which one more may be sent at all: a tenth of what the kernel allows itself (icmp_msgs_per_sec)."""
MOST_CLIENTS = 256
"""Clients whose rate is remembered: a whole small subnet.  One that was forgotten begins with a full burst."""


class Answers:
    """Sends them.  ``sent`` counts those that went out, ``suppressed`` those that would have been too many, ``failed`` those
    that the kernel did not send.
    """

    def __init__(self, host: IHost, clock: IClock, log: Logger) -> None:
        self.sent = 0
        self.suppressed = 0
        self.failed = 0
        self._host = host
        self._clock = clock
        self._log = log
        self._socket: socket | None = None
        self._all = Throttle(BURST, EVERY)
        self._clients: OrderedDict[Address, Throttle] = OrderedDict()

    def open(self) -> Deferred[None]:
        """Open the socket, if it is not; HostError or NoPrivilege."""
        if self._socket is not None:
            return succeed(None)

        def opened(made: socket) -> None:
            self._socket = made

        return self._host.open_icmp().addCallback(opened)

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def answer(self, packet: Packet, code: Code) -> None:
        """Tell the sender of ``packet``, if that is allowed, possible, and not too much.  Never raises."""
        if self._socket is None or not answerable(packet.data):
            return
        client = packet.flow.source
        if not self._allowed(client):
            self.suppressed += 1
            return
        try:
            self._socket.sendto(unreachable(code, packet.data), (str(client), 0))
        except OSError as error:  # no room, or no way back to it
            self.failed += 1
            self._log.debug(
                "could not tell {client} that there is no link: {error}", client=client, error=error
            )
        else:
            self.sent += 1

    def _allowed(self, client: Address) -> bool:
        now = self._clock.now()
        mine = self._clients.get(client)
        if mine is None:
            mine = self._clients[client] = Throttle(BURST_OF_A_CLIENT, EVERY_OF_A_CLIENT)
            if len(self._clients) > MOST_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(client)
        return mine.allow(now) and self._all.allow(now)
