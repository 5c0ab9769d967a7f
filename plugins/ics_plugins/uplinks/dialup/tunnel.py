"""The TUN device of the link: IP packets from and to the kernel, many at once."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

BATCH = 64
"""Packets read in one turn of the reactor."""
MAX_PACKET = 65536


@implementer(IReadDescriptor)
class Tunnel:
    """Reads ``device`` (IHost.open_tun).  ``packets(list)`` gets what comes from the kernel, ``room()`` packets at once at most."""

    def __init__(
        self,
        reactor: IReactorFDSet,
        device: Any,
        packets: Callable[[list[bytes]], None],
        room: Callable[[], int],
        log: Logger,
    ) -> None:
        self.sent = self.sent_octets = self.received = self.received_octets = 0
        """Towards the provider, and from it."""
        self.refused = 0
        """Packets from the provider that the kernel did not take."""
        self._reactor = reactor
        self._device = device
        self._packets = packets
        self._room = room
        self._log = log
        self._reading = False
        self._open = True
        self.resume()

    def pause(self) -> None:
        """Read no more for now; the kernel keeps some packets."""
        if self._reading:
            self._reactor.removeReader(self)
        self._reading = False

    def resume(self) -> None:
        """Read again."""
        if not self._reading and self._open:
            self._reactor.addReader(self)
            self._reading = True

    @property
    def paused(self) -> bool:
        """True after ``pause``."""
        return self._open and not self._reading

    def close(self) -> None:
        """Stop reading and close."""
        if self._open:
            self.pause()
            self._open = False
            self._device.close()

    def write(self, packets: Iterable[bytes]) -> None:
        """Packets for the kernel."""
        if not self._open:
            return
        descriptor = self._device.fileno()
        for packet in packets:
            try:
                os.write(descriptor, packet)
            except OSError as error:  # no IP packet, or no memory for one: the next may pass
                self.refused += 1
                if self.refused & (self.refused - 1) == 0:
                    self._log.debug(
                        "the kernel refused a packet: {error} ({count})", error=error, count=self.refused
                    )
                continue
            self.received += 1
            self.received_octets += len(packet)

    # --- IReadDescriptor

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return int(self._device.fileno()) if self._open else -1

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "ppp tunnel"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gives the descriptor up."""
        self.close()

    def doRead(self) -> None:
        """Take what waits, a bounded number at once."""
        descriptor = self._device.fileno()
        found: list[bytes] = []
        try:
            for _ in range(min(BATCH, self._room())):
                found.append(os.read(descriptor, MAX_PACKET))  # noqa: PERF401 - what was read before an error counts
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            # Down, or removed by somebody; the core sees that too and says so.
            self._log.debug("could not read from the tunnel: {error}", error=error)
            self.pause()
        if found:
            self.sent += len(found)
            self.sent_octets += sum(map(len, found))
            self._packets(found)
