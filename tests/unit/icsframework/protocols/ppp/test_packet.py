"""The protocol field, control packets and options."""

import pytest

from icsframework.protocols.ppp.packet import (
    Code,
    MalformedPacket,
    Option,
    Packet,
    Protocol,
    pack_options,
    parse_options,
    readable,
    split_frame,
)


def test_a_control_packet_reads_and_writes():
    """Code, identifier, length, data; what stands behind the length is padding."""
    packet = Packet(Code.ECHO_REQUEST, 7, b"\1\2\3\4")
    assert packet.to_wire() == bytes.fromhex("0907000801020304")
    assert Packet.from_wire(packet.to_wire() + b"padding") == packet


@pytest.mark.parametrize("wire", ["", "010100", "01010003", "0101000501"[:8], "010100ff00"])
def test_a_control_packet_with_a_wrong_length_is_malformed(wire):
    """Shorter than its head, or than it says, or a length less than the head."""
    with pytest.raises(MalformedPacket):
        Packet.from_wire(bytes.fromhex(wire))


def test_options_keep_their_order():
    """Options read and write in order, also empty ones."""
    options = (Option(7), Option(1, b"\x05\xdc"), Option(5, b"\1\2\3\4"))
    assert pack_options(options) == bytes.fromhex("0702010405dc050601020304")
    assert parse_options(pack_options(options)) == options
    assert parse_options(b"") == ()


@pytest.mark.parametrize("data", ["01", "0100", "0101", "010405", "0702ff", "ff03"])
def test_an_option_with_a_wrong_length_is_malformed(data):
    """Cut off, or shorter than its own head: nothing of the packet is used."""
    with pytest.raises(MalformedPacket):
        parse_options(bytes.fromhex(data))


@pytest.mark.parametrize("frame", ["ff030021aa", "ff0321aa", "0021aa", "21aa"])
def test_all_four_forms_of_a_header_are_understood(frame):
    """With and without address and control, with one or two octets of protocol (RFC 1661 section 6.5, 6.6)."""
    assert split_frame(bytes.fromhex(frame)) == (Protocol.IP, b"\xaa")


def test_a_control_protocol_has_two_octets():
    """LCP's first octet is even, so there is a second."""
    assert split_frame(bytes.fromhex("ff03c02101")) == (Protocol.LCP, b"\1")
    assert split_frame(bytes.fromhex("c02101")) == (Protocol.LCP, b"\1")


@pytest.mark.parametrize("frame", ["", "ff03", "ff03c0", "c0", "0020aa", "ff03c022"])
def test_a_frame_without_a_protocol_is_malformed(frame):
    """Too short, or a protocol whose last octet is even, which no protocol has (RFC 1661 section 2)."""
    with pytest.raises(MalformedPacket):
        split_frame(bytes.fromhex(frame))


def test_a_peers_message_becomes_one_short_line():
    """Control characters, line ends and octets above ASCII do not reach a terminal; length is bounded."""
    assert readable(b" Welcome\r\nto \x1b[31m\xff isp \0") == "Welcome to [31m isp"
    assert len(readable(b"x" * 10_000)) == 120
