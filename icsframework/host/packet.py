"""Packet sockets: whole Ethernet frames, of which the kernel lets through only those that are wanted."""

import ctypes
import socket
import struct

from icsframework.host.explain import explained
from icsframework.protocols.bpf import program
from icsframework.values import PacketFilter

__all__ = ["open_packet"]

SO_ATTACH_FILTER = 26
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
INSTRUCTION = 8
"""Bytes of a BPF instruction."""


def open_packet(interface: str, wanted: PacketFilter) -> socket.socket:
    """A non-blocking AF_PACKET socket on the interface; see IHost.open_packet.

    It is made deaf (protocol 0), gets its filter, and only then begins to listen: nothing else is ever queued.
    """
    try:
        opened = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0
        )
        try:
            _attach(opened, program(wanted))
            opened.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            opened.bind((interface, wanted.ethertype))
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        raise explained(error, f"open a packet socket on {interface}", interface) from error
    return opened


def _attach(opened: socket.socket, instructions: bytes) -> None:
    """Hand the kernel a struct sock_fprog: the number of instructions and where they are."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    where = ctypes.addressof(buffer)
    opened.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(instructions) // INSTRUCTION, where)
    )
