"""The DHCP message: fixed part and options (RFC 2131 section 2).

A ``Message`` is an immutable value with the field names of RFC 2131 figure 1.
Addresses in it are 32-bit integers, as on the wire: a busy allocator compares
and hashes them a million times without ever showing one to a person;
``IPv4Address(message.yiaddr)`` is the readable form.  ``options`` maps code to
value in wire order and must not be changed; options that came in ``file`` and
``sname`` by option 52 are already in it.
"""

import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from icsframework.errors import WireError
from icsframework.protocols.dhcp.options import (
    END,
    MAX_MESSAGE_SIZE,
    MESSAGE_TYPE,
    OPTION_OVERLOAD,
    MalformedOption,
    pack_option,
    pack_options,
    parse_options,
)

BOOTREQUEST = 1
BOOTREPLY = 2
ETHERNET = 1
"""htype of Ethernet (RFC 1700)."""
BROADCAST_FLAG = 0x8000
"""The leftmost bit of flags: answer by broadcast (RFC 2131 figure 2)."""
SERVER_PORT = 67
CLIENT_PORT = 68

FIXED_SIZE = 240
"""Bytes before the first option: 236 of BOOTP and the magic cookie."""
SMALLEST_SENT = 300
"""Bytes; relays and old clients drop shorter BOOTP messages (RFC 1542 section 2.1)."""
DEFAULT_MAX_SIZE = 548
"""Bytes of DHCP message every client must accept: 576 of IP datagram less the IP and UDP headers (RFC 2131 section 2)."""
LARGEST_SENT = 1472
"""Bytes of DHCP message that fit an Ethernet frame of 1500."""
HEADERS = 28
"""Bytes of IP and UDP header that option 57 counts and we do not."""

_FIXED = struct.Struct(">4BIHH4I16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"
_NO_OPTIONS: Mapping[int, bytes] = {}
_SNAME, _FILE, _OPTIONS_AT = 44, 108, 240


class MessageType(IntEnum):
    """Option 53 (RFC 2132 section 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


_TYPES = {bytes((kind,)): kind for kind in MessageType}


class MalformedMessage(WireError):
    """The datagram is not a DHCP message (RFC 2131 section 2)."""


class Message(NamedTuple):
    """See the module's docstring.  ``chaddr`` is the first ``hlen`` octets, ``sname`` and ``file`` are without padding."""

    op: int
    xid: int
    chaddr: bytes
    options: Mapping[int, bytes] = _NO_OPTIONS
    flags: int = 0
    ciaddr: int = 0
    yiaddr: int = 0
    siaddr: int = 0
    giaddr: int = 0
    secs: int = 0
    hops: int = 0
    htype: int = ETHERNET
    sname: bytes = b""
    file: bytes = b""

    @property
    def message_type(self) -> MessageType | None:
        """Option 53, or None if it is absent (then it is BOOTP) or unknown."""
        return _TYPES.get(self.options.get(MESSAGE_TYPE, b""))

    @property
    def wants_broadcast(self) -> bool:
        """The client cannot take unicast before it has an address (RFC 2131 section 4.1)."""
        return bool(self.flags & BROADCAST_FLAG)

    @property
    def max_size(self) -> int:
        """Bytes of DHCP message this sender accepts (option 57), never less than every client must accept."""
        value = self.options.get(MAX_MESSAGE_SIZE, b"")
        if len(value) != 2:
            return DEFAULT_MAX_SIZE
        return min(LARGEST_SENT, max(DEFAULT_MAX_SIZE, int.from_bytes(value, "big") - HEADERS))

    @classmethod
    def from_wire(cls, data: bytes) -> "Message":
        """Read a UDP payload.  Raises MalformedMessage or MalformedOption (both WireError)."""
        if len(data) < FIXED_SIZE:
            raise MalformedMessage(f"{len(data)} bytes are too few for a DHCP message")
        (
            op,
            htype,
            hlen,
            hops,
            xid,
            secs,
            flags,
            ciaddr,
            yiaddr,
            siaddr,
            giaddr,
            chaddr,
            sname,
            file,
            cookie,
        ) = _FIXED.unpack_from(data)
        if cookie != _COOKIE:
            raise MalformedMessage("the magic cookie is missing")
        if op not in (BOOTREQUEST, BOOTREPLY):
            raise MalformedMessage(f"op {op} is neither request nor reply")
        if hlen > 16:
            raise MalformedMessage(f"hardware address of {hlen} bytes")
        options: dict[int, bytes] = {}
        parse_options(data, _OPTIONS_AT, len(data), options)
        if OPTION_OVERLOAD in options:
            sname, file = _unload(data, options, sname, file)
        return cls(
            op, xid, chaddr[:hlen], options, flags, ciaddr, yiaddr, siaddr, giaddr, secs, hops, htype,
            sname.rstrip(b"\0"), file.rstrip(b"\0"),
        )  # fmt: skip

    def to_wire(self, max_size: int = DEFAULT_MAX_SIZE) -> bytes:
        """The UDP payload, padded to what relays want.

        Options that do not fit ``max_size`` go to ``file`` and ``sname`` if
        those are free (option 52); raises ValueError if they do not fit even so.
        """
        options = pack_options(self.options)
        sname, file = self.sname, self.file
        if FIXED_SIZE + len(options) + 1 > max_size:
            options, file, sname = _overload(self, max_size)
        chaddr = self.chaddr
        fixed = _FIXED.pack(
            self.op, self.htype, len(chaddr), self.hops, self.xid, self.secs, self.flags,
            self.ciaddr, self.yiaddr, self.siaddr, self.giaddr, chaddr, sname, file, _COOKIE,
        )  # fmt: skip
        return (fixed + options + b"\xff").ljust(SMALLEST_SENT, b"\0")


def _unload(data: bytes, options: dict[int, bytes], sname: bytes, file: bytes) -> tuple[bytes, bytes]:
    """Read the options in file, then sname (RFC 3396 section 5); returns what is left of both fields."""
    where = options[OPTION_OVERLOAD]
    if where not in (b"\x01", b"\x02", b"\x03"):
        raise MalformedOption("option 52 is not 1, 2 or 3")
    if where[0] & 1:
        parse_options(data, _FILE, _FILE + 128, options)
        file = b""
    if where[0] & 2:
        parse_options(data, _SNAME, _SNAME + 64, options)
        sname = b""
    # Options read from the two fields must not claim to be elsewhere again.
    options[OPTION_OVERLOAD] = where
    return sname, file


def _overload(message: Message, max_size: int) -> tuple[bytes, bytes, bytes]:
    """Spread the options over the options field, file and sname: (options, file, sname)."""
    if message.sname or message.file:
        raise ValueError("the options do not fit and sname or file is taken")
    flag = bytes((OPTION_OVERLOAD, 1))
    rooms = [max_size - FIXED_SIZE - len(flag) - 2, 127, 63]  # 2: the flag's value and the end
    fields: list[list[bytes]] = [[], [], []]
    for code, value in message.options.items():
        option = pack_option(code, value)
        for index, field in enumerate(fields):
            if len(option) <= rooms[index]:
                field.append(option)
                rooms[index] -= len(option)
                break
        else:
            raise ValueError(f"option {code} of {len(value)} bytes does not fit the message")
    file, sname = b"".join(fields[1]), b"".join(fields[2])
    where = (1 if file else 0) | (2 if sname else 0)
    return flag + bytes((where,)) + b"".join(fields[0]), _ended(file), _ended(sname)


def _ended(options: bytes) -> bytes:
    return options + bytes((END,)) if options else b""
