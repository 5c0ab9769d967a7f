"""HDLC framing (RFC 1662)."""

import pytest

from icsframework.protocols.ppp.hdlc import ALL_CONTROLS, MAX_FRAME, NOISE, Decoder, Encoder, Noise, fcs

LCP_REQUEST = bytes.fromhex("ff03c0210101000e020600000000")
EVERY_OCTET = bytes(range(256)) * 2


def slow_fcs(data):
    """FCS-16 bit by bit, as RFC 1662 section C.2 defines it."""
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return (value ^ 0xFFFF).to_bytes(2, "little")


def frames(decoder, data):
    """What comes out, noise left out."""
    return [item for item in decoder.feed(data) if isinstance(item, bytes)]


@pytest.mark.parametrize("data", [b"", b"\0", b"123456789", LCP_REQUEST, EVERY_OCTET])
def test_fcs_is_that_of_the_rfc(data):
    """The fast FCS is the one that RFC 1662 computes bit by bit; a frame with it gives the good value f0b8."""
    assert fcs(data) == slow_fcs(data)
    assert int.from_bytes(slow_fcs(data + fcs(data)), "little") ^ 0xFFFF == 0xF0B8


def test_the_known_check_value():
    """CRC-16/X-25 of 123456789 is 906e."""
    assert fcs(b"123456789") == bytes.fromhex("6e90")


def test_before_anything_is_agreed_all_controls_are_escaped():
    """On the wire there is no octet below 0x20, and 7d and 7e only as what they mean."""
    wire = Encoder().encode([EVERY_OCTET])
    assert min(wire) >= 0x20
    assert wire.count(b"\x7e") == 2
    assert frames(Decoder(), wire) == [EVERY_OCTET]


def test_only_the_octets_of_the_map_are_escaped():
    """With a map for XON and XOFF those two, flag and escape are sent escaped, nothing else."""
    wire = Encoder(0x000A0000).encode([b"\x01\x11\x13\x7d\x7e\x7f!"])
    assert wire.startswith(b"\x7e\x01\x7d\x31\x7d\x33\x7d\x5d\x7d\x5e\x7f!")
    assert b"\x11" not in wire[1:-1]
    assert b"\x13" not in wire[1:-1]


def test_many_frames_are_one_buffer_with_one_flag_between_them():
    """A flag begins and ends the buffer and stands once between frames; no frames are no octets."""
    wire = Encoder(0).encode([b"!first", b"!second"])
    assert wire.count(b"\x7e") == 3
    assert wire[:1] == wire[-1:] == b"\x7e"
    assert frames(Decoder(), wire) == [b"!first", b"!second"]
    assert Encoder(0).encode([]) == b""


def test_every_escape_is_understood():
    """A peer may escape whatever it likes (RFC 1662 section 4.2)."""
    frame = LCP_REQUEST + fcs(LCP_REQUEST)
    wire = b"\x7e" + b"".join(b"\x7d" + bytes((octet ^ 0x20,)) for octet in frame) + b"\x7e"
    assert frames(Decoder(), wire) == [LCP_REQUEST]


@pytest.mark.parametrize("accm", [0, 0x000A0000, ALL_CONTROLS])
def test_escaped_escapes_do_not_confuse(accm):
    """Octets that look like escape sequences come through."""
    tricky = b"\x7d\x5d\x7d\x5e\x5e\x7d\x7d\x7e\x5d\x7d" * 20
    assert frames(Decoder(), Encoder(accm).encode([tricky])) == [tricky]


def test_empty_frames_are_skipped():
    """Any number of flags between frames means nothing and is not counted."""
    decoder = Decoder()
    wire = Encoder().encode([LCP_REQUEST])
    assert decoder.feed(b"\x7e\x7e\x7e" + wire + b"\x7e" + wire + b"\x7e\x7e") == [LCP_REQUEST, LCP_REQUEST]
    assert (decoder.counters.frames, decoder.counters.bad) == (2, 0)


def test_a_read_may_end_anywhere():
    """Octet by octet the same frames come out, also where an escape is cut in two."""
    wire = Encoder().encode([LCP_REQUEST, EVERY_OCTET])
    decoder = Decoder()
    found = [item for octet in wire for item in decoder.feed(bytes((octet,)))]
    assert found == [LCP_REQUEST, EVERY_OCTET]


