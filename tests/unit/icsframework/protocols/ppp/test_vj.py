"""Van Jacobson's header compression (RFC 1144)."""

import dpkt
import pytest

from icsframework.protocols.ppp.packet import Protocol
from icsframework.protocols.ppp.vj import Compressor, Decompressor, VjError

IP, WHOLE, SMALL = Protocol.IP, Protocol.VJ_UNCOMPRESSED, Protocol.VJ_COMPRESSED
ACK, PUSH, URG, SYN, FIN, ECE = (
    dpkt.tcp.TH_ACK, dpkt.tcp.TH_PUSH, dpkt.tcp.TH_URG, dpkt.tcp.TH_SYN, dpkt.tcp.TH_FIN, dpkt.tcp.TH_ECE,
)  # fmt: skip


class Line:
    """A compressor and a decompressor; what goes in must come out."""

    def __init__(self, slots=16, compress_ids=True):
        self.compressor = Compressor(slots, compress_ids)
        self.decompressor = Decompressor(slots)

    def pass_on(self, packet):
        """(protocol, what was sent); the other end has got the same packet."""
        protocol, wire = self.compressor.compress(packet)
        if protocol is WHOLE:
            assert self.decompressor.uncompressed(wire) == packet
        elif protocol is SMALL:
            assert self.decompressor.compressed(wire) == packet
        else:
            assert wire == packet
        return protocol, wire


@pytest.fixture
def line(tcp):
    """A line that knows one connection."""
    line = Line()
    assert line.pass_on(tcp())[0] is WHOLE
    return line


def test_the_first_packet_of_a_connection_goes_as_a_whole(tcp):
    """With its slot in place of the protocol number (section 3.2.2)."""
    protocol, wire = Line().pass_on(tcp(data=b"hello"))
    assert protocol is WHOLE
    assert len(wire) == 45
    assert wire[9] == 0


def test_bulk_data_costs_three_octets(line, tcp):
    """The special case of data in one direction: mask and checksum are all that is left of 40 octets."""
    line.pass_on(tcp(data=b"x" * 100, ident=2))
    protocol, wire = line.pass_on(tcp(seq=1100, data=b"y" * 100, ident=3))
    assert protocol is SMALL
    assert len(wire) == 3 + 100
    assert wire[0] == 0x0F


def test_echoed_typing_costs_three_octets(line, tcp):
    """The other special case: sequence and acknowledgement grow by the size of the last packet."""
    line.pass_on(tcp(data=b"a", ident=2, flags=ACK | PUSH))
    protocol, wire = line.pass_on(tcp(seq=1001, ack=2001, data=b"b", ident=3, flags=ACK | PUSH))
    assert protocol is SMALL
    assert len(wire) == 3 + 1
    assert wire[0] == 0x0B | 0x10


@pytest.mark.parametrize(
    ("change", "mask"),
    [
        ({"ack": 2100, "ident": 2}, 0x04),
        ({"ack": 2000 + 0xFFFF, "ident": 2}, 0x04),
        ({"seq": 1300, "ident": 2}, 0x08),
        ({"window": 100, "ident": 2}, 0x02),
        ({"window": 65535, "ident": 2}, 0x02),
        ({"flags": ACK | URG, "urgent": 9, "ident": 2}, 0x01),
        ({"flags": ACK | URG, "urgent": 0, "ident": 2}, 0x01),
        ({"ack": 2001, "ident": 9}, 0x24),
        ({"ack": 2001, "ident": 0}, 0x24),
        ({"ack": 2001, "ident": 1}, 0x24),
        ({"ack": 2001, "seq": 1002, "window": 3, "ident": 2, "flags": ACK | PUSH}, 0x1E),
        ({"ack": 2001, "window": 3, "ident": 5, "data": b"data"}, 0x26),
        ({"data": b"after an empty one", "ident": 2}, 0x00),
    ],
)
def test_what_changes_is_sent(line, tcp, change, mask):
    """Each field alone and together; the packet comes out as it was, checksums included."""
    protocol, wire = line.pass_on(tcp(**change))
    assert protocol is SMALL
    assert wire[0] == mask


