"""rtnetlink(7): links, addresses, routes and rules as messages, both ways.  No I/O.

Own code and no library, because it is on the way to the first answer: pyroute2
takes 0.25 s of CPU time and 15 MB of memory to import, whatever little of it is
used; /sys shows the namespace it was mounted in rather than ours; getifaddrs(3)
knows neither carrier nor kind.  The numbers are those of linux/rtnetlink.h,
if_link.h, if_addr.h and fib_rules.h.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_interface
from typing import NamedTuple

from icsframework.protocols.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Message,
    at_least,
    attributes,
    attributes_to_wire,
)
from icsframework.values import InterfaceAddress, InterfaceInfo

AF_INET, AF_INET6 = 2, 10

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34

IFF_UP = 0x1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_EXT_MASK, IFLA_CARRIER = 1, 3, 4, 18, 29, 33
IFLA_LINK, IFLA_MASTER, IFLA_PERM_ADDRESS = 5, 10, 54
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_BR_FORWARD_DELAY, IFLA_BR_STP_STATE = 1, 5
IFLA_VLAN_ID = 1
RTEXT_FILTER_SKIP_STATS = 0x8

IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8
IFA_F_PERMANENT = 0x80

RTA_DST, RTA_SRC, RTA_IIF, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 2, 3, 4, 5, 6
RTA_MULTIPATH, RTA_TABLE, RTA_VIA, RTA_ENCAP, RTA_NH_ID = 9, 15, 18, 22, 30
RTPROT_KERNEL = 2
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_NOWHERE = 0, 253, 254, 255
RTNH_F_ONLINK = 0x4
RTM_F_CLONED = 0x200

FRA_PRIORITY, FRA_FWMARK, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL = 6, 10, 14, 15, 16, 21
FR_ACT_TO_TBL = 1
FIB_RULE_INVERT = 0x2

_LINK = struct.Struct("=BxHiII")  # family, device type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct(
    "=BBBBBBBBI"
)  # family, lengths of dst and src, tos, table, protocol, scope, type, flags
_RULE = struct.Struct("=BBBBBxxBI")  # family, lengths of dst and src, tos, table, action, flags
_NUMBER = struct.Struct("=I")
_SHORT = struct.Struct("=H")

_ADD = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
_REPLACE = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE


def number(value: int) -> bytes:
    """A number of 32 bits as the value of an attribute."""
    return _NUMBER.pack(value)


# --- links and addresses -----------------------------------------------------------------------------


class LinkAddress(NamedTuple):
    """An address and the index of its interface; ``permanent`` if somebody set it who will take it back."""

    ifindex: int
    address: InterfaceAddress
    permanent: bool


def dump_links() -> Message:
    """The request for all interfaces, without their statistics."""
    mask = attributes_to_wire({IFLA_EXT_MASK: number(RTEXT_FILTER_SKIP_STATS)})
    return Message(RTM_GETLINK, NLM_F_DUMP, _LINK.pack(0, 0, 0, 0, 0) + mask)


def dump_addresses() -> Message:
    """The request for all addresses."""
    return Message(RTM_GETADDR, NLM_F_DUMP, _ADDRESS.pack(0, 0, 0, 0, 0))


def read_link(body: bytes) -> InterfaceInfo:
    """An interface, without its addresses.  WireError if the message is malformed."""
    _, _, index, flags, _ = _LINK.unpack_from(at_least(body, _LINK.size))
    found = attributes(body[_LINK.size :])
    kind = attributes(found.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_KIND, b"")
    return InterfaceInfo(
        name=_text(found.get(IFLA_IFNAME, b"")),
        ifindex=index,
        mac=found.get(IFLA_ADDRESS, b"").hex(":"),
        mtu=_NUMBER.unpack_from(at_least(found.get(IFLA_MTU, b""), 4))[0],
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_UP) and found.get(IFLA_CARRIER, b"\1") != b"\0",
        kind=_text(kind),
        permanent_mac=found.get(IFLA_PERM_ADDRESS, b"").hex(":"),
    )


class Stacked(NamedTuple):
    """How an interface hangs together with others: the index of the bridge that it is a port of, that of the interface
    below it, and its VLAN; 0 for none.
    """

    master: int
    below: int
    vlan: int


def read_stacked(body: bytes) -> Stacked:
    """The same message as ``read_link`` has.  WireError if it is malformed."""
    found = attributes(body[_LINK.size :])
    data = attributes(attributes(found.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_DATA, b""))
    kind = attributes(found.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_KIND, b"")
    vlan = _SHORT.unpack_from(at_least(data.get(IFLA_VLAN_ID, b""), 2))[0] if _text(kind) == "vlan" else 0
    return Stacked(_index(found.get(IFLA_MASTER)), _index(found.get(IFLA_LINK)), vlan)


def _index(raw: bytes | None) -> int:
    return 0 if raw is None else int(_NUMBER.unpack_from(at_least(raw, 4))[0])


def read_address(body: bytes) -> LinkAddress | None:
    """An address, None if it is of a family without IP addresses.  WireError if the message is malformed."""
    _, length, flags, _, index = _ADDRESS.unpack_from(at_least(body, _ADDRESS.size))
    found = attributes(body[_ADDRESS.size :])
    # On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL ours.
    raw = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS, b"")
    if len(raw) not in (4, 16) or length > len(raw) * 8:
        return None
    if IFA_FLAGS in found:  # the same flags and those that do not fit a byte
        (flags,) = _NUMBER.unpack_from(at_least(found[IFA_FLAGS], 4))
    ip = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    return LinkAddress(index, ip_interface((ip, length)), bool(flags & IFA_F_PERMANENT))


def interfaces(links: Iterable[Message], addresses: Iterable[Message]) -> list[InterfaceInfo]:
    """Links with their addresses, by index.  WireError if a message is malformed."""
    on: dict[int, list[InterfaceAddress]] = {}
    for message in addresses:
        found = read_address(message.body)
        if found is not None:
            on.setdefault(found.ifindex, []).append(found.address)
    bare = sorted((read_link(message.body) for message in links), key=lambda link: link.ifindex)
    return [replace(link, addresses=tuple(on.get(link.ifindex, ()))) for link in bare]


def add_bridge(name: str) -> Message:
    """The request for a bridge without spanning tree protocol, whose ports forward at once."""
    data = {IFLA_BR_STP_STATE: number(0), IFLA_BR_FORWARD_DELAY: number(0)}
    return _add_link(name, "bridge", data, {})


def add_vlan(name: str, below: int, vlan: int) -> Message:
    """The request for VLAN ``vlan`` (IEEE 802.1Q) of the interface with the index ``below``."""
    return _add_link(name, "vlan", {IFLA_VLAN_ID: _SHORT.pack(vlan)}, {IFLA_LINK: number(below)})


def _add_link(name: str, kind: str, data: Mapping[int, bytes], more: Mapping[int, bytes]) -> Message:
    info = {IFLA_INFO_KIND: kind.encode() + b"\0", IFLA_INFO_DATA: attributes_to_wire(data)}
    wanted = {IFLA_IFNAME: name.encode() + b"\0", **more, IFLA_LINKINFO: attributes_to_wire(info)}
    return Message(RTM_NEWLINK, _ADD, _LINK.pack(0, 0, 0, 0, 0) + attributes_to_wire(wanted))


def remove_link(ifindex: int) -> Message:
    """The request to remove an interface that can be made and removed."""
    return Message(RTM_DELLINK, NLM_F_ACK, _LINK.pack(0, 0, ifindex, 0, 0))


def set_link(
    ifindex: int,
    up: bool | None = None,
    mtu: int | None = None,
    mac: bytes | None = None,
    master: int | None = None,
) -> Message:
    """The request to change an interface; None leaves as it is.  ``master`` is the index of a bridge, 0 for none."""
    wanted: dict[int, bytes] = {}
    if mtu is not None:
        wanted[IFLA_MTU] = number(mtu)
    if mac is not None:
        wanted[IFLA_ADDRESS] = mac
    if master is not None:
        wanted[IFLA_MASTER] = number(master)
    body = _LINK.pack(0, 0, ifindex, IFF_UP if up else 0, 0 if up is None else IFF_UP)
    return Message(RTM_NEWLINK, NLM_F_ACK, body + attributes_to_wire(wanted))


def add_address(ifindex: int, address: InterfaceAddress) -> Message:
    """The request for one more address."""
    return Message(RTM_NEWADDR, _ADD, _address(ifindex, address))


def remove_address(ifindex: int, address: InterfaceAddress) -> Message:
    """The request to take an address away."""
    return Message(RTM_DELADDR, NLM_F_ACK, _address(ifindex, address))


def _address(ifindex: int, address: InterfaceAddress) -> bytes:
    network, raw = address.network, address.ip.packed
    family = AF_INET if address.version == 4 else AF_INET6
    wanted = {IFA_LOCAL: raw, IFA_ADDRESS: raw}
    if address.version == 4:
        wanted[IFA_BROADCAST] = network.broadcast_address.packed
    return _ADDRESS.pack(family, network.prefixlen, 0, 0, ifindex) + attributes_to_wire(wanted)


# --- routes ------------------------------------------------------------------------------------------


class RouteMessage(NamedTuple):
    """struct rtmsg and its attributes; of the lengths only that of the destination, of a source there is none."""

    family: int
    destination_length: int
    table: int
    protocol: int
    kind: int
    """rtm_type: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit, ..."""
    attributes: Mapping[int, bytes]
    scope: int = RT_SCOPE_UNIVERSE
    flags: int = 0
    tos: int = 0

    @classmethod
    def from_wire(cls, body: bytes) -> "RouteMessage":
        """Raises WireError."""
        family, length, _, tos, table, protocol, scope, kind, flags = _ROUTE.unpack_from(
            at_least(body, _ROUTE.size)
        )
        return cls(family, length, table, protocol, kind, attributes(body[_ROUTE.size :]), scope, flags, tos)

    def to_wire(self) -> bytes:
        """The body of a message."""
        fixed = _ROUTE.pack(
            self.family, self.destination_length, 0, self.tos, self.table, self.protocol,
            self.scope, self.kind, self.flags,
        )  # fmt: skip
        return fixed + attributes_to_wire(self.attributes)


def dump_routes(family: int) -> Message:
    """The request for all routes of a family, of every table."""
    return Message(RTM_GETROUTE, NLM_F_DUMP, RouteMessage(family, 0, 0, 0, 0, {}).to_wire())


def add_route(route: RouteMessage) -> Message:
    """The request for one more route."""
    return Message(RTM_NEWROUTE, _ADD, route.to_wire())


def replace_route(route: RouteMessage) -> Message:
    """The request for a route in the place of the one with its table, destination and metric."""
    return Message(RTM_NEWROUTE, _REPLACE, route.to_wire())


def remove_route(route: RouteMessage) -> Message:
    """The request to take a route away, whatever its scope."""
    return Message(RTM_DELROUTE, NLM_F_ACK, route._replace(scope=RT_SCOPE_NOWHERE).to_wire())


# --- rules -------------------------------------------------------------------------------------------


class RuleMessage(NamedTuple):
    """struct fib_rule_hdr and its attributes."""

    family: int
    table: int
    attributes: Mapping[int, bytes]
    action: int = FR_ACT_TO_TBL
    flags: int = 0
    tos: int = 0

    @classmethod
    def from_wire(cls, body: bytes) -> "RuleMessage":
        """Raises WireError."""
        family, _, _, tos, table, action, flags = _RULE.unpack_from(at_least(body, _RULE.size))
        return cls(family, table, attributes(body[_RULE.size :]), action, flags, tos)

    def to_wire(self) -> bytes:
        """The body of a message."""
        fixed = _RULE.pack(self.family, 0, 0, self.tos, self.table, self.action, self.flags)
        return fixed + attributes_to_wire(self.attributes)


def dump_rules(family: int) -> Message:
    """The request for all rules of a family."""
    return Message(RTM_GETRULE, NLM_F_DUMP, RuleMessage(family, 0, {}, 0).to_wire())


def add_rule(rule: RuleMessage) -> Message:
    """The request for one more rule."""
    return Message(RTM_NEWRULE, _ADD, rule.to_wire())


def remove_rule(rule: RuleMessage) -> Message:
    """The request to take a rule away."""
    return Message(RTM_DELRULE, NLM_F_ACK, rule.to_wire())


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
