"""Host and store that take their time, as the real ones do: what is asked for comes ``delay`` seconds of the clock later.

With them a test stops a plugin while it waits for a socket or for its journal.
``waiting`` are the timers of what was asked for and is not there yet.
"""

from collections.abc import Callable
from functools import partial
from socket import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from zope.interface import implementer

from icsframework.interfaces import IHost, IJournal, ISerialLine, IStore, Unwatch, Upgrade
from icsframework.testing.host import FakeHost
from icsframework.testing.store import MemoryStore
from icsframework.values import Address, Endpoint, InterfaceInfo, PacketFilter

__all__ = ["SlowHost", "SlowStore"]


class _Slow:
    """Begins what is asked for when the delay is over; until then it can be cancelled without a trace."""

    def __init__(self, clock: Clock, delay: float) -> None:
        self._clock_of_delay = clock
        self.delay = delay
        self._waiting: list[IDelayedCall] = []

    @property
    def waiting(self) -> list[IDelayedCall]:
        """See the module's docstring."""
        self._waiting = [call for call in self._waiting if call.active()]
        return self._waiting

    def _later(self, begin: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        def cancel(_: object) -> None:
            if call.active():
                call.cancel()

        answer: Deferred[Any] = Deferred(cancel)
        call = self._clock_of_delay.callLater(self.delay, lambda: begin().chainDeferred(answer))
        self._waiting.append(call)
        return answer


@implementer(IHost)
class SlowHost(_Slow, FakeHost):
    """FakeHost, later.  ``watch_interface`` tells at once, as the real one does."""

    def __init__(self, clock: Clock, delay: float) -> None:
        FakeHost.__init__(self, clock)
        _Slow.__init__(self, clock, delay)

    def interface(self, name: str) -> Deferred[InterfaceInfo]:
        """See IHost."""
        return self._later(partial(FakeHost.interface, self, name))

    def watch_interface(self, name: str, observer: Callable[[InterfaceInfo | None], None]) -> Unwatch:
        """See IHost."""
        return FakeHost.watch_interface(self, name, observer)

    def open_packet(self, interface: str, filter: PacketFilter) -> Deferred[socket]:
        """See IHost."""
        return self._later(partial(FakeHost.open_packet, self, interface, filter))

    def open_tun(self, name: str, mtu: int, persist: bool = False) -> Deferred[Any]:
        """See IHost."""
        return self._later(partial(FakeHost.open_tun, self, name, mtu, persist))

    def open_icmp(self) -> Deferred[socket]:
        """See IHost."""
        return self._later(partial(FakeHost.open_icmp, self))

    def open_serial(self, path: str, speed: int) -> Deferred[ISerialLine]:
        """See IHost."""
        return self._later(partial(FakeHost.open_serial, self, path, speed))

    def bind_udp(
        self,
        endpoint: Endpoint,
        interface: str | None = None,
        mark: int = 0,
        broadcast: bool = False,
        receive_buffer: int = 0,
    ) -> Deferred[socket]:
        """See IHost."""
        begin = partial(FakeHost.bind_udp, self, endpoint, interface, mark, broadcast, receive_buffer)
        return self._later(begin)

    def listen(self, endpoint: Endpoint, interface: str | None = None, backlog: int = 64) -> Deferred[socket]:
        """See IHost."""
        return self._later(partial(FakeHost.listen, self, endpoint, interface, backlog))

    def connect(
        self, endpoint: Endpoint, mark: int = 0, source: Endpoint | None = None, timeout: float = 10.0
    ) -> Deferred[socket]:
        """See IHost."""
        return self._later(partial(FakeHost.connect, self, endpoint, mark, source, timeout))

    def neighbour_in_use(self, interface: str, address: Address, timeout: float) -> Deferred[str | None]:
        """See IHost."""
        return self._later(partial(FakeHost.neighbour_in_use, self, interface, address, timeout))


@implementer(IStore)
class SlowStore(_Slow, MemoryStore):
    """MemoryStore whose journals take their time to open."""

    def __init__(self, clock: Clock, delay: float) -> None:
        MemoryStore.__init__(self)
        _Slow.__init__(self, clock, delay)

    def open(self, name: str, version: int, upgrade: Upgrade | None = None) -> "Deferred[IJournal]":
        """See IStore."""
        return self._later(partial(MemoryStore.open, self, name, version, upgrade))
