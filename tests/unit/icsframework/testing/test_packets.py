"""Packets for tests are what hosts send: others read them and find their checksums right."""

import dpkt
import pytest

from icsframework.protocols.icmp import checksum
from icsframework.testing.packets import echo, ipv4, tcp, udp


@pytest.mark.parametrize("data", [udp(), udp(b"odd"), tcp(), echo(), ipv4(47, b"x", options=bytes(4))])
def test_they_are_right(data):
    """dpkt, which computes every checksum anew, makes the same octets of them."""
    packet = dpkt.ip.IP(data)
    header = (data[0] & 15) * 4
    assert checksum(data[:header]) == 0
    packet.sum = 0
    if packet.p in (6, 17, 1):
        packet.data.sum = 0
    assert bytes(packet) == data


def test_they_are_as_wrong_as_wanted():
    """What a test gives stands in the header."""
    packet = dpkt.ip.IP(udp(ident=7, ttl=3, fragment=0x2000))
    assert (packet.id, packet.ttl, packet.mf, packet.offset) == (7, 3, 1, 0)
