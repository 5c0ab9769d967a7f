"""UDP sockets, bound as asked."""

import socket

from icsframework.host.explain import explained, port_refused
from icsframework.values import Endpoint

__all__ = ["address_of", "bind_udp", "bound_socket"]

SO_BINDTODEVICE = 25
SO_MARK = 36
SO_RCVBUFFORCE = 33


def address_of(endpoint: Endpoint) -> tuple[str, int]:
    """The form that the socket module takes."""
    return (str(endpoint.address), endpoint.port)


def bound_socket(kind: int, endpoint: Endpoint, interface: str | None, mark: int) -> socket.socket:
    """A non-blocking socket of the endpoint's family, on the interface and with the mark, not yet bound to its address."""
    family = socket.AF_INET if endpoint.address.version == 4 else socket.AF_INET6
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if interface is not None:
            made.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
        if mark:
            made.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    except BaseException:
        made.close()
        raise
    return made


def bind_udp(
    endpoint: Endpoint,
    interface: str | None = None,
    mark: int = 0,
    broadcast: bool = False,
    receive_buffer: int = 0,
) -> socket.socket:
    """See IHost.bind_udp.  The receive buffer (bytes) may exceed net.core.rmem_max if we have the right."""
    try:
        made = bound_socket(socket.SOCK_DGRAM, endpoint, interface, mark)
    except OSError as error:
        raise explained(error, f"open a UDP socket on {interface or endpoint}", interface) from error
    try:
        if broadcast:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if receive_buffer:
            _enlarge(made, receive_buffer)
        made.bind(address_of(endpoint))
    except OSError as error:
        made.close()
        raise port_refused(error, "udp", endpoint, interface) from error
    return made


def _enlarge(made: socket.socket, size: int) -> None:
    """As large as the machine's administrator would let us be with CAP_NET_ADMIN, else as large as anybody may."""
    try:
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
