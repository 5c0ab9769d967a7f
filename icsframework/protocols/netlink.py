"""Just enough rtnetlink(7) to list interfaces and their addresses: bytes to values, no I/O.

Reading interfaces happens before the first answer to a client and again at every
link change.  pyroute2 would cost a third of a second of imports for it, /sys
shows the namespace it was mounted in rather than ours, and getifaddrs(3) knows
neither carrier nor kind.  The numbers are those of linux/rtnetlink.h and if_link.h.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_interface

from icsframework.errors import WireError
from icsframework.values import InterfaceAddress, InterfaceInfo

__all__ = [
    "DumpInterrupted",
    "Item",
    "LinkAddress",
    "NetlinkError",
    "dump_addresses",
    "dump_links",
    "interfaces",
    "parse",
]

RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x10, 0x300

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_EXT_MASK, IFLA_CARRIER = 1, 3, 4, 18, 29, 33
IFLA_INFO_KIND = 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTEXT_FILTER_SKIP_STATS = 0x8
IFF_UP = 0x1
NLA_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_LINK = struct.Struct("=BxHiII")  # family, device type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NUMBER = struct.Struct("=I")


class NetlinkError(WireError):
    """The kernel answered with an error number (``code``)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"netlink error {code}")
        self.code = code


class DumpInterrupted(WireError):
    """Something changed while the kernel was listing; ask again."""


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An address and the index of its interface."""

    ifindex: int
    address: InterfaceAddress


Item = InterfaceInfo | LinkAddress


def dump_links(sequence: int) -> bytes:
    """The request for all interfaces, without their statistics."""
    mask = _ATTRIBUTE.pack(8, IFLA_EXT_MASK) + _NUMBER.pack(RTEXT_FILTER_SKIP_STATS)
    return _request(RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0) + mask, sequence)


def dump_addresses(sequence: int) -> bytes:
    """The request for all addresses."""
    return _request(RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0), sequence)


def _request(kind: int, payload: bytes, sequence: int) -> bytes:
    length = _HEADER.size + len(payload)
    return _HEADER.pack(length, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0) + payload


def parse(data: bytes, sequence: int) -> tuple[list[Item], bool]:
    """The items of one datagram that answers request ``sequence``, and whether the list ends with it.

    Raises NetlinkError, DumpInterrupted, or WireError for anything malformed.
    """
    items: list[Item] = []
    for kind, flags, number, payload in _messages(data):
        if number != sequence:
            continue  # the rest of an earlier answer
        if flags & NLM_F_DUMP_INTR:
            raise DumpInterrupted("the list changed while it was read")
        if kind == NLMSG_DONE:
            return items, True
        if kind == NLMSG_ERROR:
            raise NetlinkError(-struct.unpack_from("=i", _at_least(payload, 4))[0])
        if kind == RTM_NEWLINK:
            items.append(_link(payload))
        elif kind == RTM_NEWADDR:
            items.extend(_address(payload))
    return items, False


def interfaces(items: list[Item]) -> list[InterfaceInfo]:
    """Links with their addresses, by index."""
    addresses: dict[int, list[InterfaceAddress]] = {}
    for item in items:
        if isinstance(item, LinkAddress):
            addresses.setdefault(item.ifindex, []).append(item.address)
    links = sorted((item for item in items if isinstance(item, InterfaceInfo)), key=lambda link: link.ifindex)
    return [
        InterfaceInfo(
            link.name,
            link.ifindex,
            link.mac,
            link.mtu,
            link.up,
            link.carrier,
            tuple(addresses.get(link.ifindex, ())),
            link.kind,
        )
        for link in links
    ]


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    while data:
        length, kind, flags, number, _ = _HEADER.unpack_from(_at_least(data, _HEADER.size))
        if not _HEADER.size <= length <= len(data):
            raise WireError(f"a netlink message claims {length} of {len(data)} bytes")
        yield kind, flags, number, data[_HEADER.size : length]
        data = data[length + 3 & ~3 :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            raise WireError(f"a netlink attribute claims {length} of {len(data)} bytes")
        found[kind & NLA_TYPE_MASK] = data[_ATTRIBUTE.size : length]
        data = data[length + 3 & ~3 :]
    return found


def _link(payload: bytes) -> InterfaceInfo:
    _, _, index, flags, _ = _LINK.unpack_from(_at_least(payload, _LINK.size))
    attributes = _attributes(payload[_LINK.size :])
    kind = _attributes(attributes.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_KIND, b"")
    return InterfaceInfo(
        name=_text(attributes.get(IFLA_IFNAME, b"")),
        ifindex=index,
        mac=attributes.get(IFLA_ADDRESS, b"").hex(":"),
        mtu=_NUMBER.unpack_from(_at_least(attributes.get(IFLA_MTU, b""), 4))[0],
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_UP) and attributes.get(IFLA_CARRIER, b"\1") != b"\0",
        kind=_text(kind),
    )


def _address(payload: bytes) -> Iterator[LinkAddress]:
    _, length, _, _, index = _ADDRESS.unpack_from(_at_least(payload, _ADDRESS.size))
    attributes = _attributes(payload[_ADDRESS.size :])
    # On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL ours.
    raw = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, b"")
    if len(raw) not in (4, 16) or length > len(raw) * 8:
        return  # a family without IP addresses
    ip = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    yield LinkAddress(index, ip_interface((ip, length)))


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")


def _at_least(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise WireError(f"a netlink message ends after {len(data)} bytes where {size} are needed")
    return data
