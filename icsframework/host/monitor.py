"""Tells observers when an interface appears, changes or goes.

A netlink socket that belongs to the link and address groups is only a trigger:
its messages are thrown away, and a moment later all interfaces are read and
compared with what each observer saw last.  So nothing is lost when the socket
overflows (ENOBUFS triggers too), a storm of changes costs one look, and a
message that is misunderstood cannot mislead.

A watch of a name follows its device: when the interface is renamed the observer
is told the new name, unless another interface has the old one by then.
"""

import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.errors import HostError
from icsframework.host.inventory import read_interfaces
from icsframework.interfaces import Unwatch
from icsframework.values import InterfaceInfo

__all__ = ["DEBOUNCE", "RETRY", "InterfaceMonitor"]

DEBOUNCE = 0.02
"""Seconds from the first message to the look: one change of a link is several messages."""

RETRY = 1.0
"""Seconds to the next look when the kernel did not answer."""

GROUPS = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR of linux/rtnetlink.h."""

LONGEST = 8192
"""Bytes read of a message, which are not looked at."""

BATCH = 256
"""Messages read before the reactor gets its turn."""

Observer = Callable[[InterfaceInfo | None], None]
ObserverOfAll = Callable[[Sequence[InterfaceInfo]], None]


@dataclass(slots=True, eq=False)
class _Watch:
    """One observer of one interface, and what it was told last."""

    name: str
    observer: Observer
    told: InterfaceInfo | None = None

    def look(self, among: Sequence[InterfaceInfo]) -> bool:
        """Take what is there; True if there is something to tell."""
        before, self.told = self.told, _find(self.name, self.told, among)
        return self.told != before

    def tell(self) -> None:
        self.observer(self.told)


@dataclass(slots=True, eq=False)
class _WatchAll:
    """One observer of all interfaces, and what it was told last."""

    observer: ObserverOfAll
    told: tuple[InterfaceInfo, ...] = ()
    name: str = "any"

    def look(self, among: Sequence[InterfaceInfo]) -> bool:
        """Take what is there; True if there is something to tell."""
        before, self.told = self.told, tuple(among)
        return self.told != before

    def tell(self) -> None:
        self.observer(self.told)


@implementer(IReadDescriptor)
class InterfaceMonitor:
    """Opens its socket with the first watch and closes it with the last."""

    log = Logger()

    def __init__(self, reactor: Any, read: Callable[[], Sequence[InterfaceInfo]] = read_interfaces) -> None:
        self._reactor = reactor
        self._read = read
        self._watches: list[_Watch | _WatchAll] = []
        self._socket: socket.socket | None = None
        self._timer: Any = None

    def watch(self, name: str, observer: Observer) -> Unwatch:
        """Call ``observer`` now and at every change; see IHost.watch_interface.  HostError if that cannot be done."""
        return self._begin(_Watch(name, observer))

    def watch_all(self, observer: ObserverOfAll) -> Unwatch:
        """Call ``observer`` with all interfaces now and whenever one of them changes.  HostError as in ``watch``."""
        return self._begin(_WatchAll(observer))

    def _begin(self, watch: _Watch | _WatchAll) -> Unwatch:
        self._open()  # before the look, so that no change falls between the two
        self._watches.append(watch)
        try:
            watch.look(self._read())
        except HostError:
            self._unwatch(watch)
            raise
        self._tell(watch)
        return lambda: self._unwatch(watch)

    def _unwatch(self, watch: _Watch | _WatchAll) -> None:
        if watch in self._watches:
            self._watches.remove(watch)
        if not self._watches:
            self._close()

    # --- the trigger

    def _open(self) -> None:
        if self._socket is not None:
            return
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
            self._socket.bind((0, GROUPS))
        except OSError as error:
            self._close()
            raise HostError(f"Changes of network interfaces cannot be watched: {error.strerror}.") from error
        self._reactor.addReader(self)

    def _close(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.close()
            self._socket = None

    def doRead(self) -> None:
        """The reactor: something changed.  What it was is read later, from the source."""
        self._look_in(DEBOUNCE)
        for _ in range(BATCH):
            try:
                if self._socket is None or not self._socket.recv(LONGEST):
                    return
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # too many messages: they would all say the same
                    self.log.error("reading changes of interfaces failed: {error}", error=error)
                    return

    def _look_in(self, delay: float) -> None:
        if self._timer is None or not self._timer.active():
            self._timer = self._reactor.callLater(delay, self.look)

    def look(self) -> None:
        """Tell the observers now of what has changed."""
        try:
            found = self._read()
        except HostError as error:
            self.log.error("{error}", error=error)
            self._look_in(RETRY)
            return
        for watch in tuple(self._watches):
            if watch in self._watches and watch.look(found):
                self._tell(watch)

    def _tell(self, watch: _Watch | _WatchAll) -> None:
        try:
            watch.tell()
        except Exception:  # noqa: BLE001 - whatever a stranger's observer raises, the others are told
            self.log.failure("an observer of interface {name} failed", name=watch.name)

    def connectionLost(self, reason: object) -> None:
        """The reactor lost the descriptor: open another one and look."""
        self._close()
        if not self._watches:
            return
        try:
            self._open()
        except HostError as error:
            self.log.error("{error}", error=error)
        self._look_in(DEBOUNCE)

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "interfaces"


def _find(name: str, before: InterfaceInfo | None, among: Sequence[InterfaceInfo]) -> InterfaceInfo | None:
    """The interface called so, else the one that was it before and has another name now."""
    found = next((one for one in among if one.name == name), None)
    if found is None and before is not None:
        found = next((one for one in among if one.ifindex == before.ifindex), None)
    return found
