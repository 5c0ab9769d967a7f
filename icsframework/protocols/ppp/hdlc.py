"""PPP in HDLC-like framing on an asynchronous line (RFC 1662): whole buffers in, frames out, and back.

    7e  [ff 03] protocol information FCS  7e  [ff 03] protocol ...

Between two flags (7e) stands a frame whose octets 7d, 7e and those of the
character map (ACCM) are sent as 7d and the octet with bit 5 turned over.  The
decoder accepts every escape, any number of flags, and what does not belong to
PPP at all: what is no frame is counted and handed on as ``Noise``, since it may
be a modem that says NO CARRIER in the middle of everything.

Nothing here looks at single octets in Python.  FCS-16 is CRC-CCITT with the bits
of each octet the other way round, so it is ``binascii.crc_hqx`` over the
translated buffer: some microseconds for 1500 octets.
"""

import re
from binascii import crc_hqx
from collections.abc import Iterable

from icsframework.frozen import dataclass

__all__ = ["ALL_CONTROLS", "MAX_FRAME", "Counters", "Decoder", "Encoder", "Noise", "fcs"]

FLAG, ESCAPE = b"\x7e", b"\x7d"
ALL_CONTROLS = 0xFFFFFFFF
"""The character map before anything is agreed: every octet below 0x20 is escaped (RFC 1662 section 7.1)."""
MAX_FRAME = 4096
"""Octets of a frame; twice what peers send that ignore our MRU of 1500, and little memory for a line without flags."""
NOISE = 256
"""Octets kept of what is no frame, its last ones: longer than any modem's result or login prompt."""

_REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
_GOOD = 0x1D0F
"""0xf0b8, the good final FCS (RFC 1662 section C.2), with its bits the other way round."""
_SMALLEST = 4
"""Octets of the smallest frame with its FCS (RFC 1662 section 3.1)."""

_ESCAPED = re.compile(b"\x7d(.)", re.DOTALL)
_PLAIN = {bytes((octet,)): bytes((octet ^ 0x20,)) for octet in range(256)}


def fcs(data: bytes) -> bytes:
    """The frame check sequence of a frame, two octets as they are sent (RFC 1662 section C)."""
    return (crc_hqx(data.translate(_REVERSED), 0xFFFF) ^ 0xFFFF).to_bytes(2, "big").translate(_REVERSED)


def _controls(accm: int) -> bytes:
    return bytes(octet for octet in range(32) if accm >> octet & 1)


class Encoder:
    """Makes wire octets of frames.  ``accm`` is the map that the peer asked for: bit n escapes octet n."""

    __slots__ = ("_replacements",)

    def __init__(self, accm: int = ALL_CONTROLS) -> None:
        # The escape first, or it would escape the escapes.
        self._replacements = [
            (bytes((octet,)), ESCAPE + bytes((octet ^ 0x20,))) for octet in b"\x7d\x7e" + _controls(accm)
        ]

    def encode(self, frames: Iterable[bytes]) -> bytes:
        """All frames in one buffer that begins and ends with a flag; one flag stands between two frames."""
        replacements = self._replacements
        out = [b""]
        for frame in frames:
            frame += (crc_hqx(frame.translate(_REVERSED), 0xFFFF) ^ 0xFFFF).to_bytes(2, "big").translate(_REVERSED)  # fmt: skip
            for plain, escaped in replacements:
                frame = frame.replace(plain, escaped)
            out.append(frame)
        out.append(b"")
        return FLAG.join(out) if len(out) > 2 else b""


@dataclass(frozen=True, slots=True)
class Noise:
    """Octets that are no frame, the last 256 of them, as they came."""

    data: bytes


class Counters:
    """What a decoder has seen, in frames; ``noise`` in octets."""

    __slots__ = ("aborted", "bad_fcs", "frames", "noise", "oversize", "runts")

    def __init__(self) -> None:
        self.frames = self.bad_fcs = self.aborted = self.oversize = self.runts = self.noise = 0

    @property
    def bad(self) -> int:
        """Everything that was no good frame."""
        return self.bad_fcs + self.aborted + self.oversize + self.runts


class Decoder:
    """Finds frames in what comes from the line; how the octets are cut into reads makes no difference."""

    __slots__ = ("_limit", "_oversize", "_tail", "_unwanted", "counters")

    def __init__(self, limit: int = MAX_FRAME, accm: int = ALL_CONTROLS) -> None:
        self.counters = Counters()
        self._limit = limit
        self._tail = b""
        self._oversize = False
        self.expect(accm)

    def expect(self, accm: int) -> None:
        """Set the map that we asked the peer for: of these octets unescaped ones were put in by something on the way."""
        self._unwanted = _controls(accm)

    @property
    def waiting(self) -> bytes:
        """The last octets of what no flag has ended yet."""
        return self._tail[-NOISE:]

    def feed(self, data: bytes) -> list[bytes | Noise]:
        """The frames and the noise that have come to their end, in order.

        A frame is without flags, escapes and FCS, and begins with what the sender put there: address and
        control, or the protocol.
        """
        chunks = (self._tail + data).split(FLAG)
        self._tail = chunks.pop()
        found = [self._frame(chunk) or self._noise(chunk) for chunk in chunks if chunk]
        if len(self._tail) > 2 * self._limit:
            self._oversize = True
            self._tail = self._tail[-NOISE:]
        return found

    def _frame(self, chunk: bytes) -> bytes | None:
        """The frame between two flags, or None; counted either way."""
        counters = self.counters
        if self._oversize or len(chunk) > 2 * self._limit:
            self._oversize = False
            counters.oversize += 1
            return None
        if chunk[-1] == 0x7D:
            counters.aborted += 1  # RFC 1662 section 4.3
            return None
        frame = _unescaped(chunk)
        if crc_hqx(frame.translate(_REVERSED), 0xFFFF) != _GOOD:
            # Only now: a peer that escapes less than it was asked for is understood all the same.
            frame = _unescaped(chunk.translate(None, self._unwanted))
            if crc_hqx(frame.translate(_REVERSED), 0xFFFF) != _GOOD:
                counters.bad_fcs += 1
                return None
        if len(frame) < _SMALLEST:
            counters.runts += 1
            return None
        if len(frame) > self._limit:
            counters.oversize += 1
            return None
        counters.frames += 1
        return frame[:-2]

    def _noise(self, chunk: bytes) -> Noise:
        self.counters.noise += len(chunk)
        return Noise(chunk[-NOISE:])


def _unescaped(chunk: bytes) -> bytes:
    escapes = chunk.count(ESCAPE)
    if not escapes:
        return chunk
    if chunk.count(b"\x7d\x5e") + chunk.count(b"\x7d\x5d") == escapes:  # bulk data: nothing else is escaped
        return chunk.replace(b"\x7d\x5e", FLAG).replace(b"\x7d\x5d", ESCAPE)
    return _ESCAPED.sub(lambda match: _PLAIN[match[1]], chunk)
