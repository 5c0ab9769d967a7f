"""A port of a host at which whatever arrives is written down with its time and sent back.

For what only the far end can tell: how often something came, when, and from which address.
"""

import selectors
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from icsframework.lab.machine import Machine

__all__ = ["Heard", "Witness"]

LARGEST = 65535
"""Octets read at once."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One datagram, or one connection (its ``data`` is empty)."""

    when: float
    """Seconds of the epoch, as captures have them."""
    protocol: str
    """udp or tcp."""
    source: str
    """The address it came from."""
    port: int
    data: bytes = b""


class Witness:
    """Both a datagram and a stream socket at one port of a host, for a with statement.

    ``heard`` is what came so far, in order; it stays readable afterwards.
    """

    def __init__(self, host: Machine, port: int, answer: bool = True) -> None:
        """``answer`` false: it only writes down."""
        self.port = port
        self.heard: list[Heard] = []
        self._host = host
        self._answer = answer
        self._selector = selectors.DefaultSelector()
        self._ended, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        def datagrams() -> socket.socket:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind(("", self.port))
            return made

        network = ("net",)
        for made, work in (
            (self._host.inside(datagrams, network), self._datagram),
            (self._host.inside(lambda: socket.create_server(("", self.port)), network), self._connection),
        ):
            made.setblocking(False)
            self._selector.register(made, selectors.EVENT_READ, work)
        self._selector.register(self._ended, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.close()
        self._thread.join()

    def of(self, protocol: str) -> list[Heard]:
        """What came by udp, or tcp."""
        return [one for one in self.heard if one.protocol == protocol]

    def _listen(self) -> None:
        while True:
            ready = [key for key, _ in self._selector.select()]
            # What has come before the end is written down as well.
            for key in sorted(ready, key=lambda one: one.data is None):
                if key.data is None:
                    for known in list(self._selector.get_map().values()):
                        assert isinstance(known.fileobj, socket.socket)
                        known.fileobj.close()
                    self._selector.close()
                    return
                key.data(key.fileobj)

    def _datagram(self, own: socket.socket) -> None:
        try:
            data, (source, port) = own.recvfrom(LARGEST)
            self.heard.append(Heard(time.time(), "udp", source, port, data))
            if self._answer:
                own.sendto(data, (source, port))
        except OSError:
            return  # an ICMP error for an answer of before: nothing has arrived

    def _connection(self, own: socket.socket) -> None:
        made, (source, port) = own.accept()
        self.heard.append(Heard(time.time(), "tcp", source, port))
        made.setblocking(False)
        self._selector.register(made, selectors.EVENT_READ, self._stream)

    def _stream(self, own: socket.socket) -> None:
        try:
            data = own.recv(LARGEST)
            if data and self._answer:
                own.send(data)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(own)
            own.close()
