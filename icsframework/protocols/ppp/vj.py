"""Van Jacobson's compression of TCP/IP headers (RFC 1144): 40 octets become 3 or 4.

Both ends remember the last header of some connections, in numbered slots.  A
packet of a known connection is sent as what has changed; one of an unknown
connection as a whole, with the number of its slot in place of the protocol.

After a lost frame the decompressor would build headers out of nothing, so
it throws away what names no slot until a frame does (``toss``, RFC 1144 section
4.1); TCP repeats the rest.
"""

import struct

from icsframework.errors import WireError
from icsframework.protocols.ppp.packet import Protocol

__all__ = ["Compressor", "Decompressor", "VjError"]

_C, _I, _P, _S, _A, _W, _U = 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
"""Bits of the change mask (RFC 1144 section 3.2.2)."""
_SPECIAL_I, _SPECIAL_D = _S | _W | _U, _S | _A | _W | _U
"""Masks that stand for echoed typing and for bulk data (section 3.2.3)."""
_SPECIALS = _S | _A | _W | _U

_TCP = 6
_FIN, _SYN, _RST, _PSH, _ACK, _URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_ECN = 0xC0
"""CWR and ECE: younger than RFC 1144, which has no bits for them."""

_IP_FIELDS = struct.Struct(">BxHHHxB")
"""Version and header length, total length, identification, fragment, protocol."""
_TCP_FIELDS = struct.Struct(">IIBBHHH")
"""Sequence, acknowledgement, offset, flags, window, checksum, urgent pointer; behind the ports."""
_U16 = struct.Struct(">H")


class VjError(WireError):
    """A compressed packet cannot be restored; it was dropped, TCP sends it again."""


class _Sent:
    """What the peer remembers of one connection."""

    __slots__ = ("ack", "data", "fixed", "flags", "ident", "number", "seq", "urgent", "window")

    def __init__(self, number: int) -> None:
        self.number = number
        self.fixed = b""
        self.seq = self.ack = self.window = self.urgent = self.ident = self.data = self.flags = 0


class Compressor:
    """The sending end.  ``slots`` and ``compress_ids`` are what the peer said it can do."""

    def __init__(self, slots: int, compress_ids: bool = True) -> None:
        self._free = list(reversed(range(slots)))
        self._known: dict[bytes, _Sent] = {}  # the one used last is the last
        self._compress_ids = compress_ids
        self._last = -1

    def compress(self, packet: bytes) -> tuple[Protocol, bytes]:
        """(protocol, information) for an IPv4 packet; what is no plain TCP stays as it is."""
        if len(packet) < 40:
            return Protocol.IP, packet
        first, total, ident, fragment, protocol = _IP_FIELDS.unpack_from(packet)
        at = (first & 0xF) * 4
        if protocol != _TCP or fragment & 0x3FFF or total != len(packet) or at < 20 or total < at + 20:
            return Protocol.IP, packet
        seq, ack, offset, flags, window, checksum, urgent = _TCP_FIELDS.unpack_from(packet, at + 4)
        size = at + (offset >> 4) * 4
        if flags & (_SYN | _FIN | _RST | _ACK) != _ACK or not at + 20 <= size <= total:
            return Protocol.IP, packet
        key = packet[12:20] + packet[at : at + 4]
        slot = self._known.pop(key, None)
        # Version, lengths, TOS; fragment bits, TTL; IP options; data offset; TCP options.
        fixed = packet[:2] + packet[6:9] + packet[20:at] + packet[at + 12 : at + 13] + packet[at + 20 : size]
        same = slot is not None and slot.fixed == fixed
        if slot is None:
            slot = _Sent(self._free.pop()) if self._free else self._known.pop(next(iter(self._known)))
        self._known[key] = slot
        changes = _changes(slot, seq, ack, flags, window, urgent, ident, total - size) if same else None
        slot.fixed, slot.seq, slot.ack, slot.flags = fixed, seq, ack, flags
        slot.window, slot.urgent, slot.ident, slot.data = window, urgent, ident, total - size
        if changes is None:
            self._last = slot.number
            return Protocol.VJ_UNCOMPRESSED, packet[:9] + bytes((slot.number,)) + packet[10:]
        mask, deltas = changes
        head = bytes((mask,))
        if self._last != slot.number or not self._compress_ids:
            self._last = slot.number
            head = bytes((mask | _C, slot.number))
        return Protocol.VJ_COMPRESSED, head + _U16.pack(checksum) + deltas + packet[size:]