def test_a_frame_with_a_wrong_fcs_is_dropped_and_counted():
    """One bit is enough; the frame's octets are handed on as noise."""
    wire = bytearray(Encoder(0).encode([b"!some packet"]))
    wire[3] ^= 1
    decoder = Decoder()
    assert decoder.feed(bytes(wire)) == [Noise(bytes(wire[1:-1]))]
    assert decoder.counters.bad_fcs == 1
    assert decoder.counters.noise == len(wire) - 2


def test_an_aborted_frame_is_dropped():
    """Escape and flag together end a frame that is not meant (RFC 1662 section 4.3)."""
    decoder = Decoder()
    good = Encoder(0).encode([b"!packet"])
    assert frames(decoder, good[:-1] + b"\x7d" + good) == [b"!packet"]
    assert decoder.counters.aborted == 1


def test_a_frame_shorter_than_any_is_dropped():
    """Less than four octets with the FCS are no frame, even if the FCS fits."""
    decoder = Decoder()
    assert frames(decoder, Encoder(0).encode([b"!"])) == []
    assert decoder.counters.runts == 1


def test_text_between_frames_is_handed_on():
    """What a modem says among the frames comes out in its place; the frames around it are not touched."""
    wire = Encoder().encode([LCP_REQUEST])
    assert Decoder().feed(b"\n" + wire + b"\r\nRING\r\n" + wire) == [
        Noise(b"\n"),
        LCP_REQUEST,
        Noise(b"\r\nRING\r\n"),
        LCP_REQUEST,
    ]


def test_what_waits_for_its_flag_can_be_seen():
    """A text after the last frame has no flag; its end is shown."""
    decoder = Decoder()
    decoder.feed(Encoder().encode([LCP_REQUEST]) + b"!E\0half a packet\r\nNO CARRIER\r\n")
    assert decoder.waiting == b"!E\0half a packet\r\nNO CARRIER\r\n"
    decoder.feed(b"x" * 1000)
    assert decoder.waiting == b"x" * NOISE


@pytest.mark.parametrize("piece", [1, 100, 5000, 100_000])
def test_a_line_without_flags_costs_no_memory(piece):
    """However it comes, a frame that never ends is dropped, counted once, and its end is kept as noise."""
    decoder = Decoder(limit=1000)
    endless = b"\x20a" * 10_000
    for at in range(0, len(endless), piece):
        assert decoder.feed(endless[at : at + piece]) == []
        assert len(decoder.waiting) <= NOISE
    wire = Encoder().encode([LCP_REQUEST])
    assert decoder.feed(wire) == [Noise(endless[-NOISE:]), LCP_REQUEST]
    assert (decoder.counters.oversize, decoder.counters.frames) == (1, 1)


def test_the_largest_frame_passes_and_one_more_octet_does_not():
    """The limit counts the octets of the frame with its FCS, not its escapes."""
    largest = bytes(MAX_FRAME - 2)
    decoder = Decoder()
    assert frames(decoder, Encoder().encode([largest])) == [largest]
    assert frames(decoder, Encoder(0).encode([largest + b"\0"])) == []
    assert decoder.counters.oversize == 1


def test_control_characters_that_something_put_in_are_removed():
    """Octets of the map that we asked for can only come from something on the way (RFC 1662 section 7.1)."""
    wire = Encoder(0x000A0000).encode([b"!a\x01packet"])
    disturbed = wire[:4] + b"\x13" + wire[4:7] + b"\x11" + wire[7:]
    assert frames(Decoder(accm=0x000A0000), disturbed) == [b"!a\x01packet"]
    assert frames(Decoder(accm=0), disturbed) == []


def test_a_peer_that_escapes_less_than_asked_is_understood():
    """A frame that is good as it stands is taken as it stands."""
    assert frames(Decoder(accm=ALL_CONTROLS), Encoder(0).encode([LCP_REQUEST])) == [LCP_REQUEST]


def test_the_map_may_change():
    """What is expected changes when LCP has agreed on something."""
    decoder = Decoder()
    wire = Encoder(0).encode([b"!a packet"])
    disturbed = wire[:4] + b"\x13" + wire[4:]
    assert frames(decoder, disturbed) == [b"!a packet"]
    decoder.expect(0)
    assert frames(decoder, disturbed) == []
