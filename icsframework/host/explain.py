"""What the kernel's error numbers mean for the person who runs ics."""

import errno
from typing import Literal

from icsframework.errors import HostError, IcsError, NoPrivilege, PortTaken
from icsframework.host.inventory import missing
from icsframework.host.portowner import holder
from icsframework.values import Endpoint

__all__ = ["explained", "port_refused"]


def explained(error: OSError, doing: str, interface: str | None = None) -> IcsError:
    """The error to fail with when ``doing`` ("open a packet socket on eth0") was refused."""
    if error.errno in (errno.EPERM, errno.EACCES):
        return NoPrivilege(
            f"Not allowed to {doing}; ics needs CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE: "
            f"run it as root or under its systemd unit."
        )
    if error.errno in (errno.ENODEV, errno.ENXIO) and interface:
        return missing(interface)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HostError(f"Cannot {doing}: no descriptors are left; raise LimitNOFILE (ulimit -n).")
    if error.errno == errno.ENETDOWN:
        return HostError(f"Cannot {doing}: the interface is down; ip link set it up.")
    return HostError(f"Cannot {doing}: {error.strerror or error}.")


def port_refused(
    error: OSError, protocol: Literal["udp", "tcp"], endpoint: Endpoint, interface: str | None = None
) -> IcsError:
    """The same for binding a port: names who has it."""
    where = f"{protocol} port {endpoint.port} on {endpoint.address}" + (
        f" ({interface})" if interface else ""
    )
    if error.errno == errno.EADDRINUSE:
        who = holder(protocol, endpoint) or "another program"
        return PortTaken(f"{where} is taken by {who}; stop it, or keep it off this address.")
    if error.errno == errno.EADDRNOTAVAIL:
        return HostError(f"Cannot open {where}: this machine does not have the address {endpoint.address}.")
    return explained(error, f"open {where}", interface)
