"""DHCP messages on the wire (RFC 2131 section 2), judged by dpkt where it can judge."""

from ipaddress import IPv4Address

import dpkt
import pytest

from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import (
    BOOTREPLY,
    BOOTREQUEST,
    BROADCAST_FLAG,
    MalformedMessage,
    Message,
    MessageType,
)

MAC = bytes.fromhex("02005e005301")
DISCOVER = Message(
    BOOTREQUEST,
    0x3903F326,
    MAC,
    {53: b"\x01", 61: b"\x01" + MAC, 12: b"pc", 55: b"\x01\x03\x06"},
    BROADCAST_FLAG,
)


def test_a_message_survives_the_wire():
    """What was written is what is read, every field of figure 1 included."""
    full = Message(
        BOOTREPLY, 1, MAC, {53: b"\x05", 1: b"\xff" * 3 + b"\0"}, BROADCAST_FLAG,
        1, 2, 3, 4, 5, 6, 1, b"server", b"file",
    )  # fmt: skip
    assert Message.from_wire(full.to_wire()) == full
    assert Message.from_wire(DISCOVER.to_wire()) == DISCOVER


def test_dpkt_reads_what_we_write():
    """Somebody else's decoder finds the same fields and options, in the same order."""
    reply = Message(
        BOOTREPLY, 0x3903F326, MAC, {53: b"\x02", 54: b"\xc0\xa8\0\x01", 1: b"\xff\xff\xff\0", 3: b"\xc0\xa8\0\x01"},
        yiaddr=int(IPv4Address("192.168.0.100")),
    )  # fmt: skip
    seen = dpkt.dhcp.DHCP(reply.to_wire())
    assert (seen.op, seen.xid, seen.chaddr[:6], seen.hln) == (2, 0x3903F326, MAC, 6)
    assert seen.yiaddr == int(IPv4Address("192.168.0.100"))
    assert list(seen.opts) == list(reply.options.items())


def test_we_read_what_dpkt_writes():
    """A message of somebody else's encoder reads as it should."""
    theirs = dpkt.dhcp.DHCP(op=1, xid=7, chaddr=MAC, opts=[(53, b"\x03"), (50, b"\xc0\xa8\0\x64")])
    ours = Message.from_wire(bytes(theirs))
    assert ours.message_type is MessageType.REQUEST
    assert (ours.xid, ours.chaddr, ours.options[50]) == (7, MAC, b"\xc0\xa8\0\x64")


def test_short_messages_are_padded_for_relays():
    """RFC 1542 section 2.1: a BOOTP message has at least 300 bytes."""
    assert len(DISCOVER.to_wire()) == 300


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (DISCOVER.to_wire()[:239], "too few"),
        (b"", "too few"),
        (DISCOVER.to_wire()[:236] + b"\0\0\0\0" + DISCOVER.to_wire()[240:], "cookie"),
        (b"\x03" + DISCOVER.to_wire()[1:], "op 3"),
        (DISCOVER.to_wire()[:2] + b"\x11" + DISCOVER.to_wire()[3:], "17 bytes"),
    ],
)
def test_what_is_no_dhcp_message_is_refused(broken, why):
    """A datagram with a wrong fixed part is a MalformedMessage that says what is wrong."""
    with pytest.raises(MalformedMessage, match=why):
        Message.from_wire(broken)
    assert issubclass(MalformedMessage, WireError)


@pytest.mark.parametrize("tail", [b"\x35", b"\x35\x05\x01", b"\x35\xff"])
def test_an_option_past_the_end_is_refused(tail):
    """RFC 2132: an option is skipped by its length, so a length past the end is an error."""
    with pytest.raises(WireError, match="option 53"):
        Message.from_wire(DISCOVER.to_wire()[:240] + tail)


def test_options_in_file_and_sname_count_only_with_option_52():
    """RFC 2131 section 4.1: the order is options, file, sname; without option 52 those fields are names."""
    wire = bytearray(Message(BOOTREQUEST, 1, MAC).to_wire()[:240])
    wire[108:114] = b"\x0c\x02fi\xff\0"
    wire[44:50] = b"\x0c\x02le\xff\0"
    plain = Message.from_wire(bytes(wire) + b"\x35\x01\x01\xff")
    assert (plain.options, plain.file, plain.sname) == ({53: b"\x01"}, b"\x0c\x02fi\xff", b"\x0c\x02le\xff")
    both = Message.from_wire(bytes(wire) + b"\x34\x01\x03\x35\x01\x01\xff")
    assert both.options == {52: b"\x03", 53: b"\x01", 12: b"file"}
    assert (both.file, both.sname) == (b"", b"")
    with pytest.raises(WireError, match="option 52"):
        Message.from_wire(bytes(wire) + b"\x34\x01\x04\xff")


def test_long_options_come_in_pieces():
    """RFC 3396: a value over 255 bytes is split when written and joined when read, wherever its pieces are."""
    long = bytes(range(256)) * 2
    message = Message(BOOTREPLY, 1, MAC, {53: b"\x05", 119: long})
    assert Message.from_wire(message.to_wire(1472)) == message
    apart = Message(BOOTREPLY, 1, MAC).to_wire()[:240]
    assert Message.from_wire(apart + b"\x0c\x01a\x35\x01\x05\x0c\x01b\xff").options[12] == b"ab"


def test_what_does_not_fit_goes_to_file_and_sname():
    """RFC 2131 section 4.1: with a small maximum the options are spread by option 52, and still all arrive."""
    large = {53: b"\x05", **{code: bytes((code,)) * 60 for code in (100, 101, 102, 103, 104, 105, 106)}}
    message = Message(BOOTREPLY, 1, MAC, large)
    wire = message.to_wire(548)
    assert len(wire) <= 548
    read = dict(Message.from_wire(wire).options)
    assert read.pop(52) == b"\x03"
    assert read == large
    with pytest.raises(ValueError, match="does not fit"):
        Message(BOOTREPLY, 1, MAC, {**large, 107: bytes(200)}).to_wire(548)


def test_the_largest_size_is_what_the_client_says_within_reason():
    """Option 57 counts IP and UDP headers; less than 576 is not believed, more than a frame not used."""
    sizes = [DISCOVER._replace(options={57: n.to_bytes(2, "big")}).max_size for n in (100, 576, 1000, 9000)]
    assert [DISCOVER.max_size, *sizes] == [548, 548, 548, 972, 1472]


def test_an_unknown_message_type_is_none():
    """Option 53 with another value, another length or absent is no message type."""
    types = [
        DISCOVER._replace(options=o).message_type for o in ({}, {53: b""}, {53: b"\x09"}, {53: b"\x01\x01"})
    ]
    assert types == [None] * 4
    assert DISCOVER.message_type is MessageType.DISCOVER
    assert DISCOVER.wants_broadcast
    assert options.kind_of(53).name == "message-type"
