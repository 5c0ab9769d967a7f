"""The kernel's table of connections, over ctnetlink: count, read and forget flows.

Messages are built and read here byte by byte (linux/netfilter/nfnetlink_conntrack.h);
no external program is needed.  Synchronous and blocking like the rest of this
room's netlink: call it from the worker thread.  Forgetting by mark is one message
and one walk of the kernel through its table, some milliseconds for 100 000 flows.
"""

import errno
import os
import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from socket import AF_NETLINK, AF_UNSPEC, SO_RCVBUF, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET, socket

from icsframework.dataplane.flows import MarkFilter, Tracked
from icsframework.errors import HostError, NoPrivilege

__all__ = ["Conntrack", "attributes", "parse_flow"]

NETLINK_NETFILTER = 12
SUBSYSTEM = 1 << 8
"""NFNL_SUBSYS_CTNETLINK in the high byte of a message type."""
GET, DELETE, GET_STATS = 1, 2, 5
"""IPCTNL_MSG_CT_*"""

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_MARK, CTA_ID, CTA_ZONE, CTA_MARK_MASK = 1, 2, 8, 12, 18, 21
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_STATS_GLOBAL_ENTRIES = 1

TYPE_MASK = 0x3FFF
"""Attribute types without the flags for nesting and byte order."""
NESTED = 0x8000

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence number, port."""
NFGENMSG = struct.Struct("!BBH")
"""Address family, version, resource."""
ATTRIBUTE = struct.Struct("=HH")

PATIENCE = 10.0
"""Seconds without an answer from the kernel."""
RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes the kernel may put in front of us; a dump waits for us, so this is speed only."""
DATAGRAM = 256 * 1024
"""Bytes of one answer; the kernel fills at most 32 KiB."""


class Conntrack:
    """The connections of this network namespace (that of the thread which calls)."""

    def count(self, chosen: MarkFilter | None = None) -> int:
        """How many flows there are; with ``chosen`` how many of them fit.  Raises HostError."""
        if chosen is not None:
            return sum(1 for _ in self._dump(chosen))
        for body in self._talk(GET_STATS, NLM_F_ACK, b""):
            found = attributes(body[NFGENMSG.size :]).get(CTA_STATS_GLOBAL_ENTRIES)
            if found is not None:
                return int.from_bytes(found, "big")
        raise HostError("The kernel did not say how many connections it tracks.")

    def flows(self, chosen: MarkFilter | None = None) -> list[Tracked]:
        """All flows, or those that fit.  Raises HostError."""
        return [parse_flow(body) for body in self._dump(chosen or MarkFilter())]

    def delete(self, chosen: MarkFilter) -> None:
        """Forget all flows that fit; the next packet of each begins a new one.

        A filter with mask 0 would mean every flow of the machine and is refused (ValueError).  Raises HostError.
        """
        if not chosen.mask:
            raise ValueError("refusing to forget every connection of this machine")
        for _ in self._talk(DELETE, NLM_F_ACK, _mark(chosen)):
            pass

    def delete_where(self, condition: Callable[[Tracked], bool], chosen: MarkFilter | None = None) -> int:
        """Forget the flows for which ``condition`` is true, one by one; returns how many.  Raises HostError."""
        doomed = [body for body in self._dump(chosen or MarkFilter()) if condition(parse_flow(body))]
        return sum(self._delete_one(body) for body in doomed)

    def _delete_one(self, body: bytes) -> bool:
        parts = attributes(body[NFGENMSG.size :])
        identity = _attribute(CTA_TUPLE_ORIG | NESTED, parts[CTA_TUPLE_ORIG])
        identity += b"".join(_attribute(kind, parts[kind]) for kind in (CTA_ID, CTA_ZONE) if kind in parts)
        try:
            for _ in self._talk(DELETE, NLM_F_ACK, identity, family=body[0]):
                pass
        except ProcessLookupError:  # it ended by itself meanwhile
            return False
        return True

    def _dump(self, chosen: MarkFilter) -> Iterator[bytes]:
        return self._talk(GET, NLM_F_DUMP, _mark(chosen) if chosen.mask else b"")

    def _talk(self, kind: int, flags: int, payload: bytes, family: int = AF_UNSPEC) -> Iterator[bytes]:
        """Send one request and yield the bodies of the answers until the kernel says it is done."""
        body = NFGENMSG.pack(family, 0, 0) + payload
        request = HEADER.pack(HEADER.size + len(body), SUBSYSTEM | kind, NLM_F_REQUEST | flags, 1, 0) + body
        try:
            with socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER) as channel:
                channel.settimeout(PATIENCE)
                channel.setsockopt(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)
                channel.bind((0, 0))
                channel.send(request)
                yield from _answers(lambda: channel.recv(DATAGRAM))
        except TimeoutError as error:
            raise HostError(
                f"The kernel's connection tracking did not answer within {PATIENCE:g} s."
            ) from error
        except OSError as error:
            raise _explained(error) from error


