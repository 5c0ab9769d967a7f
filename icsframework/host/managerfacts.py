"""Reads what managers.py decides upon: state files and running programs.  Blocks for some milliseconds: for the worker thread."""

import os
import socket
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from icsframework.host.managers import Facts, Process

__all__ = ["read_facts"]

NAMES = ("NetworkManager", "systemd-networkd", "dhcpcd", "dhclient", "udhcpc", "busybox", "pump", "dhcp6c")
"""Programs whose command line is of interest; the kernel keeps 15 characters of a name."""

LONGEST = 64 * 1024
"""Bytes read of a file; all of them are small."""

MOST = 1024
"""Files read of a directory."""


def read_facts(root: Path = Path("/")) -> Facts:
    """All of it.  What is not there or may not be read is left out."""
    return Facts(
        indices={name: index for index, name in socket.if_nameindex()},
        processes=tuple(_processes(root / "proc")),
        network_manager=_by_index(root / "run/NetworkManager/devices"),
        networkd=_by_index(root / "run/systemd/netif/links"),
        dhcpcd_config=_text(root / "etc/dhcpcd.conf"),
        ifupdown=_ifupdown(root),
        ifstate=_text(root / "run/network/ifstate"),
    )


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(islice(directory.iterdir(), MOST))
    except OSError:
        return []


def _by_index(directory: Path) -> Mapping[int, str]:
    return {int(path.name): _text(path) for path in _files(directory) if path.name.isdigit()}


def _ifupdown(root: Path) -> Mapping[str, str]:
    """interfaces(5) and the directory that Debian's includes."""
    paths = [root / "etc/network/interfaces", *_files(root / "etc/network/interfaces.d")]
    return {f"/{path.relative_to(root)}": text for path in paths if (text := _text(path))}


def _processes(proc: Path) -> Iterator[Process]:
    """Those of interest that are, as far as we may know, in our network namespace."""
    wanted = {name[:15] for name in NAMES}
    here = _namespace(proc / "thread-self")
    for directory in proc.iterdir() if proc.is_dir() else ():
        if not directory.name.isdigit():
            continue
        name = _text(directory / "comm").strip()
        if name in wanted and _namespace(directory) in (here, None):
            line = _text(directory / "cmdline").rstrip("\0")
            yield Process(int(directory.name), name, tuple(line.split("\0")))


def _namespace(directory: Path) -> str | None:
    """The network namespace; None if we may not know it."""
    try:
        return os.readlink(directory / "ns/net")  # noqa: PTH115 - the text, not a path
    except OSError:
        return None
