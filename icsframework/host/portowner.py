"""Which process holds a port or an abstract socket: /proc/net says the socket, /proc/PID/fd the process.

Descriptors of other users' processes are visible only with CAP_SYS_PTRACE; then
the answer is that it is not known.
"""

import pwd
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.values import Address, Endpoint

__all__ = ["SocketEntry", "abstract_holder", "holder", "parse_sockets", "process_of"]

PROC = Path("/proc")
OWN_NET = Path("/proc/thread-self/net")
"""The socket tables of this thread's network namespace."""

TCP_LISTEN = 0x0A
IPV4_MAPPED = 0xFFFF


@dataclass(frozen=True, slots=True)
class SocketEntry:
    """One line of /proc/net/udp or tcp."""

    local: Endpoint
    state: int
    inode: int
    uid: int = 0
    """Of the user who made it."""


def parse_sockets(text: str) -> Iterator[SocketEntry]:
    """The lines of /proc/net/{udp,udp6,tcp,tcp6}; proc(5).  Lines that make no sense are left out."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            address, port = fields[1].split(":")
            local = Endpoint(_address(address), int(port, 16))
            yield SocketEntry(local, int(fields[3], 16), int(fields[9]), int(fields[7]))
        except (IndexError, ValueError):
            continue


def _address(text: str) -> Address:
    """Groups of eight digits, each a number in the machine's byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    raw = struct.pack(f"={len(words)}I", *words)
    if len(raw) == 4:
        return IPv4Address(raw)
    address = IPv6Address(raw)
    return address.ipv4_mapped or address


def holder(
    protocol: Literal["udp", "tcp"], endpoint: Endpoint, net: Path = OWN_NET, proc: Path = PROC
) -> str | None:
    """Who is in the way of binding ``endpoint``, as "dnsmasq (pid 812)", or None if nobody seems to be.

    A process that may not be looked at (another user's, or in another container) is told by its user, with the
    command that shows more.
    """
    hidden = None
    for table in (protocol, f"{protocol}6"):
        path = net / table
        if not path.exists():
            continue
        for entry in parse_sockets(path.read_text()):
            listening = protocol == "udp" or entry.state == TCP_LISTEN
            if listening and _in_the_way(entry.local, endpoint):
                found = process_of(entry.inode, proc)
                if found:
                    return found
                hidden = entry
    return None if hidden is None else _unseen(protocol, hidden)


def _unseen(protocol: Literal["udp", "tcp"], entry: SocketEntry) -> str:
    try:
        user = pwd.getpwuid(entry.uid).pw_name
    except KeyError:
        user = str(entry.uid)
    command = f"ss -Hlnp{protocol[0]} 'sport = :{entry.local.port}'"
    return f"a process of user {user} that cannot be seen from here (socket {entry.inode}; as root, {command} names it)"


def _in_the_way(held: Endpoint, wanted: Endpoint) -> bool:
    return held.port == wanted.port and (
        held.address == wanted.address or held.address.is_unspecified or wanted.address.is_unspecified
    )


def abstract_holder(name: str, net: Path = OWN_NET, proc: Path = PROC) -> str | None:
    """Who holds the abstract Unix socket ``@name``, or None."""
    for line in (net / "unix").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7] == f"@{name}" and fields[6].isdigit():
            return process_of(int(fields[6]), proc)
    return None


def process_of(inode: int, proc: Path = PROC) -> str | None:
    """The process that has the socket with this inode open, as "name (pid N)"."""
    wanted = f"socket:[{inode}]"
    for process in proc.iterdir():
        if process.name.isdigit() and wanted in _links(process / "fd"):
            return f"{_name(process)} (pid {process.name})"
    return None


def _links(directory: Path) -> Iterator[str]:
    """Where a process's descriptors lead; nothing if it has gone or is not ours to look at."""
    try:
        for descriptor in directory.iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"
