"""The named counters of a packet filter table, straight from the kernel.

nft reads every element of every set before it lists a counter (80 ms beside 10 000 elements); this takes a tenth of a
millisecond, so that it may be done in the reactor's thread, every few seconds.
"""

import errno
from collections.abc import Callable

from icsframework.errors import HostError, NoPrivilege, WireError
from icsframework.host.rtsocket import RouteSocket
from icsframework.protocols.netlink import NetlinkError
from icsframework.protocols.nftables import dump_counters, read_counter

__all__ = ["read_counters"]

NETLINK_NETFILTER = 12


def read_counters(table: str, kernel: Callable[[int], RouteSocket] = RouteSocket) -> dict[str, int]:
    """Packets by the counter's name, of a table of family inet in the network namespace of this thread; empty if it is not there.

    ``kernel`` opens the socket.  Raises NoPrivilege, or HostError if the kernel cannot be asked.
    """
    try:
        with kernel(NETLINK_NETFILTER) as asked:
            found = [read_counter(message) for message in asked.dump(dump_counters(table))]
    except NetlinkError as error:
        if error.code in (errno.EPERM, errno.EACCES):
            raise NoPrivilege from error
        raise HostError(f"The counters of the packet filter cannot be read: error {error.code}.") from error
    except (OSError, WireError) as error:
        raise HostError(f"The counters of the packet filter cannot be read: {error}.") from error
    return dict(one for one in found if one is not None)