@pytest.mark.parametrize(
    "change",
    [
        {"ident": 2},  # a repetition, or a window probe
        {"ack": 1999},  # backwards
        {"ack": 2000 + 0x10000},  # too far
        {"seq": 999},
        {"seq": 1000 + 0x10000},
        {"ttl": 63},
        {"tos": 8},
        {"options": b"\x01\x01\x08\x0a" + bytes(8)},
        {"urgent": 7},
        {"flags": ACK | ECE, "ack": 2001},
        {"seq": 1005, "window": 8193, "flags": ACK | URG, "urgent": 3},  # looks like a special case
    ],
)
def test_what_cannot_be_expressed_goes_as_a_whole(line, tcp, change):
    """Section 3.2.3, and what is younger than the RFC."""
    assert line.pass_on(tcp(**change))[0] is WHOLE


def test_urgent_data_end_without_a_mistake(line, tcp):
    """The flag is taken away again."""
    line.pass_on(tcp(flags=ACK | URG, urgent=5, ident=2, data=b"hello"))
    line.pass_on(tcp(seq=1005, ident=3, data=b"calm", urgent=5))
    line.pass_on(tcp(seq=1009, ident=4, data=b"calm", urgent=5))


def test_a_peer_that_compresses_the_end_of_urgent_data(tcp):
    """Ours does not, but RFC 1144 allows it: without the U bit the flag is taken away."""
    decompressor = Decompressor(16)
    decompressor.uncompressed(Compressor(16).compress(tcp(flags=ACK | URG, urgent=5))[1])
    expected = tcp(ack=2007, ident=2, urgent=5)
    assert decompressor.compressed(b"\x04" + expected[36:38] + b"\x07") == expected


@pytest.mark.parametrize(
    "packet",
    [
        {"flags": SYN},
        {"flags": SYN | ACK},
        {"flags": FIN | ACK},
        {"flags": 0},
        {"mf": 1},
        {"offset": 800},
    ],
)
def test_what_is_no_plain_tcp_passes_as_it_is(tcp, packet):
    """Beginning and end of connections, and fragments (section 3.2.1)."""
    assert Line().pass_on(tcp(**packet))[0] is IP


@pytest.mark.parametrize("size", [0, 1, 19, 20, 39])
def test_what_is_too_short_passes_as_it_is(tcp, size):
    """Also something that is no IP packet at all."""
    assert Line().pass_on(tcp()[:size])[0] is IP


def test_a_length_that_is_not_true_passes_as_it_is(tcp):
    """Padding, a cut packet, other protocols, header lengths that do not fit."""
    whole = tcp(data=b"data")
    udp = bytes(
        dpkt.ip.IP(
            src=b"\1\2\3\4", dst=b"\4\3\2\1", p=17, data=dpkt.udp.UDP(sport=1, dport=2, data=b"x" * 40)
        )
    )
    for packet in (whole + b"\0", whole[:-1], udp, b"\x41" + whole[1:], b"\x4f" + whole[1:], whole[:32] + b"\xf0" + whole[33:], whole[:32] + b"\x10" + whole[33:]):  # fmt: skip
        assert Line().pass_on(packet)[0] is IP


def test_options_are_remembered(tcp):
    """IP options and TCP options that stay the same do not keep a connection from being compressed."""
    line = Line()
    same = {"options": b"\x01\x01\x05\x0a" + bytes(8)}
    line.pass_on(tcp(**same))
    assert line.pass_on(tcp(ack=2001, ident=2, **same))[0] is SMALL


def test_connections_take_turns(tcp):
    """With the number of the slot where it changes, without where it does not."""
    line = Line()
    line.pass_on(tcp(sport=1))
    line.pass_on(tcp(sport=2))
    _, other = line.pass_on(tcp(sport=1, ack=2001, ident=2))
    _, again = line.pass_on(tcp(sport=1, ack=2002, ident=3))
    assert other[:2] == bytes((0x44, 0))
    assert again[0] == 0x04


