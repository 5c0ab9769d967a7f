"""Kernel settings: files below /proc/sys, which belong to the network namespace of the thread that opens them.

Names follow sysctl(8): dots separate, and a dot inside an interface's name is
written as a slash (``net.ipv4.conf.eth0/100.rp_filter``).  Only ``net`` is
touched.  Writing goes through one open file in one write(2), as the kernel wants it.
"""

import errno
import os
from pathlib import Path

from icsframework.errors import HostError, IcsError, NoPrivilege
from icsframework.host.machine import SysctlMissing

__all__ = ["PROC_SYS", "expand", "file_of", "read_sysctl", "write_sysctl"]

PROC_SYS = Path("/proc/sys")

_SWAP = str.maketrans("./", "/.")


def file_of(path: str, root: Path = PROC_SYS) -> Path:
    """The file of a setting; HostError if the name leads anywhere but below ``net``."""
    parts = [part.translate(_SWAP) for part in path.split(".")]
    if parts[0] != "net" or len(parts) < 2 or any(not part or part in (".", "..") for part in parts):
        raise HostError(
            f"{path} is not the name of a network setting; it should look like net.ipv4.ip_forward."
        )
    return root.joinpath(*parts)


def read_sysctl(path: str, root: Path = PROC_SYS) -> str | None:
    """The value, or None if this kernel or interface does not have the setting (or does not let it be read)."""
    try:
        return file_of(path, root).read_text("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _explained(path, "read", error) from error


def write_sysctl(path: str, value: str, root: Path = PROC_SYS) -> None:
    """Write the value; SysctlMissing, NoPrivilege or another HostError names the setting."""
    try:
        descriptor = os.open(file_of(path, root), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode("ascii") + b"\n")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _explained(path, f"set to {value}", error) from error


def expand(pattern: str, root: Path = PROC_SYS) -> list[str]:
    """The names that a pattern means: ``*`` stands for each interface but not for ``all`` and ``default``."""
    before, star, after = pattern.partition("*")
    if not star:
        return [pattern]
    directory = file_of(before.rstrip("."), root)
    names = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
    return [f"{before}{name.translate(_SWAP)}{after}" for name in names if name not in ("all", "default")]


def _explained(path: str, doing: str, error: OSError) -> IcsError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SysctlMissing(
            f"This kernel has no setting {path}: its module is not loaded, or the interface is gone."
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return NoPrivilege(
            f"The setting {path} may not be {doing}; run ics as root, or make /proc/sys/net writable in this container."
        )
    return HostError(f"The setting {path} cannot be {doing}: {error.strerror}.")
