"""Domain names on the wire and as text (RFC 1035 sections 3.1, 4.1.4 and 5.1).

A name is handled as its uncompressed wire form: length-prefixed labels that end
with the root's zero octet.  A length octet is at most 63 and so is no upper-case
letter: ``bytes.lower()`` on a whole wire name is the case folding of RFC 4343,
and two names are equal when their folded forms are.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from icsframework.errors import WireError

__all__ = [
    "MAX_NAME",
    "ROOT",
    "address_of",
    "is_below",
    "labels",
    "name_from_text",
    "name_to_text",
    "read_name",
    "reverse_name",
    "skip_name",
    "skip_plain_name",
    "suffixes",
]

ROOT = b"\0"
MAX_NAME = 255
"""Octets of a name on the wire with its root label (RFC 1035 section 2.3.4)."""
MAX_LABEL = 63
"""Octets of one label (RFC 1035 section 2.3.4)."""
MAX_POINTERS = 126
"""Compression pointers followed in one name: more than the labels a name can have is a loop."""

_POINTER = 0xC0
_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
_ESCAPE = re.compile(r"\\([0-9]{3}|[^0-9])", re.ASCII | re.DOTALL)
_IN_ADDR, _IP6 = (b"in-addr", b"arpa"), (b"ip6", b"arpa")


def skip_name(data: bytes, offset: int) -> int:
    """The offset behind the name at ``offset``, without following a pointer; WireError if it does not end inside."""
    try:
        while length := data[offset]:
            if length >= _POINTER:
                if offset + 2 > len(data):
                    break
                return offset + 2
            if length > MAX_LABEL:
                raise WireError("a label has a reserved type (RFC 6891 section 5)")
            offset += length + 1
        else:
            return offset + 1
    except IndexError:
        pass
    raise WireError("a name goes beyond the end of the message")


def skip_plain_name(data: bytes, offset: int) -> int:
    """The same for a name that must be spelt out and short enough; WireError for a compression pointer as well."""
    start = offset
    try:
        while length := data[offset]:
            if length > MAX_LABEL:
                raise WireError("the name is compressed, or a label has a reserved type")
            offset += length + 1
    except IndexError:
        raise WireError("a name goes beyond the end of the message") from None
    if offset + 1 - start > MAX_NAME:
        raise WireError("a name is longer than 255 octets")
    return offset + 1


def read_name(data: bytes, offset: int) -> tuple[bytes, int]:
    """The uncompressed name at ``offset`` and the offset behind it; every pointer must lead backwards."""
    end, parts, size, limit, pointers = skip_name(data, offset), [], 1, offset, 0
    while length := data[offset]:
        if length >= _POINTER:
            target = (length & 0x3F) << 8 | data[offset + 1]
            pointers += 1
            if target >= limit or pointers > MAX_POINTERS:
                raise WireError("a compression pointer does not lead backwards")
            offset = limit = target
            skip_name(data, offset)
            continue
        size += length + 1
        if size > MAX_NAME:
            raise WireError("a name is longer than 255 octets")
        parts.append(data[offset : offset + length + 1])
        offset += length + 1
    return b"".join(parts) + ROOT, end


def labels(wire: bytes) -> tuple[bytes, ...]:
    """The labels of an uncompressed name, without the root."""
    found, offset = [], 0
    while length := wire[offset]:
        found.append(wire[offset + 1 : offset + 1 + length])
        offset += length + 1
    return tuple(found)


def suffixes(wire: bytes) -> Iterator[bytes]:
    """The name itself, its parent, ... and the root, longest first."""
    while wire[0]:
        yield wire
        wire = wire[wire[0] + 1 :]
    yield wire


def is_below(wire: bytes, zone: bytes) -> bool:
    """True if the folded name ``wire`` is ``zone`` (folded) or lies in it."""
    return wire.endswith(zone) and zone in suffixes(wire)


def name_from_text(text: str) -> bytes:
    r"""The wire form of a name as people write it, ``\.`` and ``\032`` escapes included; ValueError says what is wrong."""
    if text in (".", ""):
        return ROOT
    raw: list[tuple[bytes, bool]] = []
    position = 0
    while position < len(text):
        escape = _ESCAPE.match(text, position)
        if escape:
            code = escape[1]
            if code.isdigit() and int(code) > 255:
                raise ValueError(f"'{text[:80]}' is not a domain name: the escape {escape[0]} is no octet")
            raw.append((bytes((int(code),)) if code.isdigit() else _octet(code, text), True))
            position = escape.end()
        else:
            raw.append((_octet(text[position], text), False))
            position += 1
    return _from_octets(raw, text)


def _octet(character: str, text: str) -> bytes:
    try:
        return character.encode("ascii")
    except UnicodeEncodeError:
        raise ValueError(f"'{text[:80]}' is not a domain name: write it in its xn-- form") from None


def _from_octets(raw: list[tuple[bytes, bool]], text: str) -> bytes:
    wire, label = b"", b""
    if raw[-1] != (b".", False):
        raw.append((b".", False))
    for octet, escaped in raw:
        if octet == b"." and not escaped:
            if not 1 <= len(label) <= MAX_LABEL:
                raise ValueError(f"'{text[:80]}' is not a domain name: a label has 1 to 63 octets")
            wire, label = wire + bytes((len(label),)) + label, b""
        else:
            label += octet
    if len(wire) + 1 > MAX_NAME:
        raise ValueError(f"'{text[:80]}...' is not a domain name: it is longer than 255 octets")
    return wire + ROOT


def name_to_text(wire: bytes) -> str:
    r"""The name as text without the last dot; what is no letter, digit, ``-`` or ``_`` becomes ``\DDD``."""
    if wire == ROOT:
        return "."
    parts = labels(wire)
    if not b"".join(parts).translate(None, _PLAIN):
        return b".".join(parts).decode("ascii")  # nearly every name there is, and on the way of each answer
    return ".".join(
        "".join(chr(octet) if octet in _PLAIN else f"\\{octet:03}" for octet in label) for label in parts
    )


def reverse_name(address: IPv4Address | IPv6Address) -> bytes:
    """The name whose PTR record names ``address`` (RFC 1035 section 3.5, RFC 3596 section 2.5)."""
    return name_from_text(address.reverse_pointer)


def address_of(wire: bytes) -> IPv4Address | IPv6Address | None:
    """The address that a folded reverse name stands for, or None if it is none (or not a whole one)."""
    parts = labels(wire)
    if len(parts) == 6 and parts[4:] == _IN_ADDR:
        if all(p.isdigit() and len(p) <= 3 and int(p) < 256 and str(int(p)).encode() == p for p in parts[:4]):
            return IPv4Address(bytes(int(p) for p in reversed(parts[:4])))
    elif len(parts) == 34 and parts[32:] == _IP6:
        digits = b"".join(reversed(parts[:32]))
        if len(digits) == 32 and not digits.strip(b"0123456789abcdef"):
            return IPv6Address(bytes.fromhex(digits.decode()))
    return None