def _answers(receive: Callable[[], bytes]) -> Iterator[bytes]:
    while True:
        for kind, body in _messages(receive()):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                number = -int.from_bytes(body[:4], "little" if _LITTLE else "big", signed=True)
                if number:
                    raise OSError(number, os.strerror(number))
                return
            yield body


_LITTLE = struct.pack("=H", 1) == b"\x01\x00"


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The netlink messages of one datagram: type and body."""
    place = 0
    while place + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, place)
        if not HEADER.size <= length <= len(data) - place:
            raise HostError("The kernel's connection tracking sent a message of impossible length.")
        yield kind, data[place + HEADER.size : place + length]
        place += (length + 3) & ~3


def _explained(error: OSError) -> OSError | HostError | NoPrivilege:
    if error.errno == errno.ENOENT:
        return ProcessLookupError(error.errno, "this flow is gone")
    if error.errno in (errno.EPERM, errno.EACCES):
        return NoPrivilege()
    return HostError(
        f"The kernel's connection tracking cannot be asked: {error.strerror or error}; "
        "is the module nf_conntrack_netlink there?"
    )


# --- messages, pure -----------------------------------------------------------------------


def parse_flow(body: bytes) -> Tracked:
    """One flow from the body of a message; HostError if it lacks what every flow has."""
    try:
        parts = attributes(body[NFGENMSG.size :])
        protocol, source, destination, ports = _tuple(parts[CTA_TUPLE_ORIG])
        _, reply_source, reply_destination, reply_ports = _tuple(parts[CTA_TUPLE_REPLY])
    except (KeyError, ValueError, struct.error) as error:
        raise HostError(f"The kernel described a connection in an unknown way: {error!r}") from error
    return Tracked(
        protocol,
        source,
        destination,
        reply_source,
        reply_destination,
        *ports,
        *reply_ports,
        mark=int.from_bytes(parts.get(CTA_MARK, b""), "big"),
        zone=int.from_bytes(parts.get(CTA_ZONE, b""), "big"),
    )


def attributes(data: bytes) -> dict[int, bytes]:
    """The netlink attributes in ``data`` by type; ValueError if a length is impossible."""
    found, place = {}, 0
    while place + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, place)
        if not ATTRIBUTE.size <= length <= len(data) - place:
            raise ValueError(f"attribute of {length} bytes in {len(data) - place}")
        found[kind & TYPE_MASK] = data[place + ATTRIBUTE.size : place + length]
        place += (length + 3) & ~3
    return found


def _tuple(data: bytes) -> tuple[int, IPv4Address | IPv6Address, IPv4Address | IPv6Address, tuple[int, int]]:
    """Protocol, source, destination and ports (0 where the protocol has none)."""
    parts = attributes(data)
    ends, layer4 = attributes(parts[CTA_TUPLE_IP]), attributes(parts[CTA_TUPLE_PROTO])
    ports = tuple(
        int.from_bytes(layer4.get(kind, b""), "big") for kind in (CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT)
    )
    protocol = layer4[CTA_PROTO_NUM][0]
    if CTA_IP_V4_SRC in ends:
        return (
            protocol,
            IPv4Address(ends[CTA_IP_V4_SRC]),
            IPv4Address(ends[CTA_IP_V4_DST]),
            (ports[0], ports[1]),
        )
    return protocol, IPv6Address(ends[CTA_IP_V6_SRC]), IPv6Address(ends[CTA_IP_V6_DST]), (ports[0], ports[1])


def _mark(chosen: MarkFilter) -> bytes:
    return _attribute(CTA_MARK, chosen.mark.to_bytes(4, "big")) + _attribute(
        CTA_MARK_MASK, chosen.mask.to_bytes(4, "big")
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)
