"""A raw socket that sends ICMP for IPv4 (raw(7), icmp(7)).  It hears nothing: answers are for whoever asked."""

import socket
from collections.abc import Callable

from icsframework.host.explain import explained

__all__ = ["open_icmp"]

SOL_RAW = 255
ICMP_FILTER = 1
NOTHING = b"\xff\xff\xff\xff"
"""A bit for each type that is not wanted, of the 32 that the kernel can filter."""


def open_icmp(make: Callable[..., socket.socket] = socket.socket) -> socket.socket:
    """See IHost.open_icmp.  The kernel writes the IP header and chooses the source address, as for its own errors."""
    try:
        opened = make(
            socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP
        )
        try:
            opened.setsockopt(SOL_RAW, ICMP_FILTER, NOTHING)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the kernel's smallest
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        raise explained(error, "open a raw ICMP socket") from error
    return opened
