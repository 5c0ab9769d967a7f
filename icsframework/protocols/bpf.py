"""Classic BPF programs for packet sockets: the kernel drops what a PacketFilter does not let through.

The program sees the frame from its Ethernet header on.  Rejected as well: frames
for other stations (promiscuous interfaces), our own outgoing ones, frames with a
VLAN tag (they belong to another network), fragments behind the first of UDP.

Instructions are those of linux/filter.h: code, jump if true, jump if false, value.
"""

import struct

from icsframework.values import PacketFilter

__all__ = ["ETHERTYPE_ALL", "SNAP_LENGTH", "program"]

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_ALL = 0x0003
"""ETH_P_ALL: frames of any type."""

SNAP_LENGTH = 0x40000
"""Bytes of a frame that pass: all of it."""

UDP = 17

LD_WORD, LD_HALF, LD_BYTE = 0x20, 0x28, 0x30  # A = packet[k]
LD_HALF_INDEXED = 0x48  # A = packet[X + k]
LDX_HEADER_LENGTH = 0xB1  # X = 4 * (packet[k] & 15): the length of an IPv4 header
JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_BITS = 0x15, 0x35, 0x45
RETURN = 0x06

ANCILLARY = 0xFFFFF000
"""SKF_AD_OFF: from here on the kernel's facts about the packet."""
PACKET_TYPE, VLAN_TAG_PRESENT = ANCILLARY + 4, ANCILLARY + 48
PACKET_OTHERHOST = 3
"""Packet types from here on are not for us: of other stations, outgoing, looped back."""

ETHERNET = 14
"""Length of the Ethernet header."""

Instruction = tuple[int, int, int, int]

DROP = -1
"""Placeholder for a jump to the instruction that drops; resolved by ``_resolved``."""


def program(wanted: PacketFilter) -> bytes:
    """The instructions for SO_ATTACH_FILTER, eight bytes each."""
    checks: list[Instruction] = [
        (LD_WORD, 0, 0, PACKET_TYPE),
        (JUMP_GREATER_EQUAL, DROP, 0, PACKET_OTHERHOST),
        (LD_WORD, 0, 0, VLAN_TAG_PRESENT),
        (JUMP_EQUAL, 0, DROP, 0),
    ]
    if wanted.ethertype != ETHERTYPE_ALL:
        checks += [(LD_HALF, 0, 0, 12), (JUMP_EQUAL, 0, DROP, wanted.ethertype)]
    if wanted.udp_port is not None:
        checks += _udp(wanted.ethertype, wanted.udp_port)
    checks += [(RETURN, 0, 0, SNAP_LENGTH), (RETURN, 0, 0, 0)]
    return b"".join(struct.pack("=HBBI", *one) for one in _resolved(checks))


def _udp(ethertype: int, port: int) -> list[Instruction]:
    if ethertype == ETHERTYPE_IPV4:
        return [
            (LD_BYTE, 0, 0, ETHERNET + 9),
            (JUMP_EQUAL, 0, DROP, UDP),
            (LD_HALF, 0, 0, ETHERNET + 6),
            (JUMP_BITS, DROP, 0, 0x1FFF),  # fragment offset: no UDP header here
            (LDX_HEADER_LENGTH, 0, 0, ETHERNET),
            (LD_HALF_INDEXED, 0, 0, ETHERNET + 2),
            (JUMP_EQUAL, 0, DROP, port),
        ]
    if ethertype == ETHERTYPE_IPV6:
        return [
            (LD_BYTE, 0, 0, ETHERNET + 6),
            (JUMP_EQUAL, 0, DROP, UDP),
            (LD_HALF, 0, 0, ETHERNET + 40 + 2),
            (JUMP_EQUAL, 0, DROP, port),
        ]
    raise ValueError(f"a UDP port goes with the ethertype of IPv4 or IPv6, not {ethertype:#06x}")


def _resolved(checks: list[Instruction]) -> list[Instruction]:
    """Jumps to DROP lead to the last instruction; offsets count from the next one."""
    last = len(checks) - 1
    return [
        (code, last - at - 1 if yes == DROP else yes, last - at - 1 if no == DROP else no, value)
        for at, (code, yes, no, value) in enumerate(checks)
    ]
