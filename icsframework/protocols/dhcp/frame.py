"""UDP over IPv4 over Ethernet, for raw sockets: a client without an address can be reached, and reach, no other way.

``FrameBuilder`` keeps everything that does not change from frame to frame and
the half-done header checksum (RFC 1624 in spirit), so that building one is a
single pack.  ``parse_frame`` checks everything that a kernel would have checked.

Checksums use that a sum in one's complement is the value modulo 0xFFFF: for
Python that is one division of a long integer, faster than any loop.
"""

import struct
from typing import NamedTuple

from icsframework.errors import WireError

ETHERTYPE_IPV4 = 0x0800
BROADCAST_MAC = b"\xff" * 6
BROADCAST_ADDRESS = 0xFFFFFFFF
HEADER_SIZE = 42
"""Bytes of Ethernet, IPv4 and UDP header as we build them."""
MAX_PAYLOAD = 65507
"""Bytes of UDP payload that an IPv4 datagram can carry."""

_TTL = 64
_UDP = 17
_HEADERS = struct.Struct(">6s6sHHHHHHHIIHHHH")
_IP = struct.Struct(">BBHHHBBHII")
_PORTS = struct.Struct(">4H")


class MalformedFrame(WireError):
    """The frame is not one whole, intact UDP datagram over IPv4."""


class Datagram(NamedTuple):
    """What ``parse_frame`` finds; addresses are 32-bit integers."""

    source_mac: bytes
    target_mac: bytes
    source: int
    source_port: int
    destination: int
    destination_port: int
    payload: bytes


def checksum(data: bytes, initial: int = 0) -> int:
    """The Internet checksum (RFC 1071) of ``data``; ``initial`` is a sum to go on from."""
    if len(data) & 1:
        data += b"\0"
    total = (int.from_bytes(data, "big") + initial) % 0xFFFF
    return 0xFFFF - total if total else (0xFFFF if not initial and not any(data) else 0)


class FrameBuilder:
    """Builds frames from one source (MAC, address, port) to one destination port."""

    def __init__(self, source_mac: bytes, source: int, source_port: int, destination_port: int) -> None:
        self._mac = source_mac
        self._source = source
        self._ports = source_port, destination_port
        halves = (source >> 16) + (source & 0xFFFF)
        # The constant words of the IP header: version and header length, don't fragment, TTL and protocol.
        self._ip_sum = 0x4500 + 0x4000 + (_TTL << 8 | _UDP) + halves
        self._udp_sum = _UDP + halves + source_port + destination_port

    def build(self, target_mac: bytes, destination: int, payload: bytes) -> bytes:
        """The frame.  Raises ValueError if ``payload`` is too long for a datagram."""
        size = len(payload)
        if size > MAX_PAYLOAD:
            raise ValueError(f"{size} bytes do not fit a datagram")
        halves = (destination >> 16) + (destination & 0xFFFF)
        length = size + 8
        # Neither sum can be 0, so modulo 0xFFFF loses nothing but the two forms of zero.
        header = -(self._ip_sum + size + 28 + halves) % 0xFFFF
        even = payload if not size & 1 else payload + b"\0"
        # The length counts twice: in the pseudo header and in the UDP header.  A 0 would mean "no checksum" (RFC 768).
        body = 0xFFFF - (int.from_bytes(even, "big") + self._udp_sum + 2 * length + halves) % 0xFFFF
        source_port, destination_port = self._ports
        return (
            _HEADERS.pack(
                target_mac, self._mac, ETHERTYPE_IPV4,
                0x4500, size + 28, 0, 0x4000, _TTL << 8 | _UDP, header, self._source, destination,
                source_port, destination_port, length, body,
            )
            + payload
        )  # fmt: skip


def parse_frame(frame: bytes, checksum_ready: bool = True) -> Datagram:
    """Read an Ethernet frame.  Raises MalformedFrame.

    ``checksum_ready`` is False for a frame that a neighbour on this machine sent
    and whose UDP checksum the kernel has put off (TP_STATUS_CSUMNOTREADY).
    """
    if len(frame) < HEADER_SIZE or frame[12:14] != b"\x08\x00":
        raise MalformedFrame("no IPv4 frame")
    version_length, _, total, _, fragment, _, protocol, _, source, destination = _IP.unpack_from(frame, 14)
    header = (version_length & 15) * 4
    udp = 14 + header
    if version_length >> 4 != 4 or header < 20 or total < header + 8 or 14 + total > len(frame):
        raise MalformedFrame("an IPv4 header with wrong lengths")
    if protocol != _UDP or fragment & 0x3FFF:
        raise MalformedFrame("no UDP, or a fragment")
    if checksum(frame[14:udp]):
        raise MalformedFrame("a wrong IPv4 checksum")
    source_port, destination_port, length, given = _PORTS.unpack_from(frame, udp)
    if length < 8 or length > total - header:
        raise MalformedFrame("a UDP header with a wrong length")
    end = udp + length
    if checksum_ready and given:
        pseudo = (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF)
        if checksum(frame[udp:end], pseudo + _UDP + length):
            raise MalformedFrame("a wrong UDP checksum")
    return Datagram(
        frame[6:12], frame[:6], source, source_port, destination, destination_port, frame[udp + 8 : end]
    )
