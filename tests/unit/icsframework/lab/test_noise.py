"""Noise as the network sees it."""

from ipaddress import ip_interface
from itertools import islice

import dpkt

from icsframework.lab.noise import flood, home_noise, udp

OWN, FAR = ip_interface("192.168.0.7/24"), "192.0.2.80"


def total(data):
    """The Internet checksum by hand (RFC 1071): 0xffff over what carries its own."""
    data += b"\0" * (len(data) % 2)
    found = sum(int.from_bytes(data[place : place + 2]) for place in range(0, len(data), 2))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return found


def test_every_kind_is_a_good_packet():
    """Lengths are right, and so are the checksums of IP, TCP and ICMP; all come from the host."""
    for name, raw in home_noise(OWN, FAR).items():
        seen = dpkt.ip.IP(raw)
        assert (seen.src, seen.len) == (OWN.ip.packed, len(raw)), name
        assert total(raw[:20]) == 0xFFFF, name
        if seen.p == dpkt.ip.IP_PROTO_TCP:
            assert total(raw[12:20] + bytes([0, 6]) + (len(raw) - 20).to_bytes(2) + raw[20:]) == 0xFFFF, name
        elif seen.p == dpkt.ip.IP_PROTO_ICMP:
            assert total(raw[20:]) == 0xFFFF, name
        else:
            assert (seen.p, seen.data.ulen) == (dpkt.ip.IP_PROTO_UDP, len(raw) - 20), name


def test_the_kinds():
    """Broadcast, multicast, and to a server far away: everything that must never dial."""
    kinds = home_noise(OWN, FAR)
    sent = {name: dpkt.ip.IP(raw) for name, raw in kinds.items()}
    assert sent["netbios name broadcast"].dst == ip_interface("192.168.0.255/24").ip.packed
    assert sent["mdns multicast"].data.dport == 5353
    far = ip_interface(FAR).ip.packed
    assert {seen.data.dport for seen in sent.values() if seen.p == 17 and seen.dst == far} == {
        *(137, 138, 445, 1900, 5353, 5355, 123)
    }
    flags = {seen.data.flags for name, seen in sent.items() if seen.p == 6 and seen.data.dport == 80}
    assert flags == {0x04, 0x14, 0x11, 0x10, 0x18, 0x12}


def test_a_flood():
    """Datagrams and SYNs in turn, each to another port."""
    seen = [dpkt.ip.IP(raw) for raw in islice(flood(FAR, "203.0.113.5"), 6)]
    assert [(one.p, one.data.dport) for one in seen] == [
        (17, 1),
        (6, 1),
        (17, 14),
        (6, 14),
        (17, 27),
        (6, 27),
    ]


def test_a_datagram():
    """What a host that listens would get."""
    seen = dpkt.ip.IP(udp("192.168.0.7", FAR, 5000, 9, b"hello"))
    assert (seen.data.sport, seen.data.dport, bytes(seen.data.data)) == (5000, 9, b"hello")
