"""The interfaces of this network namespace, read quickly and without pyroute2 (see protocols/netlink.py)."""

import errno
import socket

from icsframework.errors import HostError, InterfaceMissing, WireError
from icsframework.protocols.netlink import (
    DumpInterrupted,
    Item,
    dump_addresses,
    dump_links,
    interfaces,
    parse,
)
from icsframework.values import InterfaceInfo

__all__ = ["missing", "read_interface", "read_interfaces"]

RECEIVE = 64 * 1024
"""Bytes; the kernel fills at most 32 KiB a datagram of a list."""

TRIES = 5
"""How often a list is read anew because interfaces came or went meanwhile."""


def read_interfaces() -> list[InterfaceInfo]:
    """All interfaces with their addresses, by index.  HostError if the kernel does not answer sensibly."""
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as kernel:
        kernel.settimeout(5.0)  # it answers at once; a broken kernel must not hang us
        for attempt in range(TRIES):
            try:
                items = _ask(kernel, dump_links(2 * attempt + 1), 2 * attempt + 1)
                return interfaces(items + _ask(kernel, dump_addresses(2 * attempt + 2), 2 * attempt + 2))
            except DumpInterrupted:
                continue
            except (WireError, OSError) as error:
                raise HostError(
                    f"The network interfaces of this machine cannot be listed: {error}."
                ) from error
    raise HostError(
        "The network interfaces of this machine change faster than they can be listed; try again."
    )


def read_interface(name: str) -> InterfaceInfo:
    """One interface; InterfaceMissing if there is none of that name."""
    found = next((one for one in read_interfaces() if one.name == name), None)
    if found is None:
        raise missing(name)
    return found


def missing(name: str) -> InterfaceMissing:
    """The error that says so."""
    return InterfaceMissing(f"There is no interface {name} on this machine; ip link shows those that are.")


def _ask(kernel: socket.socket, request: bytes, sequence: int) -> list[Item]:
    kernel.sendto(request, (0, 0))
    items: list[Item] = []
    while True:
        try:
            found, last = parse(kernel.recv(RECEIVE), sequence)
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise DumpInterrupted("the list did not fit") from error
            raise
        items += found
        if last:
            return items
