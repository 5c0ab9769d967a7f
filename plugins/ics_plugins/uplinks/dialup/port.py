"""The serial line in the reactor: octets as they come, and no more in the kernel's queue than a moment's worth.

What the kernel has taken cannot be overtaken any more.  So it gets as much as the line sends in ``AHEAD`` seconds,
and the rest waits where urgent packets go first.  A pseudo-terminal does not say what it holds; there its own buffer is the limit.
"""

import os
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.errors import HostError
from icsframework.interfaces import IClock, ISerialLine

AHEAD = 0.1
"""Seconds of octets in the kernel's queue."""
LEAST_AHEAD = 64
"""Octets at least: at 300 bit/s the timer would do nothing else."""
READ = 65536
"""Octets read at once."""
WRITES = 16
"""Writes in one turn of the reactor, so that a fast line leaves time for others."""
PENDING = 1 << 20
"""Octets of control frames and commands that may wait; they are answers, so a peer that does not read gets no more."""
WINDOW = 0.25
"""Seconds over which the speed of a busy line is measured."""

Source = Callable[[int], bytes]
"""Gives wire octets, about so many, from the queue; empty if nothing waits."""


@implementer(IReadDescriptor, IWriteDescriptor)
class SerialPort:
    """Reads and writes ``line``.  ``received(data)`` gets what comes; ``lost(reason)`` is called once when the device is gone."""

    def __init__(
        self,
        reactor: IReactorFDSet,
        clock: IClock,
        line: ISerialLine,
        speed: int,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self.line = line
        self.source: Source | None = None
        """Where packets come from while a link is up."""
        self.read = self.written = self.overflow = 0
        """Octets; ``overflow`` counts those of control frames that found no place."""
        self.nominal = self.rate = speed / 10.0
        """Octets/s: of 8N1 at the line's speed; ``rate`` as measured if that is more (a pseudo-terminal)."""
        self._reactor = reactor
        self._clock = clock
        self._received = received
        self._lost = lost
        self._pending = b""
        self._timer: IDelayedCall | None = None
        self._busy_since: float | None = None
        self._busy_octets = 0
        self._open = True
        reactor.addReader(self)

    # --- for the driver

    def write(self, data: bytes) -> None:
        """Octets ahead of everything from ``source``."""
        if not self._open:
            return
        if len(self._pending) + len(data) > PENDING:
            self.overflow += len(data)
            return
        self._pending += data
        self.kick()

    def kick(self) -> None:
        """There is something to write."""
        if self._open and self._timer is None:
            self._reactor.addWriter(self)

    def forget(self) -> None:
        """Drop what has not been written."""
        self._pending = b""

    def close(self) -> None:
        """Stop and give the line back; what it has not sent is not waited for."""
        if not self._open:
            return
        self._open = False
        self._cancel()
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        try:
            self.line.discard()
        except HostError:
            pass  # it is gone, and with it what it held
        self.line.close()

    # --- IReadDescriptor, IWriteDescriptor

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self.line.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "serial line"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gives the descriptor up."""
        self.fail("the reactor gave it up")

    def doRead(self) -> None:
        """Take what has come."""
        try:
            data = os.read(self.fileno(), READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.fail(os.strerror(error.errno or 0).lower())
            return
        if not data:
            self.fail("unplugged, or its other end was closed")
            return
        self.read += len(data)
        self._received(data)

    def doWrite(self) -> None:
        """Give the kernel what it may have."""
        try:
            for _ in range(WRITES):
                if not self._open or not self._write_some():
                    return
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, HostError) as error:
            why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else error
            self.fail(str(why))

    def _write_some(self) -> bool:
        """One write; False if nothing more may be written now."""
        ahead = max(LEAST_AHEAD, int(self.rate * AHEAD))
        room = ahead - self.line.unsent()
        if room <= 0:
            self._pace(-room + 1)
            return False
        if not self._pending and self.source is not None:
            self._pending = self.source(room)
        if not self._pending:
            self._reactor.removeWriter(self)
            self._busy_since = None
            return False
        size = os.write(self.fileno(), self._pending[:room] if room < len(self._pending) else self._pending)
        self._pending = self._pending[size:]
        self._count(size)
        return True

    def _pace(self, octets: int) -> None:
        """Wait until the line has sent so many."""
        self._reactor.removeWriter(self)
        delay = max(AHEAD / 4, min(AHEAD, octets / self.rate))
        self._timer = self._clock.call_later(delay, self._again)

    def _again(self) -> None:
        self._timer = None
        self.kick()

    def _count(self, size: int) -> None:
        self.written += size
        now = self._clock.now()
        if self._busy_since is None:
            self._busy_since, self._busy_octets = now, 0
        self._busy_octets += size
        busy = now - self._busy_since
        if busy >= WINDOW:
            self.rate = max(self.nominal, self._busy_octets / busy)
            self._busy_since, self._busy_octets = now, 0

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def fail(self, why: str) -> None:
        """The device is gone."""
        if self._open:
            self.close()
            self._lost(why)
