"""What passes an interface: the kernel's own packet ring, read when the test has ended.

An AF_PACKET socket with a ring of its own (packet(7), TPACKET_V2) is opened in
the host.  The kernel writes each frame into the ring while it passes, so nobody
has to keep up, nothing is in flight between the kernel and a file, and no rights
are dropped or needed beyond those of the lab.  tcpdump is used for what it is
best at: compiling the filter and printing packets.
"""

import mmap
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine
from icsframework.lab.privilege import find_program, is_machine_root, missing_programs

__all__ = ["Capture"]

FRAME_SIZE = 2048
"""Bytes of a slot of the ring: all of what Ethernet carries; of what segmentation offload joins (64 kB), its headers."""

BLOCK_SIZE = 1 << 18
"""Bytes the kernel allocates at once; a multiple of the page and frame size."""

DEFAULT_FRAMES = 8192
"""Frames a capture can hold, 16 MB."""

ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 5, 6, 10
TPACKET_V2 = 1
TP_STATUS_USER = 1
PACKET_OUTGOING = 4
HEADER = struct.Struct("=IIIHHIIHH")
"""struct tpacket2_hdr: status, len, snaplen, mac, net, sec, nsec, vlan_tci, vlan_tpid."""
ADDRESS_OFFSET = 32
"""Where struct sockaddr_ll stands: behind the header, aligned to 16."""
PACKET_TYPE_OFFSET = ADDRESS_OFFSET + 10

LINK_TYPES = {1: 1, 772: 1, 65534: 101}
"""Hardware type of an interface (ARPHRD_ETHER, _LOOPBACK, _NONE) to the link type of a pcap file."""

LINK_NAMES = {1: "EN10MB", 101: "RAW"}
"""Link type to its name for tcpdump -y."""

PCAP_HEADER = struct.Struct("=IHHiIII")
PCAP_NANOSECONDS = 0xA1B23C4D


class Capture:
    """A context manager; every frame that passed in the with block is there afterwards, and also while it runs."""

    def __init__(
        self, host: Machine, interface: str, expression: str, file: Path, frames: int = DEFAULT_FRAMES
    ) -> None:
        """``expression`` is pcap-filter(7); at the end the frames go to ``file``; ``frames``: how many there may be."""
        self.file = file
        self._host = host
        self._interface = interface
        self._expression = expression
        self._blocks = max(1, frames * FRAME_SIZE // BLOCK_SIZE)
        self._socket: socket.socket | None = None
        self._ring: mmap.mmap | None = None
        self._link_type = 1
        self._kept: list[tuple[float, bytes]] = []
        self._dropped = 0

    def __enter__(self) -> Self:
        def open_socket() -> socket.socket:
            return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing arrives yet

        self._socket = self._host.inside(open_socket)
        try:
            self._link_type = self._find_link_type()
            if self._expression:
                attach_filter(self._socket, compile_filter(self._expression, LINK_NAMES[self._link_type]))
            self._ring = make_ring(self._socket, self._blocks)
            self._socket.bind((self._interface, ETH_P_ALL))
        except BaseException:
            self._close()
            raise
        return self

    def _find_link_type(self) -> int:
        """Also refuses an interface that is not there, and one whose frames could not be written to a file."""
        assert self._socket is not None
        path = Path("/sys/class/net", self._interface, "type")
        try:
            hardware = int(self._host.inside(path.read_text))
        except OSError:
            raise LabError(f"{self._host.name} has no interface {self._interface}") from None
        if hardware not in LINK_TYPES:
            raise LabError(
                f"{self._interface} of {self._host.name} has hardware type {hardware}: no capture there"
            )
        return LINK_TYPES[hardware]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._kept = self.timed_frames()
            write_pcap(self.file, self._link_type, self._kept)
        finally:
            self._close()

    def _close(self) -> None:
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def frames(self) -> list[bytes]:
        """Every frame so far, from its link header on (at most the first 2 kB of each)."""
        return [frame for _, frame in self.timed_frames()]

    def timed_frames(self) -> list[tuple[float, bytes]]:
        """Every frame so far with its time (seconds of the epoch).  Raises LabError if there were too many."""
        if self._ring is None or self._socket is None:
            return list(self._kept)
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._dropped += struct.unpack("=II", statistics)[1]  # the kernel counts from zero after each look
        if self._dropped:
            raise LabError(
                f"the capture on {self._host.name} was too small: {self._dropped} frames more came"
            )
        return list(read_ring(memoryview(self._ring), self._interface == "lo"))

    def lines(self) -> list[str]:
        """Every packet as tcpdump prints it, without its time; after the with block."""
        missing = missing_programs(["tcpdump"])
        if missing:
            raise LabError(missing)
        command = [find_program("tcpdump") or "tcpdump", "-n", "-t", "-r", "-"]
        if not is_machine_root():
            # Root only in name, tcpdump would try in vain to become somebody else; as nobody it does not.
            command = [find_program("unshare") or "unshare", "--user", *command]
        with self.file.open("rb") as packets:
            done = subprocess.run(command, stdin=packets, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"tcpdump cannot read {self.file}: {done.stderr.strip()}")
        return done.stdout.splitlines()


def compile_filter(expression: str, link: str) -> bytes:
    """A pcap-filter expression as an array of struct sock_filter.  Raises LabError with tcpdump's words."""
    missing = missing_programs(["tcpdump"])
    if missing:
        raise LabError(missing)
    command = [find_program("tcpdump") or "tcpdump", "-y", link, "-s", str(FRAME_SIZE), "-ddd", expression]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{expression!r} is no packet filter: {done.stderr.strip()}")
    lines = done.stdout.splitlines()
    return b"".join(struct.pack("=HBBI", *map(int, line.split())) for line in lines[1:])


def attach_filter(sock: socket.socket, program: bytes) -> None:
    """Let only frames through that ``program`` (struct sock_filter) accepts."""
    import ctypes

    instructions = ctypes.create_string_buffer(program, len(program))
    description = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, description)


def make_ring(sock: socket.socket, blocks: int) -> mmap.mmap:
    """Give the socket a ring of so many blocks and map it."""
    sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
    frames = blocks * (BLOCK_SIZE // FRAME_SIZE)
    sock.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("=IIII", BLOCK_SIZE, blocks, FRAME_SIZE, frames))
    return mmap.mmap(sock.fileno(), blocks * BLOCK_SIZE)


def read_ring(ring: memoryview, loopback: bool) -> Iterator[tuple[float, bytes]]:
    """The frames of a ring from its beginning, which is never handed back to the kernel.

    On the loopback interface each frame is there twice, going out and coming in; the second is kept.
    """
    for slot in range(0, len(ring), FRAME_SIZE):
        status, _, kept, mac, _, seconds, nanoseconds, _, _ = HEADER.unpack_from(ring, slot)
        if not status & TP_STATUS_USER:
            break
        if not (loopback and ring[slot + PACKET_TYPE_OFFSET] == PACKET_OUTGOING):
            yield seconds + nanoseconds / 1e9, bytes(ring[slot + mac : slot + mac + kept])
    ring.release()


def write_pcap(file: Path, link_type: int, frames: list[tuple[float, bytes]]) -> None:
    """Write a pcap file with nanosecond times."""
    with file.open("wb") as output:
        output.write(PCAP_HEADER.pack(PCAP_NANOSECONDS, 2, 4, 0, 0, 65535, link_type))
        for moment, frame in frames:
            nanoseconds = int(moment % 1 * 1e9)
            output.write(struct.pack("=IIII", int(moment), nanoseconds, len(frame), len(frame)) + frame)
