"""What the rights of a process are good for, tried for real; one line of JSON.  Run in a gateway's host: rights_probe.py LAN UPLINK.

Each entry is empty if it worked, or the error.
"""

import fcntl
import json
import socket
import struct
import subprocess
import sys
from ipaddress import ip_interface

from icsframework.dataplane.marks import Marks
from icsframework.dataplane.nft import Library
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.sysctls import sysctls
from icsframework.host.conntrack import Conntrack
from icsframework.host.state import conf
from icsframework.host.sysctl import expand, read_sysctl, write_sysctl

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000
ELEMENTS = (
    "add table inet probe\nadd set inet probe s { type ipv4_addr; }\nadd element inet probe s { 192.0.2.1 }\n"
)


def settings(lan, uplink):
    """Every setting that the gateway may write, with what it is now written back."""
    plane = DataPlane(
        lans=(LanSide("home", lan, ip_interface("192.168.0.1/24"), bridge=True),),
        uplinks=(UplinkSide("cable", 1, uplink),),
        marks=Marks(0x00FF0000),
    )
    paths = {path for one in sysctls(plane) for path in expand(one.path)} | {
        conf("ipv4", lan, "promote_secondaries")
    }
    present = [(path, value) for path in sorted(paths) if (value := read_sysctl(path)) is not None]
    assert len(present) > 15, present
    for path, value in present:
        write_sysctl(path, value)


def packet(lan, _):
    """AF_PACKET on an interface."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sock:
        sock.bind((lan, 0))


def bound(lan, _):
    """SO_BINDTODEVICE, and a port below 1024."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, lan.encode() + b"\0")
        sock.bind(("", 7))


def marked(*_):
    """SO_MARK."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0x00010000)


def tun(*_):
    """A TUN device, gone with its descriptor."""
    with open("/dev/net/tun", "r+b", buffering=0) as device:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"probe0", IFF_TUN | IFF_NO_PI))


def conntrack(*_):
    """Counting and deleting flows."""
    Conntrack().count()
    Conntrack().delete_where(lambda flow: False)


def library(*_):
    """libnftables in this process."""
    Library().run(f"{ELEMENTS}delete table inet probe\n")


def child(*_):
    """nft as a child, which must inherit the rights."""
    subprocess.run(
        ["nft", "-f", "-"],
        input=f"{ELEMENTS}delete table inet probe\n",
        text=True,
        check=True,
        capture_output=True,
    )


def tried(work, *arguments):
    """Empty, or what went wrong."""
    try:
        work(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error} {getattr(error, 'stderr', '') or ''}".strip()
    return ""


WORKS = (settings, packet, bound, marked, tun, conntrack, library, child)

if __name__ == "__main__":
    print(json.dumps({work.__name__: tried(work, *sys.argv[1:]) for work in WORKS}))
