"""Just enough of nf_tables' messages to see who changes which table, and to read a table's counters: bytes to values, no I/O.

Numbers of linux/netfilter/nfnetlink.h and nf_tables.h.  At the end of each
transaction stands a message with the process that made it.
"""

import struct
from collections.abc import Iterator
from typing import Literal

from icsframework.errors import WireError
from icsframework.frozen import dataclass
from icsframework.protocols.netlink import NLM_F_DUMP, Message, attributes, attributes_to_wire

__all__ = ["GROUP", "Changed", "Committed", "dump_counters", "parse", "read_counter"]

GROUP = 7
"""NFNLGRP_NFTABLES: the multicast group of these messages."""

SUBSYSTEM = 10
"""NFNL_SUBSYS_NFTABLES, in the high byte of a message's type."""

NEW_TABLE, DELETE_TABLE, NEW_CHAIN, DELETE_CHAIN, NEW_RULE, DELETE_RULE = 0, 2, 3, 5, 6, 8
DELETE_SET, NEW_GENERATION = 11, 15
ADDED, REMOVED = {NEW_TABLE, NEW_CHAIN, NEW_RULE}, {DELETE_TABLE, DELETE_CHAIN, DELETE_RULE, DELETE_SET}
"""Elements are not looked at: they come and go all the time."""

NFTA_NAME = 1
"""NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE: they have one number."""
NFTA_GEN_PROC_PID, NFTA_GEN_PROC_NAME = 2, 3

NEW_OBJECT, GET_OBJECT = 18, 19
NFTA_OBJ_NAME, NFTA_OBJ_TYPE, NFTA_OBJ_DATA = 2, 3, 4
COUNTER = 1
"""NFT_OBJECT_COUNTER"""
NFTA_COUNTER_PACKETS = 2
INET = 1
"""NFPROTO_INET"""

FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_NFGENMSG = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class Changed:
    """Something of a table came or went: the table itself, a chain or a rule."""

    how: Literal["added", "removed"]
    family: str
    table: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What was told before is in force; ``process`` and ``pid`` did it ("" and 0 if the kernel does not say)."""

    process: str
    pid: int


def parse(data: bytes) -> list[Changed | Committed]:
    """What one datagram tells, in order; messages of other kinds are left out.  WireError if it is malformed."""
    return [item for kind, payload in _messages(data) if (item := _item(kind, payload)) is not None]


def dump_counters(table: str) -> Message:
    """The request for all named counters of a table of family inet; nothing is listed of one that is not there."""
    wanted = [(NFTA_NAME, table.encode() + b"\0"), (NFTA_OBJ_TYPE, COUNTER.to_bytes(4, "big"))]
    return Message(
        SUBSYSTEM << 8 | GET_OBJECT, NLM_F_DUMP, _NFGENMSG.pack(INET, 0, 0) + attributes_to_wire(wanted)
    )


def read_counter(message: Message) -> tuple[str, int] | None:
    """Name and packets of a listed counter, None for what is no counter.  WireError if it is malformed."""
    if message.kind != SUBSYSTEM << 8 | NEW_OBJECT:
        return None
    parts = attributes(message.body[_NFGENMSG.size :])
    if int.from_bytes(parts.get(NFTA_OBJ_TYPE, b""), "big") != COUNTER:
        return None
    try:
        packets = attributes(parts[NFTA_OBJ_DATA])[NFTA_COUNTER_PACKETS]
        return _text(parts[NFTA_OBJ_NAME]), int.from_bytes(packets, "big")
    except KeyError as error:
        raise WireError(f"a counter of nf_tables lacks attribute {error}") from error


def _item(kind: int, payload: bytes) -> Changed | Committed | None:
    if kind >> 8 != SUBSYSTEM:
        return None
    what = kind & 0xFF
    if what not in ADDED | REMOVED and what != NEW_GENERATION:
        return None
    if len(payload) < _NFGENMSG.size:
        raise WireError(f"a message of nf_tables ends after {len(payload)} bytes")
    attributes = _attributes(payload[_NFGENMSG.size :])
    if what == NEW_GENERATION:
        pid = int.from_bytes(attributes.get(NFTA_GEN_PROC_PID, b"\0"), "big")
        return Committed(_text(attributes.get(NFTA_GEN_PROC_NAME, b"")), pid)
    family = FAMILIES.get(payload[0], str(payload[0]))
    return Changed("added" if what in ADDED else "removed", family, _text(attributes.get(NFTA_NAME, b"")))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        if len(data) < _HEADER.size:
            raise WireError(f"a netlink message ends after {len(data)} bytes")
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            raise WireError(f"a netlink message claims {length} of {len(data)} bytes")
        yield kind, data[_HEADER.size : length]
        data = data[length + 3 & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            raise WireError(f"a netlink attribute claims {length} of {len(data)} bytes")
        found.setdefault(kind & TYPE_MASK, data[_ATTRIBUTE.size : length])
        data = data[length + 3 & ~3 :]
    return found


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")
