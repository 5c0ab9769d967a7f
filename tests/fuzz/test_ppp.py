"""PPP with everything that a line and a peer can do to it."""

import random
from dataclasses import replace

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.protocols.ppp.actions import Down
from icsframework.protocols.ppp.auth import mschapv2
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.automaton import Limits
from icsframework.protocols.ppp.hdlc import Decoder, Encoder, Noise
from icsframework.protocols.ppp.packet import (
    MalformedPacket,
    Packet,
    pack_options,
    parse_options,
    readable,
    split_frame,
)
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.protocols.ppp.texts import is_text
from icsframework.protocols.ppp.vj import Compressor, Decompressor, VjError
from icsframework.testing.ppp import PppPair, provider
from icsframework.testing.ppp_storm import storm

FRAMES = 100_000
GUEST = LinkSettings(credentials=Credentials("guest", "pa55word"), ipv6=True)
BOOK = {"guest": "pa55word"}.get
frames = st.lists(st.binary(min_size=2, max_size=80), max_size=6)
accms = st.integers(0, 0xFFFFFFFF)


@given(frames, accms, st.data())
def test_frames_survive_framing_however_reads_are_cut(frames, accm, data):
    """What was encoded comes out, with any map, cut anywhere; with noise between the frames too."""
    wire = Encoder(accm).encode(frames)
    noisy = b"\x7e".join(
        data.draw(st.sampled_from([b"", b"\r\nRING\r\n", b"x", b"\x01\x02\x03"])) + wire for _ in range(2)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(noisy)), max_size=5)))
    decoder = Decoder()
    pieces = [noisy[a:b] for a, b in zip([0, *cuts], [*cuts, len(noisy)], strict=True)]
    found = [item for piece in pieces for item in decoder.feed(piece)]
    assert [item for item in found if isinstance(item, bytes)] == frames * 2
    assert found == Decoder().feed(noisy)


@given(st.binary(max_size=3000), st.integers(1, 400), st.sampled_from([60, 1000]))
def test_any_octets_give_the_same_in_any_pieces(data, size, limit):
    """Frames, noise and counters do not depend on how the line delivers."""
    whole, cut = Decoder(limit), Decoder(limit)
    expected = whole.feed(data)
    found = [item for at in range(0, len(data), size) for item in cut.feed(data[at : at + size])]
    assert found == expected
    assert (cut.waiting, cut.counters.bad, cut.counters.noise) == (
        whole.waiting,
        whole.counters.bad,
        whole.counters.noise,
    )


@given(st.binary(min_size=4, max_size=200), st.integers(0, 10_000), accms)
def test_one_flipped_bit_is_always_found(frame, bit, accm):
    """A frame with a wrong bit is never delivered as a frame of its own; at most it becomes two that are no frames."""
    wire = bytearray(Encoder(accm).encode([frame]))
    bit %= 8 * (len(wire) - 2)
    wire[1 + bit // 8] ^= 1 << bit % 8
    found = [item for item in Decoder(accm=0).feed(bytes(wire)) if isinstance(item, bytes)]
    assert found in ([], [frame])  # the same frame: a bit that turned one escape into another way to write it


@given(st.binary(max_size=200))
def test_any_octets_are_a_packet_or_an_error(data):
    """Nothing but MalformedPacket leaves the codecs; what reads writes the same."""
    for parse in (split_frame, Packet.from_wire, parse_options):
        try:
            read = parse(data)
        except MalformedPacket:
            continue
        if isinstance(read, Packet):
            assert data.startswith(read.to_wire())
        elif parse is parse_options:
            assert pack_options(read) == data
    assert readable(data).isascii()
    assert str(mschapv2.parse_failure(data))
    is_text(data)


packets = st.fixed_dictionaries(
    {
        "sport": st.integers(1, 20),
        "seq": st.integers(0, 3),
        "ack": st.sampled_from([0, 1, 300, 0x10000]),
        "win": st.sampled_from([100, 101, 60000]),
        "flags": st.sampled_from([0x10, 0x18, 0x30, 0x11, 0x02, 0x50]),
        "urp": st.sampled_from([0, 5]),
        "id": st.integers(0, 3),
        "data": st.binary(max_size=5),
        "opts": st.sampled_from([b"", bytes(4)]),
        "lost": st.integers(0, 9).map(lambda n: n == 0),
    }
)


def right(restored, packet):
    """True if TCP would take it although it is another one: the checksum is right."""
    ip = dpkt.ip.IP(restored)
    ip.sum = ip.data.sum = 0
    return bytes(ip)[20:] == restored[20:] and restored[20:] != packet[20:]


@given(st.lists(packets, max_size=40), st.integers(1, 16), st.booleans())
def test_compressed_packets_come_out_right_or_not_at_all(changes, slots, compress_ids):
    """Any sequence of packets of many connections, some of them lost: what is delivered is what was sent."""
    compressor, decompressor = Compressor(slots, compress_ids), Decompressor(slots)
    ends = {}
    for change in changes:
        end = ends.setdefault(change["sport"], {"seq": 0x7FFFFFF0, "ack": 5, "id": 0xFFFE})
        end["seq"] = (end["seq"] + change["seq"]) & 0xFFFFFFFF
        end["ack"] = (end["ack"] + change["ack"]) & 0xFFFFFFFF
        end["id"] = (end["id"] + change["id"]) & 0xFFFF
        tcp = dpkt.tcp.TCP(
            sport=change["sport"], dport=80, seq=end["seq"], ack=end["ack"], flags=change["flags"],
            win=change["win"], urp=change["urp"], data=change["data"],
        )  # fmt: skip
        tcp.opts, tcp.off = change["opts"], 5 + len(change["opts"]) // 4
        ip = dpkt.ip.IP(src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2", p=6, id=end["id"], data=tcp)
        ip.len = len(ip)
        packet = bytes(ip)
        protocol, wire = compressor.compress(packet)
        if change["lost"]:
            decompressor.toss()
        elif protocol == 0x2F:
            assert decompressor.uncompressed(wire) == packet
        elif protocol == 0x2D:
            try:
                restored = decompressor.compressed(wire)
            except VjError:
                assert any(each["lost"] for each in changes)
                continue
            assert restored == packet or (
                any(each["lost"] for each in changes) and not right(restored, packet)
            )
        else:
            assert wire == packet


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 16))
def test_any_octets_are_restored_or_an_error(wires, slots):
    """Nothing but VjError leaves the decompressor, and whatever it restores has the length that it says."""
    decompressor = Decompressor(slots)
    for wire in wires:
        for restore in (decompressor.uncompressed, decompressor.compressed):
            try:
                packet = restore(wire)
            except VjError:
                continue
            assert int.from_bytes(packet[2:4], "big") == len(packet)


