"""IPv4 packets as hosts send them, for tests: whole, with right checksums, and as wrong as a test wants them."""

import struct
from ipaddress import IPv4Address

from icsframework.protocols.icmp import checksum

__all__ = ["echo", "ipv4", "tcp", "udp"]

CLIENT, SERVER = "192.168.0.7", "203.0.113.9"
ICMP, TCP, UDP = 1, 6, 17
SYN = 0x02


def ipv4(
    protocol: int,
    body: bytes,
    source: str = CLIENT,
    destination: str = SERVER,
    *,
    ident: int = 1,
    ttl: int = 64,
    fragment: int = 0,
    options: bytes = b"",
) -> bytes:
    """A packet with any transport; ``fragment`` is the field of flags and offset, ``options`` fill whole words."""
    length = 20 + len(options)
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | length // 4,
        0,
        length + len(body),
        ident,
        fragment,
        ttl,
        protocol,
        0,
        IPv4Address(source).packed,
        IPv4Address(destination).packed,
    )
    sum_of_it = checksum(header + options).to_bytes(2)
    return header[:10] + sum_of_it + header[12:] + options + body


def udp(
    payload: bytes = b"hello",
    source: str = CLIENT,
    destination: str = SERVER,
    sport: int = 5000,
    port: int = 9999,
    **header: int,
) -> bytes:
    """A datagram; ``header`` is for ``ipv4``."""
    body = struct.pack("!HHHH", sport, port, 8 + len(payload), 0) + payload
    return ipv4(UDP, _summed(body, 6, UDP, source, destination), source, destination, **header)  # type: ignore[arg-type]


def tcp(
    flags: int = SYN,
    source: str = CLIENT,
    destination: str = SERVER,
    sport: int = 5000,
    port: int = 80,
    sequence: int = 1000,
    **header: int,
) -> bytes:
    """A segment without data, a SYN by default."""
    body = struct.pack("!HHIIBBHHH", sport, port, sequence, 0, 0x50, flags, 64240, 0, 0)
    return ipv4(TCP, _summed(body, 16, TCP, source, destination), source, destination, **header)  # type: ignore[arg-type]


def echo(
    sequence: int = 1,
    source: str = CLIENT,
    destination: str = SERVER,
    ident: int = 77,
    kind: int = 8,
) -> bytes:
    """A ping, or another ICMP message."""
    body = struct.pack("!BBHHH", kind, 0, 0, ident, sequence) + b"ping" * 14
    return ipv4(ICMP, body[:2] + checksum(body).to_bytes(2) + body[4:], source, destination)


def _summed(body: bytes, at: int, protocol: int, source: str, destination: str) -> bytes:
    """With its checksum over the pseudo header (RFC 9293 section 3.1)."""
    pseudo = IPv4Address(source).packed + IPv4Address(destination).packed
    pseudo += struct.pack("!BBH", 0, protocol, len(body))
    return body[:at] + checksum(pseudo + body).to_bytes(2) + body[at + 2 :]
