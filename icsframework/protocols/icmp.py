"""ICMP for IPv4: telling a host that what it sent cannot be delivered (RFC 792, RFC 1812 sections 4.3.2 and 5.2.7.1)."""

import struct
from typing import Literal

__all__ = ["LONGEST", "NET_UNREACHABLE", "PROHIBITED", "Code", "answerable", "checksum", "unreachable"]

NET_UNREACHABLE: Literal[0] = 0
"""No way leads there now."""
PROHIBITED: Literal[13] = 13
"""Communication administratively prohibited: a way would lead there, and may not be taken."""

Code = Literal[0, 13]
"""Codes of "destination unreachable" that a gateway without an uplink has use for."""

LONGEST = 576
"""Octets of the longest datagram that an error may be (RFC 1812 section 4.3.2.3)."""

_UNREACHABLE = 3
"""The type "destination unreachable"."""
_HEADER = 20
"""Octets of the IPv4 header that the kernel puts before the message."""
_ERROR = struct.Struct("!BBHI")  # type, code, checksum, unused
_ICMP = 1
_QUERIES = frozenset({0, 8, 9, 10, *range(13, 19)})
"""ICMP types that report no error (RFC 1122 section 3.2.2, RFC 1256, RFC 950)."""
_THIS_NETWORK, _LOOPBACK, _MULTICAST = 0, 127, 224
"""First octets: "this network", loopback; and from the last one on groups, reserved addresses and broadcast (RFC 6890)."""


def unreachable(code: Code, packet: bytes) -> bytes:
    """The ICMP message that says so of ``packet``, quoting as much of it as may be quoted; the IP header is not in it."""
    quoted = packet[: LONGEST - _HEADER - _ERROR.size]
    error = _ERROR.pack(_UNREACHABLE, code, 0, 0) + quoted
    return _ERROR.pack(_UNREACHABLE, code, checksum(error), 0) + quoted


def answerable(packet: bytes) -> bool:
    """May an error be sent about it?  RFC 1812 section 4.3.2.7 forbids answers to errors, to all fragments but the first,
    to what went to a group or to everybody, and to a source that is not one host.
    """
    if len(packet) < _HEADER or packet[0] >> 4 != 4:
        return False
    header = (packet[0] & 0x0F) * 4
    if header < _HEADER or len(packet) < header:
        return False
    if int.from_bytes(packet[6:8]) & 0x1FFF or not _single(packet[12]) or packet[16] >= _MULTICAST:
        return False
    return packet[9] != _ICMP or (len(packet) > header and packet[header] in _QUERIES)


def _single(first: int) -> bool:
    return first not in (_THIS_NETWORK, _LOOPBACK) and first < _MULTICAST


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of octets whose own checksum field is 0."""
    words = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
