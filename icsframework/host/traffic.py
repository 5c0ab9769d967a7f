"""Bytes in and out of each interface, from the kernel's own counters (/proc/net/dev of our network namespace)."""

from pathlib import Path
from typing import NamedTuple

NET_DEV = Path("/proc/thread-self/net/dev")
_RECEIVED, _SENT = 0, 8
"""Columns after the name (proc_net_dev(5))."""


class Traffic(NamedTuple):
    """Bytes since the interface exists."""

    received: int
    sent: int


def parse(text: str) -> dict[str, Traffic]:
    """By interface; lines of another shape are passed over."""
    found = {}
    for line in text.splitlines():
        name, colon, rest = line.rpartition(":")
        columns = rest.split()
        if colon and len(columns) > _SENT and columns[_RECEIVED].isdigit() and columns[_SENT].isdigit():
            found[name.strip()] = Traffic(int(columns[_RECEIVED]), int(columns[_SENT]))
    return found


def read_traffic() -> dict[str, Traffic]:
    """Now, by interface."""
    return parse(NET_DEV.read_text())