class BadLine:
    """Loses, doubles, cuts and damages writes; after ``until`` writes it is good again."""

    def __init__(self, seed, loss, double, flip, until):
        self.chance = random.Random(seed)
        self.loss, self.double, self.flip, self.until = loss, double, flip, until
        self.writes = 0

    def __call__(self, data):
        self.writes += 1
        if self.writes > self.until:
            return [data]
        chance = self.chance
        if chance.random() < self.loss:
            return []
        octets = bytearray(data)
        for _ in range(sum(chance.random() < self.flip for _ in octets)):
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        cut = chance.randrange(len(octets) + 1)
        pieces = [bytes(octets[:cut]), bytes(octets[cut:])]
        return pieces * (2 if chance.random() < self.double else 1)


lines = st.builds(
    BadLine,
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.4]),
    double=st.sampled_from([0.0, 0.3]),
    flip=st.sampled_from([0.0, 0.001, 0.01]),
    until=st.just(10**9),
)


@given(
    lines,
    st.sampled_from([None, *Method]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_on_any_line_both_ends_come_up_or_say_why_not(line, method, silent, right_password, seed):
    """Whatever gets lost, doubled or damaged: within three minutes each end is up, or down with a reason."""
    guest = GUEST if right_password else replace(GUEST, credentials=Credentials("guest", "wr0ng"))
    pair = PppPair(guest, provider([method] if method else [], BOOK, silent), fault=line, seed=seed)
    pair.open()
    pair.run(180, lambda: all(end.up or end.down for end in (pair.left, pair.right)))
    for end in (pair.left, pair.right):
        # A silent provider to whom nothing ever came through has nothing to say.
        assert end.up or end.down or (end is pair.right and silent and not end.all(Down)), end.said
        assert end.down is None or end.down.reason
    if not right_password and method:
        assert not pair.left.up


@given(lines, st.sampled_from([None, *Method]), st.integers(0, 2**32))
def test_a_line_that_becomes_good_again_leaves_no_scars(line, method, seed):
    """After some bad writes both ends come up, and packets pass, unless they had given up before."""
    line.until = 20
    settings = replace(GUEST, limits=Limits(restart=3.0))
    pair = PppPair(settings, provider([method] if method else [], BOOK, silent=False), fault=line, seed=seed)
    pair.open()
    pair.run(180, lambda: (pair.left.up and pair.right.up) or bool(pair.left.down or pair.right.down))
    line.until = line.writes  # from now on
    pair.run(20)
    if pair.left.up and pair.right.up:
        pair.send(pair.left, b"\x45there")
        pair.send(pair.right, b"\x45back")
        pair.run(2)
        assert pair.right.received[-1:] == [b"\x45there"]
        assert pair.left.received[-1:] == [b"\x45back"]


@pytest.mark.slow
def test_a_storm_of_mutated_frames():
    """A hundred thousand frames with mistakes in them, in every state of both ends: no exception, and most are parsed."""
    assert storm(FRAMES, seed=20) > FRAMES // 3


def test_noise_is_bounded():
    """What is kept of a line that sends rubbish for ever."""
    decoder = Decoder()
    for _ in range(200):
        found = decoder.feed(random.Random(1).randbytes(10_000).replace(b"\x7e", b""))
        assert not found or all(isinstance(item, Noise) for item in found)
        assert len(decoder._tail) <= 2 * 4096
