"""The frame of netlink(7): requests to bytes, answers to messages, attributes both ways.  No I/O.

What the messages say is in rtnetlink.py.  The numbers are those of linux/netlink.h.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from icsframework.errors import WireError

__all__ = [
    "NLM_F_ACK",
    "NLM_F_CREATE",
    "NLM_F_DUMP",
    "NLM_F_EXCL",
    "NLM_F_REPLACE",
    "NLM_F_REQUEST",
    "Answer",
    "Message",
    "NetlinkError",
    "at_least",
    "attributes",
    "attributes_to_wire",
    "parse",
    "to_wire",
]

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x4, 0x10, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLA_TYPE_MASK = 0x3FFF
"""Attribute types without the flags for nesting and byte order."""

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR = struct.Struct("=i")


class NetlinkError(WireError):
    """The kernel answered with an error number (``code``)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"netlink error {code}")
        self.code = code


class Message(NamedTuple):
    """One message: its type, its flags (NLM_F_REQUEST is added to those of a request) and its body."""

    kind: int
    flags: int
    body: bytes


class Answer(NamedTuple):
    """What one datagram told: the messages, whether they are the last, whether what they list changed meanwhile."""

    messages: list[Message]
    last: bool
    interrupted: bool


def to_wire(request: Message, sequence: int) -> bytes:
    """The datagram that carries ``request`` under that sequence number."""
    length = _HEADER.size + len(request.body)
    header = _HEADER.pack(length, request.kind, NLM_F_REQUEST | request.flags, sequence, 0)
    return header + request.body


def parse(data: bytes, sequence: int) -> Answer:
    """One datagram of the answer to request ``sequence``; messages of other sequence numbers are passed over.

    Raises NetlinkError if it says that the request failed, WireError for anything malformed.
    """
    messages: list[Message] = []
    interrupted = False
    while data:
        length, kind, flags, number, _ = _HEADER.unpack_from(at_least(data, _HEADER.size))
        if not _HEADER.size <= length <= len(data):
            raise WireError(f"a netlink message claims {length} of {len(data)} bytes")
        body, data = data[_HEADER.size : length], data[length + 3 & ~3 :]
        if number != sequence:
            continue  # the rest of an earlier answer
        interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
        if kind in (NLMSG_ERROR, NLMSG_DONE):
            _raise_for(body, kind)
            return Answer(messages, True, interrupted)
        messages.append(Message(kind, flags, body))
    return Answer(messages, False, interrupted)


def _raise_for(body: bytes, kind: int) -> None:
    """An error of 0 is an acknowledgement; the end of a list carries a number of its own, negative if it failed."""
    if kind == NLMSG_DONE and len(body) < _ERROR.size:
        return
    (code,) = _ERROR.unpack_from(at_least(body, _ERROR.size))
    if code < 0 or (code and kind == NLMSG_ERROR):
        raise NetlinkError(abs(code))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in ``data`` by type.  WireError if a length is impossible."""
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            raise WireError(f"a netlink attribute claims {length} of {len(data)} bytes")
        found[kind & NLA_TYPE_MASK] = data[_ATTRIBUTE.size : length]
        data = data[length + 3 & ~3 :]
    return found


def attributes_to_wire(given: Mapping[int, bytes] | Iterable[tuple[int, bytes]]) -> bytes:
    """Attributes one after the other, each padded to four bytes."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return b"".join(
        _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)
        for kind, value in pairs
    )


def at_least(data: bytes, size: int) -> bytes:
    """``data``, WireError if it has fewer than ``size`` bytes."""
    if len(data) < size:
        raise WireError(f"a netlink message ends after {len(data)} bytes where {size} are needed")
    return data
