"""Which packets may overtake others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ics_plugins.uplinks.dialup.priority import is_urgent

TCP, UDP, ICMP, GRE = 6, 17, 1, 47
ACK, SYN, FIN = 0x10, 0x02, 0x01


def ipv4(protocol, payload, size=0, service=0, fragment=0, options=b""):
    """A packet of ``size`` octets."""
    head = bytes([0x45 + len(options) // 4, service, 0, 0, 0, 0, fragment >> 8, fragment & 255, 64, protocol])
    packet = head + bytes(10) + options + payload
    return packet + bytes(max(0, size - len(packet)))


def ipv6(protocol, payload, size, traffic=0):
    """The same of the other family."""
    packet = bytes([0x60 | traffic >> 4, (traffic & 15) << 4, 0, 0, 0, 0, protocol, 64]) + bytes(32) + payload
    return packet + bytes(max(0, size - len(packet)))


def ports(source, destination):
    """The first octets of TCP and UDP."""
    return source.to_bytes(2, "big") + destination.to_bytes(2, "big") + bytes(4)


def segment(source, destination, flags=ACK, words=5):
    """A TCP header."""
    return ports(source, destination) + bytes(4) + bytes([words << 4, flags]) + bytes(words * 4 - 14)


@pytest.mark.parametrize(
    ("packet", "urgent"),
    [
        (ipv4(UDP, ports(4000, 53), 400), True),
        (ipv4(UDP, ports(53, 4000), 1400), True),
        (ipv4(UDP, ports(4000, 123), 400), True),
        (ipv4(UDP, ports(4000, 4001), 400), False),
        (ipv4(UDP, ports(4000, 4001), 100), True),
        (ipv4(TCP, segment(4000, 80), 1500), False),
        (ipv4(TCP, segment(4000, 80)), True),
        (ipv4(TCP, segment(4000, 80, words=15), 80 + 60), False),
        (ipv4(TCP, segment(4000, 80, words=15), options=bytes(40)) + b"", True),
        (ipv4(TCP, segment(4000, 80, SYN), 200), True),
        (ipv4(TCP, segment(4000, 80, FIN | ACK), 1500), True),
        (ipv4(TCP, segment(4000, 22), 300), True),
        (ipv4(TCP, segment(4000, 22), 1500), False),
        (ipv4(TCP, segment(23, 4000), 300), True),
        (ipv4(TCP, segment(4000, 8000), 300, service=0x10), True),
        (ipv4(TCP, segment(4000, 8000), 1500, service=0x10), False),
        (ipv4(UDP, ports(1, 2), 1000, service=0xB8), True),
        (ipv4(ICMP, b"", 500), True),
        (ipv4(ICMP, b"", 1400), False),
        (ipv4(GRE, b"", 1400), False),
        (ipv4(UDP, ports(4000, 53), 1400, fragment=1), False),
        (ipv4(UDP, ports(4000, 53), 1400, fragment=0x2000), True),
        (ipv6(UDP, ports(4000, 53), 1200), True),
        (ipv6(TCP, segment(4000, 80), 1200), False),
        (ipv6(UDP, ports(1, 2), 1200, traffic=0xB8), True),
        (ipv6(58, b"", 500), True),
        (b"", False),
        (bytes(1000), False),
    ],
)
def test_packets(packet, urgent):
    """Names, time, keys, acknowledgements, voice and pings go first; bulk does not, nor what only looks like them."""
    assert is_urgent(packet) is urgent


@given(st.binary(max_size=1600), st.sampled_from([b"", b"\x45\0", b"\x4f\0", b"\x60\0"]))
def test_anything_may_come(data, head):
    """Whatever is in a packet, it is judged."""
    assert is_urgent(head + data) in (True, False)
