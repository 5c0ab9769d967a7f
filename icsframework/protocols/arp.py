"""ARP over Ethernet for IPv4 (RFC 826), and the probe of RFC 5227."""

import struct
from ipaddress import IPv4Address

from icsframework.errors import WireError
from icsframework.frozen import dataclass

__all__ = [
    "ETHERTYPE",
    "REPLY",
    "REQUEST",
    "Arp",
    "MalformedArp",
    "announcement",
    "from_frame",
    "probe",
    "to_frame",
]

ETHERTYPE = 0x0806
REQUEST, REPLY = 1, 2

NOBODY = "00:00:00:00:00:00"
BROADCAST = "ff:ff:ff:ff:ff:ff"
UNSPECIFIED = IPv4Address(0)

MINIMUM_FRAME = 60
"""Bytes of the shortest Ethernet frame without its checksum (IEEE 802.3); shorter ones are padded."""

_ETHERNET = struct.Struct("!6s6sH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")  # ar$hrd, ar$pro, ar$hln, ar$pln, ar$op, sender, target
_KIND = (1, 0x0800, 6, 4)  # Ethernet, IPv4, and the lengths of their addresses


class MalformedArp(WireError):
    """The frame is not an ARP packet for IPv4 on Ethernet (RFC 826)."""


@dataclass(frozen=True, slots=True)
class Arp:
    """An ARP packet: who (hardware and protocol address) asks or tells whom."""

    operation: int
    sender_mac: str
    sender: IPv4Address
    target_mac: str
    target: IPv4Address


def probe(mac: str, address: IPv4Address) -> bytes:
    """The frame of an ARP probe for ``address`` (RFC 5227 section 1.1): the sender's address is 0, so no cache is spoilt."""
    return to_frame(Arp(REQUEST, mac, UNSPECIFIED, NOBODY, address), mac, BROADCAST)


def announcement(mac: str, address: IPv4Address) -> bytes:
    """The frame of an ARP announcement (RFC 5227 section 1.1): whoever knows the address learns its new owner."""
    return to_frame(Arp(REQUEST, mac, address, NOBODY, address), mac, BROADCAST)


def to_frame(packet: Arp, source: str, destination: str) -> bytes:
    """The Ethernet frame that carries the packet."""
    header = _ETHERNET.pack(_raw(destination), _raw(source), ETHERTYPE)
    body = _ARP.pack(
        *_KIND,
        packet.operation,
        _raw(packet.sender_mac),
        packet.sender.packed,
        _raw(packet.target_mac),
        packet.target.packed,
    )
    return (header + body).ljust(MINIMUM_FRAME, b"\0")


def from_frame(frame: bytes) -> Arp:
    """Read an Ethernet frame; MalformedArp if it is anything else."""
    if len(frame) < _ETHERNET.size + _ARP.size:
        raise MalformedArp(f"{len(frame)} bytes are too few for an ARP packet")
    if _ETHERNET.unpack_from(frame)[2] != ETHERTYPE:
        raise MalformedArp("not the ethertype of ARP")
    *kind, operation, sender_mac, sender, target_mac, target = _ARP.unpack_from(frame, _ETHERNET.size)
    if tuple(kind) != _KIND:
        raise MalformedArp("ARP, but not for IPv4 on Ethernet")
    return Arp(operation, sender_mac.hex(":"), IPv4Address(sender), target_mac.hex(":"), IPv4Address(target))


def _raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
