"""One call to the lab's own provider: a PppLink between the line and a TUN device.

Small packets go first and the queue towards the line is short, so that a
download does not make everybody else wait for seconds.
"""

import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from icsframework.protocols.ppp.actions import Action, Deliver, Down, Transmit
from icsframework.protocols.ppp.link import PppLink

__all__ = ["PppCall", "Queue"]

SMALL = 128
"""Octets of a packet that overtakes: name lookups, acknowledgements, a key pressed."""
MOST_SMALL, MOST_LARGE = 64, 16
"""Packets that wait; the rest is dropped, which is how TCP learns the speed of the line."""
READ = 65536
"""Octets read from the line at once."""
BATCH = 32
"""Packets read from the device at once."""
MTU = 1500
"""Octets of a packet."""


class Queue:
    """Packets that wait for the line."""

    def __init__(self) -> None:
        self.dropped = 0
        self._small: deque[bytes] = deque()
        self._large: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def put(self, packet: bytes) -> None:
        """Add one, or drop it."""
        queue, most = (self._small, MOST_SMALL) if len(packet) <= SMALL else (self._large, MOST_LARGE)
        if len(queue) >= most:
            self.dropped += 1
        else:
            queue.append(packet)

    def next(self) -> bytes:
        """The packet to send."""
        return (self._small or self._large).popleft()


class PppCall:
    """A call that was taken.  ``over`` is why it ended, empty until then."""

    def __init__(self, link: PppLink, line: socket.socket, tun: int, log: Callable[[str], None]) -> None:
        self.link = link
        self.line = line
        self.tun = tun
        self.over = ""
        self._log = log
        self._queue = Queue()
        self._outgoing = bytearray()
        # The kernel's least, so that packets wait here, where they can overtake each other.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        line.setblocking(False)

    def open(self, now: float) -> None:
        """Begin to negotiate."""
        self._do(self.link.open(now))

    def wants_to_write(self) -> bool:
        """Something waits for the line."""
        return bool(self._outgoing or len(self._queue))

    def line_readable(self, now: float) -> None:
        """Octets have come, or the end."""
        try:
            data = self.line.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._do(self.link.receive(data, now) if data else self.link.lost("the caller hung up", now))

    def line_writable(self) -> None:
        """Send what waits, one packet after the other."""
        if not self._outgoing and len(self._queue):
            self._outgoing += self.link.send([self._queue.next()])
        self._write()

    def tun_readable(self) -> None:
        """Packets for the caller."""
        for _ in range(BATCH):
            try:
                self._queue.put(os.read(self.tun, READ))
            except BlockingIOError:
                return

    def timeout(self, now: float) -> None:
        """The link's time has come."""
        self._do(self.link.timeout(now))

    def _write(self) -> None:
        try:
            del self._outgoing[: self.line.send(self._outgoing)]
        except BlockingIOError:
            return
        except OSError:
            self._outgoing.clear()  # reading tells that it is over

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Transmit):
                self._outgoing += action.data
                self._write()
            elif isinstance(action, Deliver):
                self._deliver(action.packets)
            elif isinstance(action, Down):
                self.over = action.reason or action.cause.value
            else:
                self._log(str(action))

    def _deliver(self, packets: Sequence[bytes]) -> None:
        for packet in packets:
            try:
                os.write(self.tun, packet)
            except OSError as error:  # no IP packet, or the device's queue is full
                self._log(f"a packet of {len(packet)} octets was not taken: {error.strerror}")