def test_numbers_are_always_sent_to_who_needs_them(tcp):
    """To a peer that did not agree to compressed slot numbers."""
    line = Line(compress_ids=False)
    line.pass_on(tcp())
    for n in range(1, 4):
        _, wire = line.pass_on(tcp(ack=2000 + n, ident=1 + n))
        assert wire[:2] == bytes((0x44, 0))


def test_more_connections_than_slots(tcp):
    """The one that was used least lately gives its slot away, and comes back as a whole."""
    line = Line(slots=2)
    for sport in (1, 2):
        line.pass_on(tcp(sport=sport))
    line.pass_on(tcp(sport=1, ack=2001, ident=2))
    _, third = line.pass_on(tcp(sport=3))
    assert third[9] == 1
    assert line.pass_on(tcp(sport=1, ack=2002, ident=3))[0] is SMALL
    assert line.pass_on(tcp(sport=2, ack=2001, ident=2))[0] is WHOLE


def test_after_a_lost_frame_nothing_is_believed_without_a_number(line, tcp):
    """Until a whole header comes, or a compressed one with its slot (section 4.1)."""
    line.decompressor.toss()
    _, wire = line.compressor.compress(tcp(ack=2001, ident=2))
    with pytest.raises(VjError):
        line.decompressor.compressed(wire)
    assert line.pass_on(tcp(ack=2001, ident=3, ttl=5))[0] is WHOLE
    line.pass_on(tcp(ack=2002, ident=4, ttl=5))


def test_a_number_ends_the_tossing(tcp):
    """The headers that are remembered are still true for another connection."""
    line = Line()
    line.pass_on(tcp(sport=1))
    line.pass_on(tcp(sport=2))
    line.decompressor.toss()
    line.pass_on(tcp(sport=1, ack=2001, ident=2))


@pytest.mark.parametrize("wire", ["", "40", "4000", "00", "0000", "4000ffff", "44ff000001", "4f05", "ff"])
def test_damaged_compressed_packets_are_errors(wire):
    """Cut off, an unknown slot, a slot that does not exist."""
    with pytest.raises(VjError):
        Decompressor(16).compressed(bytes.fromhex(wire))


@pytest.mark.parametrize("wire", ["00", "04000000", "07000000000000", "2f00"])
def test_a_cut_change_is_an_error_and_tosses(line, wire):
    """And the remembered header is as before."""
    before = bytes(line.decompressor._slots[0].header)
    with pytest.raises(VjError):
        line.decompressor.compressed(bytes.fromhex(wire))
    assert bytes(line.decompressor._slots[0].header) == before
    assert line.decompressor._last is None


@pytest.mark.parametrize("spoil", ["empty", "short", "slot", "length", "offset", "version"])
def test_damaged_whole_packets_are_errors(tcp, spoil):
    """Nothing of them is remembered."""
    good = bytearray(Compressor(16).compress(tcp(data=b"data"))[1])
    bad = {
        "empty": b"",
        "short": bytes(good[:30]),
        "slot": bytes(good[:9] + b"\x10" + good[10:]),
        "length": bytes(good[:2] + b"\xff\xff" + good[4:]),
        "offset": bytes(good[:32] + b"\x40" + good[33:]),
        "version": b"\x65" + bytes(good[1:]),
    }[spoil]
    decompressor = Decompressor(16)
    with pytest.raises(VjError):
        decompressor.uncompressed(bad)
    assert decompressor._slots == [None] * 16


def test_sequence_numbers_wrap(tcp):
    """32 bits are all there are; identifications have 16."""
    line = Line()
    line.pass_on(tcp(seq=0xFFFFFFF0, ack=0xFFFFFFFF, ident=0xFFFF, data=b"x" * 32))
    assert line.pass_on(tcp(seq=0x10, ack=5, ident=0, data=b"x" * 32))[0] is SMALL
