"""What a lab needs from the machine: root, or a user namespace in which to be root; and a few programs.

Without root the calling process itself becomes root of a new user namespace
(user_namespaces(7)), which is all that network, mount and process namespaces ask
for.  The kernel allows that to a process of one thread only, so it is done
before anything else.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from icsframework.lab.errors import LabError, LabUnavailable

__all__ = ["become_root", "find_program", "is_machine_root", "missing_programs", "why_unavailable"]

CLONE_NEWUSER = 0x10000000

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""An ordinary user on Debian has no sbin in PATH; ip and nft live there."""

PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "mount": "mount",
    "tcpdump": "tcpdump",
    "dnsmasq": "dnsmasq-base",
    "udhcpc": "udhcpc",
    "dhclient": "isc-dhcp-client",
    "dhcpcd": "dhcpcd-base",
    "ss": "iproute2",
    "dig": "bind9-dnsutils",
    "curl": "curl",
    "vsftpd": "vsftpd",
    "slirp-fullbolt": "slirp",
}
"""Program to the Debian package that brings it."""


def find_program(name: str) -> str | None:
    """The path of a program, sbin included whatever PATH says; None if it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def missing_programs(names: Iterable[str]) -> str:
    """One sentence about the programs that are not installed; empty if all are."""
    missing = [name for name in names if find_program(name) is None]
    if not missing:
        return ""
    packages = sorted({PACKAGES.get(name, name) for name in missing})
    return f"the lab needs {' and '.join(missing)}; on Debian: apt install {' '.join(packages)}"


def why_unavailable() -> str:
    """Why this user cannot have a lab on this machine, in one sentence; empty if the lab would work."""
    missing = missing_programs(["unshare", "mount", "ip"])
    if missing:
        return missing
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    probe = [
        find_program("unshare") or "unshare",
        *user,
        "--net",
        "--mount",
        "--pid",
        "--uts",
        "--fork",
        "true",
    ]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    reason = done.stderr.strip().removeprefix("unshare: ") or f"exit status {done.returncode}"
    whose = "this container" if not user else "this kernel for this user"
    return f"namespaces are not allowed by {whose} ({reason}); run it as root of a real or virtual machine"


def is_machine_root() -> bool:
    """Whether this process is root of the machine, and not only of a user namespace (which maps fewer users)."""
    everybody = ["0", "0", "4294967295"]
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text(encoding="ascii").split() == everybody


def become_root() -> None:
    """Be root: of the machine already, or of a new user namespace from now on.

    Raises LabUnavailable with the reason where neither is possible, LabError
    where the process has threads already.
    """
    reason = why_unavailable()
    if reason:
        raise LabUnavailable(reason)
    if os.geteuid() == 0:
        return
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise LabError(
            f"cannot make a user namespace here: {os.strerror(ctypes.get_errno())}; the process must be new"
        )
    # The order is the kernel's: a group map is accepted only after setgroups(2) was given up.
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
