"""UDP in IPv4 in Ethernet, built and read by hand (RFC 768, 791, 1071), judged by dpkt."""

import dpkt
import pytest

from icsframework.protocols.dhcp.frame import (
    BROADCAST_ADDRESS,
    BROADCAST_MAC,
    Datagram,
    FrameBuilder,
    MalformedFrame,
    checksum,
    parse_frame,
)

GATEWAY, PC = bytes.fromhex("02005e005301"), bytes.fromhex("02005e005302")
BUILDER = FrameBuilder(GATEWAY, 0xC0A80001, 67, 68)
FRAME = BUILDER.build(PC, 0xC0A80064, b"payload")


def changed(at, value):
    """The good frame with one byte changed."""
    return FRAME[:at] + bytes((value,)) + FRAME[at + 1 :]


def test_dpkt_finds_both_checksums_right():
    """Somebody else computes the same header and UDP checksums, for even and odd lengths."""
    for size in (0, 1, 7, 300, 301, 1400):
        frame = BUILDER.build(
            BROADCAST_MAC, BROADCAST_ADDRESS, bytes(range(256)) * 6 if size == 1400 else b"\xab" * size
        )
        seen = dpkt.ethernet.Ethernet(frame)
        given = seen.data.sum, seen.data.data.sum
        seen.data.sum = seen.data.data.sum = 0
        again = dpkt.ethernet.Ethernet(bytes(seen))
        assert given == (again.data.sum, again.data.data.sum)
        assert (seen.dst, seen.src, seen.data.data.dport) == (BROADCAST_MAC, GATEWAY, 68)


def test_a_checksum_of_zero_is_sent_as_all_ones():
    """RFC 768: 0 in a UDP header means that there is no checksum, so a computed 0 becomes 0xFFFF."""
    sums = set()
    for word in range(0x10000):
        frame = BUILDER.build(PC, 0xC0A80064, word.to_bytes(2, "big"))
        sums.add(frame[40:42])
        if frame[40:42] == b"\xff\xff":
            assert parse_frame(frame).payload == word.to_bytes(2, "big")
    assert b"\0\0" not in sums
    assert b"\xff\xff" in sums


def test_a_frame_is_read_back():
    """Both ends' addresses, ports and the payload come out as they went in."""
    assert parse_frame(FRAME) == Datagram(GATEWAY, PC, 0xC0A80001, 67, 0xC0A80064, 68, b"payload")
    assert parse_frame(FRAME + b"padding of a short Ethernet frame").payload == b"payload"


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"", "no IPv4"),
        (FRAME[:41], "no IPv4"),
        (changed(12, 0x86), "no IPv4"),
        (changed(14, 0x65), "wrong lengths"),
        (changed(14, 0x44), "wrong lengths"),
        (changed(17, 0xFF), "wrong lengths"),
        (FRAME[:-1], "wrong lengths"),
        (changed(23, 6), "no UDP"),
        (changed(20, 0x20), "fragment"),
        (changed(26, 0xC1), "IPv4 checksum"),
        (changed(39, 0xFF), "UDP header"),
        (changed(39, 0x07), "UDP header"),
        (changed(42, 0x71), "UDP checksum"),
    ],
)
def test_what_is_not_whole_and_intact_is_refused(frame, why):
    """Lengths, protocol, fragments and both checksums are verified."""
    with pytest.raises(MalformedFrame, match=why):
        parse_frame(frame)


def test_a_header_with_options_is_read():
    """An IPv4 header may be longer than 20 bytes."""
    header = bytearray(FRAME[14:34]) + b"\x01\x01\x01\x00"
    header[0], header[3] = 0x46, header[3] + 4
    header[10:12] = b"\0\0"
    header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
    assert parse_frame(FRAME[:14] + bytes(header) + FRAME[34:]).payload == b"payload"


def test_a_checksum_that_the_kernel_put_off_is_not_judged():
    """A frame from the same machine has no UDP checksum yet; a checksum of 0 was never meant to be one."""
    assert parse_frame(changed(42, 0x71), checksum_ready=False).payload == b"qayload"
    assert parse_frame(FRAME[:40] + b"\0\0" + FRAME[42:]).payload == b"payload"


def test_the_internet_checksum():
    """RFC 1071: the example of section 3, zeros, and what checks itself."""
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(b"\0\0\0\0") == 0xFFFF
    assert checksum(FRAME[14:34]) == 0
    assert checksum(b"\xff") == 0x00FF


def test_a_payload_too_long_for_a_datagram_is_the_callers_mistake():
    """65507 bytes fit and one more does not."""
    assert parse_frame(BUILDER.build(PC, 1, bytes(65507))).payload == bytes(65507)
    with pytest.raises(ValueError, match="65508"):
        BUILDER.build(PC, 1, bytes(65508))
