"""What is in a PPP frame: the protocol field, control packets, their options (RFC 1661 sections 2, 5 and 6)."""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from icsframework.errors import WireError

__all__ = [
    "Code",
    "MalformedPacket",
    "Option",
    "Packet",
    "Protocol",
    "pack_options",
    "parse_options",
    "readable",
    "split_frame",
]

ADDRESS_CONTROL = b"\xff\x03"
"""All-stations address and unnumbered information (RFC 1662 section 3.1)."""
MAX_TEXT = 120
"""Characters kept of a peer's message: one line for people."""

_HEAD = struct.Struct(">BBH")


class Protocol(IntEnum):
    """Protocol numbers (RFC 1661 section 2, IANA)."""

    IP = 0x0021
    VJ_COMPRESSED = 0x002D
    VJ_UNCOMPRESSED = 0x002F
    IPV6 = 0x0057
    IPCP = 0x8021
    ECP = 0x8053
    IPV6CP = 0x8057
    CCP = 0x80FD
    LCP = 0xC021
    PAP = 0xC023
    CHAP = 0xC223


class Code(IntEnum):
    """Codes of LCP and of the protocols that borrow its automaton (RFC 1661 section 5, RFC 1570 section 2)."""

    CONFIGURE_REQUEST = 1
    CONFIGURE_ACK = 2
    CONFIGURE_NAK = 3
    CONFIGURE_REJECT = 4
    TERMINATE_REQUEST = 5
    TERMINATE_ACK = 6
    CODE_REJECT = 7
    PROTOCOL_REJECT = 8
    ECHO_REQUEST = 9
    ECHO_REPLY = 10
    DISCARD_REQUEST = 11
    IDENTIFICATION = 12
    TIME_REMAINING = 13


class MalformedPacket(WireError):
    """A PPP packet is cut off or its lengths do not fit (RFC 1661 section 5); it was dropped."""


class Packet(NamedTuple):
    """A control packet: LCP, an NCP, PAP or CHAP.  They all begin with code, identifier and length."""

    code: int
    ident: int
    data: bytes = b""

    @classmethod
    def from_wire(cls, wire: bytes) -> "Packet":
        """Read the information field of a frame; what stands behind the length is padding.  Raises MalformedPacket."""
        if len(wire) < _HEAD.size:
            raise MalformedPacket(f"{len(wire)} octets are too few for a control packet")
        code, ident, length = _HEAD.unpack_from(wire)
        if not _HEAD.size <= length <= len(wire):
            raise MalformedPacket(f"a control packet of {len(wire)} octets says that it has {length}")
        return cls(code, ident, wire[_HEAD.size : length])

    def to_wire(self) -> bytes:
        """The information field of a frame."""
        return _HEAD.pack(self.code, self.ident, _HEAD.size + len(self.data)) + self.data


class Option(NamedTuple):
    """A configuration option (RFC 1661 section 6)."""

    type: int
    value: bytes = b""


def parse_options(data: bytes) -> tuple[Option, ...]:
    """The options of a Configure packet in their order.  Raises MalformedPacket."""
    options, at = [], 0
    while at < len(data):
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            raise MalformedPacket(f"option {data[at]} has a length that does not fit")
        options.append(Option(data[at], data[at + 2 : at + length]))
        at += length
    return tuple(options)


def pack_options(options: Iterable[Option]) -> bytes:
    """The opposite of parse_options."""
    return b"".join(bytes((kind, len(value) + 2)) + value for kind, value in options)


def split_frame(frame: bytes) -> tuple[int, bytes]:
    """(protocol, information) of a frame, with or without address and control, with a protocol of one or two octets.

    Both compressions are understood whether they were agreed on or not.  Raises MalformedPacket.
    """
    at = 2 if frame[:2] == ADDRESS_CONTROL else 0
    if len(frame) > at and frame[at] & 1:
        return frame[at], frame[at + 1 :]
    if len(frame) < at + 2 or not frame[at + 1] & 1:
        raise MalformedPacket("the frame has no protocol")
    return frame[at] << 8 | frame[at + 1], frame[at + 2 :]


def readable(text: bytes) -> str:
    """A peer's message as one line for people: printable ASCII, at most 120 characters."""
    shown = "".join(chr(octet) if 0x20 <= octet < 0x7F else " " for octet in text[: 4 * MAX_TEXT])
    return " ".join(shown.split())[:MAX_TEXT]
