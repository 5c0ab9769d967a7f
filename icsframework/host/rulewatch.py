"""Tells when other programs change the packet filter: ours, or theirs.

A netlink socket in the group of nf_tables is a trigger only: whoever is told
looks at the source.  A transaction that takes something from our table and adds
nothing to it is somebody else's: our own loads always add.  What changes in
other tables is told once things are quiet, because a firewall that reloads makes
thousands of changes.  When the socket overflows, both are told.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from icsframework.errors import HostError, WireError
from icsframework.interfaces import Unwatch
from icsframework.protocols.nftables import GROUP, Changed, Committed, parse

__all__ = ["QUIET", "RuleSetMonitor"]

QUIET = 0.5
"""Seconds without a change in other tables until they are told of."""

BUFFER = 1024 * 1024
"""Bytes of messages the kernel keeps for us; a rule set of a thousand rules is a fifth of it."""

LONGEST = 64 * 1024
"""Bytes of one datagram."""

BATCH = 256
"""Datagrams read before the reactor gets its turn."""

SO_RCVBUFFORCE = 33
NETLINK_NETFILTER = 12


@implementer(IReadDescriptor)
class RuleSetMonitor:
    """Watches from ``start`` to ``stop``; ``table`` is the name of ours (family inet).

    ``on_loss(by)`` is called at once when something of ours was taken, with the process that did it ("nft (pid 812)",
    "" if unknown); ``on_change()`` when tables of others have changed.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, table: str, on_loss: Callable[[str], object], on_change: Callable[[], object]
    ) -> None:
        self._reactor = reactor
        self._ours = ("inet", table)
        self._on_loss = on_loss
        self._on_change = on_change
        self._socket: socket.socket | None = None
        self._timer: Any = None
        self._seen: list[Changed] = []

    def start(self) -> Unwatch:
        """Begin; returns what ends it.  HostError if this kernel or container does not allow it."""
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_NETFILTER)
            self._enlarge(self._socket)
            self._socket.bind((0, 1 << GROUP - 1))
        except OSError as error:
            self.stop()
            raise HostError(f"Changes of the packet filter cannot be watched: {error.strerror}.") from error
        self._reactor.addReader(self)
        return self.stop

    def stop(self) -> None:
        """End."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.close()
            self._socket = None

    def _enlarge(self, opened: socket.socket) -> None:
        try:
            opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def doRead(self) -> None:
        """The reactor: messages have come."""
        for _ in range(BATCH):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(LONGEST)
            except BlockingIOError:
                return
            except OSError as error:
                self._overflowed(error)
                return
            try:
                self._take(data)
            except WireError as error:
                self.log.error("a change of the packet filter is not understood: {error}", error=error)
                self._overflowed(None)

    def _overflowed(self, error: OSError | None) -> None:
        """We do not know what happened: both may have."""
        if error is not None and error.errno != errno.ENOBUFS:
            self.log.error("reading changes of the packet filter failed: {error}", error=error)
        self._seen.clear()
        self._on_loss("")
        self._changed()

    def _take(self, data: bytes) -> None:
        for item in parse(data):
            if isinstance(item, Committed):
                self._committed(item)
            elif item not in self._seen:
                self._seen.append(item)

    def _committed(self, by: Committed) -> None:
        seen, self._seen = self._seen, []
        ours = {item.how for item in seen if (item.family, item.table) == self._ours}
        if ours == {"removed"}:
            self._on_loss(f"{by.process} (pid {by.pid})" if by.process else "")
        if any((item.family, item.table) != self._ours for item in seen):
            self._changed()

    def _changed(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.reset(QUIET)
        else:
            self._timer = self._reactor.callLater(QUIET, self._on_change)

    def connectionLost(self, reason: object) -> None:
        """The reactor lost the descriptor; whoever watches looks now and then anyway."""
        self.log.error("changes of the packet filter are no longer told: {reason}", reason=reason)
        self.stop()

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "rule set"