def _changes(
    old: _Sent, seq: int, ack: int, flags: int, window: int, urgent: int, ident: int, data: int
) -> tuple[int, bytes] | None:
    """(mask, deltas) from the last header to this one, None if the packet must go as a whole (RFC 1144 section 3.2.3)."""
    if (old.flags ^ flags) & _ECN or (not flags & _URG and (urgent != old.urgent or old.flags & _URG)):
        return None
    mask, deltas = 0, b""
    if flags & _URG:
        mask, deltas = _U, _delta(urgent)
    if window != old.window:
        mask |= _W
        deltas += _delta((window - old.window) & 0xFFFF)
    more_ack, more_seq = (ack - old.ack) & 0xFFFFFFFF, (seq - old.seq) & 0xFFFFFFFF
    if more_ack > 0xFFFF or more_seq > 0xFFFF:
        return None
    if more_ack:
        mask |= _A
        deltas += _delta(more_ack)
    if more_seq:
        mask |= _S
        deltas += _delta(more_seq)
    if mask in (_SPECIAL_I, _SPECIAL_D) or (not mask and (data == 0 or old.data != 0)):
        return None  # what looks like a special case but is none, and what looks like a repetition
    if mask == _S | _A and more_seq == more_ack == old.data:
        mask, deltas = _SPECIAL_I, b""
    elif mask == _S and more_seq == old.data:
        mask, deltas = _SPECIAL_D, b""
    more_ident = (ident - old.ident) & 0xFFFF
    if more_ident != 1:
        mask |= _I
        deltas += _delta(more_ident)
    return mask | (_P if flags & _PSH else 0), deltas


def _delta(value: int) -> bytes:
    """1 to 255 in one octet, everything else in three (RFC 1144 section 3.2.2)."""
    return bytes((value,)) if 0 < value < 256 else b"\0" + _U16.pack(value)


class _Received:
    """The last header of one connection."""

    __slots__ = ("at", "data", "header")

    def __init__(self, header: bytearray, at: int, data: int) -> None:
        self.header, self.at, self.data = header, at, data


class Decompressor:
    """The receiving end, with as many slots as we told the peer."""

    def __init__(self, slots: int) -> None:
        self._slots: list[_Received | None] = [None] * slots
        self._last: int | None = None

    def toss(self) -> None:
        """A frame was lost: no packet without a slot's number is believed until there has been one with it."""
        self._last = None

    def uncompressed(self, packet: bytes) -> bytes:
        """The packet of a VJ_UNCOMPRESSED frame, and remember its header.  Raises VjError."""
        at = (packet[0] & 0xF) * 4 if packet else 0
        size = at + (packet[at + 12] >> 4) * 4 if 20 <= at <= len(packet) - 20 else 0
        if not size or size < at + 20 or packet[0] >> 4 != 4:
            raise self._lost("an uncompressed packet is no TCP packet")
        number, total = packet[9], _U16.unpack_from(packet, 2)[0]
        if number >= len(self._slots) or not size <= total <= len(packet):
            raise self._lost("an uncompressed packet has a wrong length or slot")
        packet = packet[:9] + b"\x06" + packet[10:total]
        self._slots[number] = _Received(bytearray(packet[:size]), at, total - size)
        self._last = number
        return packet

    def compressed(self, wire: bytes) -> bytes:
        """The packet of a VJ_COMPRESSED frame.  Raises VjError."""
        try:
            return self._restored(wire)
        except (IndexError, struct.error):
            raise self._lost("a compressed packet is cut off") from None

    def _restored(self, wire: bytes) -> bytes:
        mask, pos = wire[0], 1
        if mask & _C:
            self._last, pos = wire[1], 2
        slot = self._slots[self._last] if self._last is not None and self._last < len(self._slots) else None
        if slot is None:
            raise self._lost("a compressed packet of an unknown connection")
        header, at = slot.header, slot.at
        seq, ack, offset, flags, window, _, urgent = _TCP_FIELDS.unpack_from(header, at + 4)
        checksum = _U16.unpack_from(wire, pos)[0]
        pos += 2
        ident = _U16.unpack_from(header, 4)[0]
        flags = flags | _PSH if mask & _P else flags & ~_PSH
        specials = mask & _SPECIALS
        if specials in (_SPECIAL_I, _SPECIAL_D):
            seq += slot.data
            ack += slot.data if specials == _SPECIAL_I else 0
        else:
            flags &= ~_URG
            if mask & _U:
                urgent, pos = _value(wire, pos)
                flags |= _URG
            if mask & _W:
                more, pos = _value(wire, pos)
                window += more
            if mask & _A:
                more, pos = _value(wire, pos)
                ack += more
            if mask & _S:
                more, pos = _value(wire, pos)
                seq += more
        more = 1
        if mask & _I:
            more, pos = _value(wire, pos)
        slot.data = len(wire) - pos
        struct.pack_into(">HH", header, 2, len(header) + slot.data, (ident + more) & 0xFFFF)
        _TCP_FIELDS.pack_into(
            header,
            at + 4,
            seq & 0xFFFFFFFF,
            ack & 0xFFFFFFFF,
            offset,
            flags,
            window & 0xFFFF,
            checksum,
            urgent,
        )
        _set_checksum(header, at)
        return bytes(header) + wire[pos:]

    def _lost(self, why: str) -> VjError:
        self.toss()
        return VjError(why)


def _value(wire: bytes, pos: int) -> tuple[int, int]:
    """(delta, where the next one begins); IndexError or struct.error if it is cut off."""
    if wire[pos]:
        return wire[pos], pos + 1
    return _U16.unpack_from(wire, pos + 1)[0], pos + 3


def _set_checksum(header: bytearray, size: int) -> None:
    """The checksum of an IPv4 header, which is not sent."""
    header[10:12] = b"\0\0"
    total = sum(struct.unpack_from(f">{size // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    _U16.pack_into(header, 10, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
