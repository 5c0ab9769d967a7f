"""Errors by ICMP: their octets, and what they must not be sent about."""

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.protocols.icmp import (
    LONGEST,
    NET_UNREACHABLE,
    PROHIBITED,
    answerable,
    checksum,
    unreachable,
)
from icsframework.testing.packets import echo, ipv4, tcp, udp


@pytest.mark.parametrize("code", [NET_UNREACHABLE, PROHIBITED])
def test_it_says_which_packet(code):
    """Type 3, the code, and the packet that it is about, whole if it fits (RFC 792)."""
    message = unreachable(code, udp())
    theirs = dpkt.icmp.ICMP(message)
    assert (theirs.type, theirs.code) == (3, code)
    assert message[4:8] == bytes(4)
    assert message[8:] == udp()
    assert checksum(message) == 0


def test_it_is_no_longer_than_it_may_be():
    """With its IP header it has 576 octets at most (RFC 1812 section 4.3.2.3), and as much of the packet as fits."""
    long = udp(b"x" * 1400)
    message = unreachable(NET_UNREACHABLE, long)
    assert 20 + len(message) == LONGEST
    assert long.startswith(message[8:])


@pytest.mark.parametrize(
    ("packet", "may"),
    [
        (udp(), True),
        (tcp(), True),
        (echo(), True),
        (echo(kind=13), True),
        (ipv4(47, b""), True),
        (udp(fragment=0x2000), True),  # the first fragment
        (echo(kind=3), False),
        (echo(kind=5), False),
        (echo(kind=11), False),
        (echo(kind=12), False),
        (echo(kind=41), False),
        (ipv4(1, b""), False),
        (udp(fragment=1), False),
        (udp(destination="224.0.0.1"), False),
        (udp(destination="255.255.255.255"), False),
        (udp(source="0.0.0.0"), False),
        (udp(source="127.0.0.1"), False),
        (udp(source="239.1.1.1"), False),
        (udp(source="240.0.0.1"), False),
        (b"\x60" + udp()[1:], False),
        (b"\x44" + udp()[1:], False),
        (b"\x4f" + udp()[1:24], False),
        (udp()[:19], False),
        (b"", False),
    ],
)
def test_what_is_answered(packet, may):
    """Never an error about an error, a later fragment, a group, or to nobody (RFC 1812 section 4.3.2.7)."""
    assert answerable(packet) is may


@given(st.binary(max_size=80))
def test_the_checksum_is_the_one_of_the_internet(data):
    """RFC 1071, as dpkt computes it; with it in its place the sum is 0."""
    assert checksum(data) == dpkt.in_cksum(data)
    if len(data) % 2 == 0:
        assert checksum(data + checksum(data).to_bytes(2)) == 0
