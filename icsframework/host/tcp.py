"""TCP: listening sockets, and connections whose first SYN already carries its mark."""

import errno
import os
import socket
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from icsframework.errors import ConnectFailed, IcsError
from icsframework.host.explain import explained, port_refused
from icsframework.host.udp import address_of, bound_socket
from icsframework.values import Endpoint

__all__ = ["connect", "listen", "listen_anywhere"]

IP_BIND_ADDRESS_NO_PORT = 24
"""With source port 0 the port is chosen at connect, where only the whole flow must be unique."""

BURST = 256
"""Connections that wait to be accepted: what a burst of clients needs; a flood beyond is dropped by the kernel."""

IP_TRANSPARENT = 19
IPV6_TRANSPARENT = 75
_TRANSPARENT = {
    socket.AF_INET: (socket.IPPROTO_IP, IP_TRANSPARENT),
    socket.AF_INET6: (socket.IPPROTO_IPV6, IPV6_TRANSPARENT),
}

_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)
"""What the kernel says of a source port that cannot be had: taken, taken for this destination, privileged."""


def listen(endpoint: Endpoint, interface: str | None = None, backlog: int = 64) -> socket.socket:
    """See IHost.listen."""
    try:
        made = bound_socket(socket.SOCK_STREAM, endpoint, interface, mark=0)
    except OSError as error:
        raise explained(error, f"open a TCP socket on {interface or endpoint}", interface) from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address_of(endpoint))
        made.listen(backlog)
    except OSError as error:
        made.close()
        raise port_refused(error, "tcp", endpoint, interface) from error
    return made


def listen_anywhere() -> socket.socket:
    """A socket that listens on a port that the kernel chooses, on every IPv4 address; HostError."""
    return listen(Endpoint(IPv4Address(0), 0), backlog=BURST)


def connect(
    reactor: Any,
    endpoint: Endpoint,
    mark: int = 0,
    source: Endpoint | None = None,
    timeout: float = 10.0,
    transparent: bool = False,
    any_port: bool = False,
) -> "Deferred[socket.socket]":
    """See IHost.connect.  Cancelling gives up and closes the socket.

    ``transparent``: the source may be an address that this machine does not have (IP_TRANSPARENT).  ``any_port``:
    where the source port is not free for this destination, another one is taken.
    """
    made = _prepared(endpoint, mark, source, transparent, any_port)
    code = _call(made, endpoint)
    if any_port and source is not None and source.port and code in _TAKEN:
        made.close()
        made = _prepared(endpoint, mark, replace(source, port=0), transparent)
        code = _call(made, endpoint)
    attempt = _Attempt(reactor, made, endpoint, timeout)
    attempt.begin(code)
    return attempt.answer


def _prepared(
    endpoint: Endpoint, mark: int, source: Endpoint | None, transparent: bool = False, any_port: bool = False
) -> socket.socket:
    try:
        made = bound_socket(socket.SOCK_STREAM, endpoint, None, mark)
    except OSError as error:
        raise explained(error, f"open a connection to {endpoint}") from error
    if source is None:
        return made
    try:
        if transparent:
            made.setsockopt(*_TRANSPARENT[made.family], 1)
        # A port that served another destination a moment ago may serve this one.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(made, source, any_port)
    except OSError as error:
        made.close()
        raise port_refused(error, "tcp", source) from error
    return made


def _bind(made: socket.socket, source: Endpoint, any_port: bool) -> None:
    if source.port == 0 and made.family == socket.AF_INET:
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    try:
        made.bind(address_of(source))
    except OSError as error:
        if not any_port or source.port == 0 or error.errno not in _TAKEN:
            raise
        _bind(made, replace(source, port=0), any_port)


def _call(made: socket.socket, endpoint: Endpoint) -> int:
    """Send the SYN; the error number of errno(3), EINPROGRESS if it is on its way."""
    try:
        return made.connect_ex(address_of(endpoint))
    except OSError as error:  # an address of the wrong family, say
        return error.errno or errno.EINVAL


@implementer(IReadWriteDescriptor)
class _Attempt:
    """A socket on its way: the reactor says when it is writable, which is when it is connected or has failed."""

    def __init__(self, reactor: Any, made: socket.socket, endpoint: Endpoint, timeout: float) -> None:
        self.answer: Deferred[socket.socket] = Deferred(lambda _: self._give_up())
        self._reactor = reactor
        self._socket = made
        self._endpoint = endpoint
        self._timer = reactor.callLater(timeout, self._fail, errno.ETIMEDOUT)

    def begin(self, code: int) -> None:
        """The SYN was sent with this result."""
        if code == errno.EINPROGRESS:
            self._reactor.addWriter(self)
        elif code:
            self._fail(code)
        else:
            self._succeed()

    def doWrite(self) -> None:
        """The reactor: connected, or failed."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(code)
        else:
            self._succeed()

    def doRead(self) -> None:
        """Never asked for; some reactors tell of errors this way."""
        self.doWrite()

    def connectionLost(self, reason: object) -> None:
        """The reactor saw an error on the descriptor."""
        self._fail(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET)

    def fileno(self) -> int:
        """See IFileDescriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return f"connect {self._endpoint}"

    def _stop(self) -> None:
        self._reactor.removeWriter(self)
        if self._timer.active():
            self._timer.cancel()

    def _give_up(self) -> None:
        self._stop()
        self._socket.close()

    def _succeed(self) -> None:
        self._stop()
        self.answer.callback(self._socket)

    def _fail(self, code: int) -> None:
        self._give_up()
        self.answer.errback(self._error(code))

    def _error(self, code: int) -> IcsError:
        if code in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            return ConnectFailed(f"Cannot connect to {self._endpoint}: the source port is in use.", code)
        if code in (errno.EPERM, errno.EACCES):
            return ConnectFailed(f"Cannot connect to {self._endpoint}: a packet filter forbids it.", code)
        return ConnectFailed(f"Cannot connect to {self._endpoint}: {os.strerror(code)}.", code)
