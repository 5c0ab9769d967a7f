"""An IHost for one owner: what it leaves open is closed when it stops."""

from collections.abc import Callable, Sequence
from socket import socket
from typing import Any, TypeVar
from weakref import WeakSet

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.errors import HostError
from icsframework.interfaces import IHost, ISerialLine, Unwatch
from icsframework.values import Address, Endpoint, InterfaceInfo, PacketFilter

__all__ = ["IOwnedHost", "ScopedHost"]

T = TypeVar("T")


class IOwnedHost(IHost):
    """An IHost that remembers what its owner has open, and shows the core all interfaces at once."""

    def watch_interfaces(observer: Callable[[Sequence[InterfaceInfo]], None]) -> Unwatch:  # noqa: N805 - of an interface
        """Call ``observer`` with every interface now and whenever one of them changes; returns a callable that ends it."""

    def look() -> None:
        """Tell observers now of what has changed, instead of in a moment."""

    def release_all() -> int:
        """Close all of it; returns how many descriptors were still open."""


@implementer(IOwnedHost)
class ScopedHost:
    """Passes everything on to ``host`` and remembers it until ``release_all``.

    Descriptors are remembered weakly: one that the owner closed and forgot costs nothing.
    After ``release_all`` the owner may begin again.
    """

    log = Logger()

    def __init__(self, host: Any, owner: str) -> None:
        self.owner = owner
        self._host = host
        self._open: WeakSet[Any] = WeakSet()
        self._pending: set[Deferred[Any]] = set()
        self._watches: set[Unwatch] = set()
        self._releasing = False

    def release_all(self) -> int:
        """Close descriptors, end watches, cancel what is under way; returns how many descriptors were still open."""
        self._releasing = True
        for pending in tuple(self._pending):
            pending.cancel()
        self._releasing = False
        for unwatch in tuple(self._watches):
            unwatch()
        left = [one for one in self._open if _is_open(one)]
        for one in left:
            one.close()
        self._open = WeakSet()
        if left:
            self.log.debug("{owner} left {count} descriptors open", owner=self.owner, count=len(left))
        return len(left)

    def interface(self, name: str) -> Deferred[InterfaceInfo]:
        """See IHost."""
        return self._until_fired(self._host.interface(name))

    def watch_interface(self, name: str, observer: Callable[[InterfaceInfo | None], None]) -> Unwatch:
        """See IHost."""
        return self._watch(self._host.watch_interface(name, observer))

    def watch_interfaces(self, observer: Callable[[Sequence[InterfaceInfo]], None]) -> Unwatch:
        """See IOwnedHost."""
        return self._watch(self._host.watch_interfaces(observer))

    def look(self) -> None:
        """See IOwnedHost."""
        self._host.look()

    def _watch(self, unwatch: Unwatch) -> Unwatch:
        def forget() -> None:
            self._watches.discard(forget)
            unwatch()

        self._watches.add(forget)
        return forget

    def open_packet(self, interface: str, filter: PacketFilter) -> Deferred[socket]:
        """See IHost."""
        return self._descriptor(self._host.open_packet(interface, filter))

    def open_tun(self, name: str, mtu: int, persist: bool = False) -> Deferred[Any]:
        """See IHost."""
        return self._descriptor(self._host.open_tun(name, mtu, persist))

    def open_icmp(self) -> Deferred[socket]:
        """See IHost."""
        return self._descriptor(self._host.open_icmp())

    def open_serial(self, path: str, speed: int) -> Deferred[ISerialLine]:
        """See IHost."""
        return self._descriptor(self._host.open_serial(path, speed))

    def bind_udp(
        self,
        endpoint: Endpoint,
        interface: str | None = None,
        mark: int = 0,
        broadcast: bool = False,
        receive_buffer: int = 0,
    ) -> Deferred[socket]:
        """See IHost."""
        return self._descriptor(self._host.bind_udp(endpoint, interface, mark, broadcast, receive_buffer))

    def listen(self, endpoint: Endpoint, interface: str | None = None, backlog: int = 64) -> Deferred[socket]:
        """See IHost."""
        return self._descriptor(self._host.listen(endpoint, interface, backlog))

    def connect(
        self, endpoint: Endpoint, mark: int = 0, source: Endpoint | None = None, timeout: float = 10.0
    ) -> Deferred[socket]:
        """See IHost."""
        return self._descriptor(self._host.connect(endpoint, mark, source, timeout))

    def neighbour_in_use(self, interface: str, address: Address, timeout: float) -> Deferred[str | None]:
        """See IHost."""
        return self._until_fired(self._host.neighbour_in_use(interface, address, timeout))

    # --- remembering

    def _descriptor(self, opening: Deferred[T]) -> Deferred[T]:
        def remember(opened: T) -> T:
            self._open.add(opened)
            return opened

        return self._until_fired(opening.addCallback(remember))

    def _until_fired(self, deferred: Deferred[T]) -> Deferred[T]:
        self._pending.add(deferred)

        def fired(result: T | Failure) -> Any:
            self._pending.discard(deferred)
            if self._releasing and isinstance(result, Failure) and result.check(CancelledError):
                return fail(HostError(f"{self.owner} stopped before this was done."))
            return result

        deferred.addBoth(fired)
        return deferred


def _is_open(descriptor: Any) -> bool:
    try:
        return bool(descriptor.fileno() >= 0)
    except ValueError:  # what a closed file says, where a closed socket says -1
        return False
