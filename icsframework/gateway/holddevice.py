"""The hold device: a TUN that packets go into while no link is up, and come back from when one is.

It does not stay when the process ends: without us nobody would take packets out of it.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.dataplane.plane import HOLD_DEVICE
from icsframework.interfaces import IClock, IHost, Unwatch
from icsframework.uplinks.hold import MOST_PACKETS
from icsframework.values import InterfaceInfo

__all__ = ["HoldDevice"]

MTU = 1500
"""Octets of the longest packet: as on most LANs.  Senders of longer ones learn it before a link with less is up."""
READ = 2048
"""Octets read of a packet: it is longer than the MTU, so that one cut off by it shows by its length."""
BATCH = 32
"""Packets read in one turn of the reactor: some 2 ms of work at most, then everybody else has his turn."""
AGAIN = 0.005
"""Seconds until a write that the kernel had no room for is tried again."""
TRIES = 20
"""How often, before what is left is dropped: a tenth of a second, after which the senders have tried again themselves."""


@implementer(IReadDescriptor)
class HoldDevice:
    """``received(data)`` gets each packet from the kernel; ``lost(reason)`` is called when the device is gone."""

    def __init__(
        self,
        host: IHost,
        reactor: IReactorFDSet,
        clock: IClock,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
        log: Logger,
    ) -> None:
        self.written = self.unwritten = 0
        """Packets that the kernel took back, and did not."""
        self._host = host
        self._reactor = reactor
        self._clock = clock
        self._received = received
        self._lost = lost
        self._log = log
        self._tun: Any = None
        self._unwatch: Unwatch | None = None
        self._was_up: int | None = None
        """The interface index that was seen up: what is on its way up is told to be down at first."""
        self._outgoing: deque[bytes] = deque()
        self._told: list[Deferred[None]] = []
        self._tries = 0
        self._timer: IDelayedCall | None = None

    @property
    def ready(self) -> bool:
        """True while the device is there."""
        return self._tun is not None

    def open(self) -> Deferred[None]:
        """Make the device, if it is not there; HostError if there can be none here."""
        if self._tun is not None:
            return succeed(None)

        def opened(tun: Any) -> None:
            self._tun = tun
            self._reactor.addReader(self)
            self._unwatch = self._host.watch_interface(HOLD_DEVICE, self._seen)

        return self._host.open_tun(HOLD_DEVICE, MTU).addCallback(opened)

    def close(self) -> None:
        """Let it go; what could not be written yet is lost."""
        if self._tun is None:
            return
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._reactor.removeReader(self)
        self._tun.close()
        self._tun = None
        self._give_up()

    # --- reading

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return int(self._tun.fileno()) if self._tun is not None else -1

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "hold"

    def doRead(self) -> None:
        """Take packets, a bounded number at once."""
        for _ in range(BATCH):
            if self._tun is None:  # closed by what a packet led to
                return
            try:
                data = os.read(self._tun.fileno(), READ)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._gone(error.strerror or str(error))
                return
            try:
                self._received(data)
            except Exception:  # noqa: BLE001 - a defect costs this packet and is told, not the device
                self._log.failure("a packet that should wait was lost")

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gives the descriptor up: somebody removed the device."""
        self._gone(reason.getErrorMessage())

    def _gone(self, reason: str) -> None:
        if self._tun is not None:
            self.close()
            self._lost(reason)

    def _seen(self, info: InterfaceInfo | None) -> None:
        """One that is down takes no packets, and no route leads into it: it is as good as none."""
        if info is not None and info.up:
            self._was_up = info.ifindex
        elif info is not None and info.ifindex == self._was_up:
            self._was_up = None
            self._gone("it was set down")

    # --- writing

    def send(self, packets: Iterable[bytes]) -> Deferred[None]:
        """Give packets back to the kernel, in order; Deferred fires when it has them, or they were dropped.

        More than MOST_PACKETS never wait: what comes on top of that is dropped.
        """
        for packet in packets:
            if len(self._outgoing) < MOST_PACKETS:
                self._outgoing.append(packet)
            else:
                self.unwritten += 1
        done: Deferred[None] = Deferred()
        self._told.append(done)
        if self._timer is None:
            self._write()
        return done

    def _write(self) -> None:
        self._timer = None
        while self._outgoing and self._tun is not None:
            try:
                os.write(self._tun.fileno(), self._outgoing[0])
            except (BlockingIOError, InterruptedError):
                self._tries += 1
                if self._tries >= TRIES:
                    break
                self._timer = self._clock.call_later(AGAIN, self._write)
                return
            except OSError as error:  # this one cannot be delivered; the next may be
                self.unwritten += 1
                self._log.debug("the kernel refused a packet that had waited: {error}", error=error)
            else:
                self.written += 1
            self._tries = 0
            self._outgoing.popleft()
        self._give_up()

    def _give_up(self) -> None:
        """Nothing more is written of what is here."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.unwritten += len(self._outgoing)
        self._outgoing.clear()
        self._tries = 0
        told, self._told = self._told, []
        for done in told:
            done.callback(None)
