"""Packet filter programs, run by a small machine of our own."""

import struct

import dpkt
import pytest

from icsframework.protocols.bpf import ETHERTYPE_ALL, program
from icsframework.values import PacketFilter

HOST, BROADCAST, OTHERHOST, OUTGOING = 0, 1, 3, 4


def passes(wanted, frame, kind=HOST, tagged=0):
    """True if the program lets the frame through (the instructions of linux/filter.h that we use)."""
    code = [struct.unpack_from("=HBBI", program(wanted), at) for at in range(0, len(program(wanted)), 8)]
    a = x = at = 0

    def load(offset, size):
        if offset == 0xFFFFF004:
            return kind
        if offset == 0xFFFFF030:
            return tagged
        if offset + size > len(frame):
            raise IndexError  # the kernel drops the packet
        return int.from_bytes(frame[offset : offset + size], "big")

    try:
        while True:
            op, yes, no, k = code[at]
            at += 1
            if op in (0x20, 0x28, 0x30):
                a = load(k, {0x20: 4, 0x28: 2, 0x30: 1}[op])
            elif op == 0x48:
                a = load(x + k, 2)
            elif op == 0xB1:
                x = 4 * (load(k, 1) & 15)
            elif op == 0x06:
                return k > 0
            else:
                at += yes if {0x15: a == k, 0x35: a >= k, 0x45: bool(a & k)}[op] else no
    except IndexError:
        return False


def ipv4(port=67, protocol=17, options=b"", offset=0):
    udp = dpkt.udp.UDP(sport=68, dport=port, data=b"x")
    packet = dpkt.ip.IP(
        src=bytes(4), dst=b"\xff" * 4, p=protocol, hl=5 + len(options) // 4, opts=options, data=bytes(udp)
    )
    frame = bytearray(bytes(dpkt.ethernet.Ethernet(type=0x0800, data=bytes(packet))))
    frame[20:22] = struct.pack("!H", offset)
    return bytes(frame)


def ipv6(port=546, following=17):
    udp = dpkt.udp.UDP(sport=547, dport=port, data=b"x")
    packet = dpkt.ip6.IP6(src=bytes(16), dst=bytes(16), nxt=following, data=bytes(udp), plen=9)
    return bytes(dpkt.ethernet.Ethernet(type=0x86DD, data=bytes(packet)))


ARP = bytes(dpkt.ethernet.Ethernet(type=0x0806, data=bytes(28)))
DHCP = PacketFilter(0x0800, 67)


@pytest.mark.parametrize(
    ("wanted", "frame", "expected"),
    [
        (DHCP, ipv4(), True),
        (DHCP, ipv4(options=b"\x94\x04\x00\x00"), True),
        (DHCP, ipv4(port=53), False),
        (DHCP, ipv4(protocol=6), False),
        (DHCP, ipv4(offset=0x2000), True),
        (DHCP, ipv4(offset=0x0001), False),
        (DHCP, ipv6(67), False),
        (DHCP, ARP, False),
        (DHCP, ipv4()[:30], False),
        (PacketFilter(0x86DD, 546), ipv6(), True),
        (PacketFilter(0x86DD, 546), ipv6(547), False),
        (PacketFilter(0x86DD, 546), ipv6(following=0), False),
        (PacketFilter(0x0806), ARP, True),
        (PacketFilter(0x0806), ipv4(), False),
        (PacketFilter(ETHERTYPE_ALL), ARP, True),
    ],
)
def test_what_passes(wanted, frame, expected):
    """The wanted port of the wanted family, first fragments only; everything of an ethertype without a port."""
    assert passes(wanted, frame) == expected


def test_frames_of_others_do_not_pass():
    """Other stations', our own outgoing and tagged frames belong elsewhere; broadcasts are for us."""
    assert passes(DHCP, ipv4(), BROADCAST)
    assert not passes(DHCP, ipv4(), OTHERHOST)
    assert not passes(DHCP, ipv4(), OUTGOING)
    assert not passes(DHCP, ipv4(), HOST, tagged=1)


def test_a_port_needs_ip():
    """A caller's mistake is said at once."""
    with pytest.raises(ValueError, match="0x0806"):
        program(PacketFilter(0x0806, 67))
