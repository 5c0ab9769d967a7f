"""TUN devices: IP packets to and from user space (Documentation/networking/tuntap.rst).

A device with ``persist`` stays, with its address and routes, when its descriptor
is closed, and the next open of that name takes it up again: flows through it
survive a restart.  Opening one without ``persist`` makes it go with the descriptor.
"""

import errno
import fcntl
import io
import os
import socket
import struct
from pathlib import Path

from icsframework.errors import HostError, IcsError
from icsframework.host.explain import explained

__all__ = ["open_tun", "remove_tun"]

DEVICE = Path("/dev/net/tun")

TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFMTU = 0x8913, 0x8914, 0x8922
IFF_UP = 0x1
LONGEST_NAME = 15
"""Bytes of an interface's name (IFNAMSIZ without its zero)."""

_FLAGS = struct.Struct("16sH22x")  # struct ifreq with ifr_flags
_NUMBER = struct.Struct("16si20x")  # struct ifreq with ifr_mtu


def open_tun(name: str, mtu: int, persist: bool = False, device: Path = DEVICE) -> io.FileIO:
    """See IHost.open_tun.  Non-blocking; read gives one IP packet, write takes one."""
    raw = name.encode()
    if not 0 < len(raw) <= LONGEST_NAME:
        raise HostError(f"{name!r} cannot be the name of an interface: 1 to {LONGEST_NAME} bytes are.")
    try:
        opened = io.FileIO(os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC), "r+")
    except OSError as error:
        raise _explained(error, name, device) from error
    try:
        fcntl.ioctl(opened, TUNSETIFF, _FLAGS.pack(raw, IFF_TUN | IFF_NO_PI))
        fcntl.ioctl(opened, TUNSETPERSIST, int(persist))
        _bring_up(raw, mtu)
    except OSError as error:
        opened.close()
        raise _explained(error, name, device) from error
    return opened


def remove_tun(name: str) -> None:
    """Remove a TUN device that was made to stay.  HostError, also if somebody has it open."""
    open_tun(name, 1500).close()


def _bring_up(name: bytes, mtu: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        fcntl.ioctl(control, SIOCSIFMTU, _NUMBER.pack(name, mtu))
        _, flags = _FLAGS.unpack(fcntl.ioctl(control, SIOCGIFFLAGS, _FLAGS.pack(name, 0)))
        fcntl.ioctl(control, SIOCSIFFLAGS, _FLAGS.pack(name, flags | IFF_UP))


def _explained(error: OSError, name: str, device: Path) -> IcsError:
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return HostError(
            f"Cannot open TUN device {name}: this machine has no {device}; modprobe tun makes it."
        )
    if error.errno == errno.EBUSY:
        return HostError(f"Cannot open TUN device {name}: another process has it open.")
    if error.errno == errno.EINVAL:
        return HostError(f"Cannot open TUN device {name}: an interface of that name is something else.")
    return explained(error, f"open TUN device {name}")
