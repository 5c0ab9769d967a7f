"""Links, addresses, routes and rules as messages; pyroute2 judges what we write."""

import socket
import struct
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from icsframework.errors import WireError
from icsframework.protocols import rtnetlink
from icsframework.protocols.netlink import Message, to_wire
from icsframework.protocols.rtnetlink import (
    LinkAddress,
    RouteMessage,
    RuleMessage,
    interfaces,
    number,
    read_address,
    read_link,
)
from icsframework.values import InterfaceInfo


def attribute(kind, data):
    raw = struct.pack("=HH", 4 + len(data), kind) + data
    return raw + bytes(-len(raw) % 4)


def link(index=3, name="eth0", flags=1, mac=b"\2\0\x5e\0\x53\1", more=b""):
    return (
        struct.pack("=BxHiII", 0, 1, index, flags, 0)
        + attribute(3, name.encode() + b"\0")
        + attribute(1, mac)
        + attribute(4, struct.pack("=I", 1400))
        + more
    )


def address(raw, prefix=24, index=3, local=None, flags=0x80, more=b""):
    family = 2 if len(raw) == 4 else 10
    body = struct.pack("=BBBBI", family, prefix, flags, 0, index) + attribute(1, raw)
    return body + (attribute(2, local) if local else b"") + more


def messages(*bodies):
    return [Message(0, 2, body) for body in bodies]


VETH = attribute(33, b"\1") + attribute(18, attribute(1, b"veth\0"))


# --- reading


def test_interfaces():
    """Links with their addresses, in the order of their indexes."""
    assert interfaces(
        messages(link(5, "wan0", flags=0), link(3, more=VETH)),
        messages(address(bytes([192, 168, 0, 1])), address(bytes(15) + b"\1", 128), address(b"\1", 0)),
    ) == [
        InterfaceInfo(
            "eth0",
            3,
            "02:00:5e:00:53:01",
            1400,
            True,
            True,
            (ip_interface("192.168.0.1/24"), ip_interface("::1/128")),
            "veth",
        ),
        InterfaceInfo("wan0", 5, "02:00:5e:00:53:01", 1400, False, False),
    ]


def test_the_local_address_of_a_point_to_point_link():
    """IFA_LOCAL is ours, IFA_ADDRESS the peer's."""
    found = read_address(address(bytes([10, 0, 0, 2]), 32, local=bytes([10, 0, 0, 1])))
    assert found == LinkAddress(3, ip_interface("10.0.0.1/32"), True)


def test_a_temporary_address():
    """The attribute with all flags counts more than the byte in the header."""
    assert not read_address(address(bytes(16), 64, flags=0)).permanent
    assert not read_address(address(bytes(16), 64, more=attribute(8, number(0x100)))).permanent


@given(st.binary(max_size=120))
def test_garbage(data):
    """Anything at all is read or refused with WireError."""
    for read in (read_link, read_address, RouteMessage.from_wire, RuleMessage.from_wire):
        try:
            read(data)
        except WireError:
            pass


@given(st.integers(0, 255), st.integers(0, 120))
def test_damaged_links(byte, at):
    """A wrong byte anywhere is read or refused."""
    body = bytearray(link(more=VETH))
    body[at % len(body)] = byte
    try:
        read_link(bytes(body))
    except WireError:
        pass


# --- writing


def judged(request, kind):
    """A request as pyroute2 reads it: type, flags without NLM_F_REQUEST, fields, attributes."""
    raw = to_wire(request, 1)
    assert struct.unpack_from("=I", raw) == (len(raw),)
    message = kind(raw)
    message.decode()
    header = message["header"]
    fields = {name: message[name] for name, _ in kind.fields}
    return header["type"], header["flags"] & ~1, fields, dict(message["attrs"])


@pytest.mark.parametrize(
    ("request_", "kind", "number_"),
    [
        (rtnetlink.dump_links(), ifinfmsg, 18),
        (rtnetlink.dump_addresses(), ifaddrmsg, 22),
        (rtnetlink.dump_routes(socket.AF_INET6), rtmsg, 26),
        (rtnetlink.dump_rules(socket.AF_INET6), fibmsg, 34),
    ],
)
def test_lists(request_, kind, number_):
    """All four are dumps."""
    found, flags, _, _ = judged(request_, kind)
    assert (found, flags) == (number_, 0x300)


def test_a_family_is_asked_for():
    """Routes and rules are listed a family at a time."""
    assert judged(rtnetlink.dump_routes(10), rtmsg)[2]["family"] == 10
    assert judged(rtnetlink.dump_rules(10), fibmsg)[2]["family"] == 10


def test_a_link_is_changed():
    """What is None is not touched."""
    kind, flags, fields, found = judged(
        rtnetlink.set_link(3, up=True, mtu=1400, mac=b"\2\0\x5e\0\x53\1"), ifinfmsg
    )
    assert (kind, flags, fields["index"], fields["flags"], fields["change"]) == (16, 4, 3, 1, 1)
    assert found == {"IFLA_MTU": 1400, "IFLA_ADDRESS": "02:00:5e:00:53:01"}
    _, _, fields, found = judged(rtnetlink.set_link(3, mtu=1400), ifinfmsg)
    assert (fields["flags"], fields["change"], found) == (0, 0, {"IFLA_MTU": 1400})
    _, _, fields, found = judged(rtnetlink.set_link(3, up=False), ifinfmsg)
    assert (fields["flags"], fields["change"], found) == (0, 1, {})


def test_an_ipv4_address():
    """With its broadcast address, which the kernel does not find out by itself."""
    kind, flags, fields, found = judged(rtnetlink.add_address(3, ip_interface("192.168.0.1/24")), ifaddrmsg)
    assert (kind, flags) == (20, 0x604)
    assert (fields["family"], fields["prefixlen"], fields["index"]) == (2, 24, 3)
    assert found == {
        "IFA_LOCAL": "192.168.0.1",
        "IFA_ADDRESS": "192.168.0.1",
        "IFA_BROADCAST": "192.168.0.255",
    }


def test_an_ipv6_address_is_taken_away():
    """IPv6 has no broadcast."""
    kind, flags, fields, found = judged(
        rtnetlink.remove_address(3, ip_interface("2001:db8::1/64")), ifaddrmsg
    )
    assert (kind, flags, fields["family"], fields["prefixlen"]) == (21, 4, 10, 64)
    assert found == {"IFA_LOCAL": "2001:db8::1", "IFA_ADDRESS": "2001:db8::1"}


ROUTE = RouteMessage(
    2, 24, 0, 0x69, 1, {1: ip_address("198.51.100.0").packed, 4: number(3), 15: number(1000)}, 253, 4
)


@pytest.mark.parametrize(
    ("make", "kind", "flags", "scope"),
    [
        (rtnetlink.add_route, 24, 0x604, 253),
        (rtnetlink.replace_route, 24, 0x504, 253),
        (rtnetlink.remove_route, 25, 0x4, 255),
    ],
)
def test_routes(make, kind, flags, scope):
    """One more, one instead, one less; what goes may have any scope."""
    found_kind, found_flags, fields, found = judged(make(ROUTE), rtmsg)
    assert (found_kind, found_flags, fields["scope"]) == (kind, flags, scope)
    assert (fields["family"], fields["dst_len"], fields["table"], fields["proto"]) == (2, 24, 0, 0x69)
    assert (fields["type"], fields["flags"]) == (1, 4)
    assert found == {"RTA_DST": "198.51.100.0", "RTA_OIF": 3, "RTA_TABLE": 1000}


@pytest.mark.parametrize(
    ("make", "kind", "flags"), [(rtnetlink.add_rule, 32, 0x604), (rtnetlink.remove_rule, 33, 0x4)]
)
def test_rules(make, kind, flags):
    """One more and one less."""
    rule = RuleMessage(2, 100, {6: number(1001), 10: number(0x10000), 16: number(0xFF0000), 21: b"\x69"})
    found_kind, found_flags, fields, found = judged(make(rule), fibmsg)
    assert (found_kind, found_flags) == (kind, flags)
    assert (fields["family"], fields["table"], fields["action"]) == (2, 100, 1)
    assert found == {
        "FRA_PRIORITY": 1001,
        "FRA_FWMARK": 0x10000,
        "FRA_FWMASK": 0xFF0000,
        "FRA_PROTOCOL": 0x69,
    }


def test_there_and_back():
    """What is written is read again."""
    assert RouteMessage.from_wire(ROUTE.to_wire()) == ROUTE
    rule = RuleMessage(10, 100, {6: number(1)}, 7, 2, 8)
    assert RuleMessage.from_wire(rule.to_wire()) == rule


# --- bridges and VLANs


def judged_link(request):
    """A request as pyroute2 reads it: attributes, and those of the kind."""
    message = ifinfmsg(to_wire(request, 1))
    message.decode()
    return message


def test_a_bridge_forwards_at_once():
    """No spanning tree protocol, no delay."""
    message = judged_link(rtnetlink.add_bridge("br-home"))
    info = message.get_attr("IFLA_LINKINFO")
    assert (message.get_attr("IFLA_IFNAME"), info.get_attr("IFLA_INFO_KIND")) == ("br-home", "bridge")
    data = info.get_attr("IFLA_INFO_DATA")
    assert (data.get_attr("IFLA_BR_STP_STATE"), data.get_attr("IFLA_BR_FORWARD_DELAY")) == (0, 0)


def test_a_vlan_has_its_number_and_the_interface_below():
    """What is asked for is what is read back."""
    request = rtnetlink.add_vlan("icsu-tv", 4, 7)
    message = judged_link(request)
    data = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    assert (message.get_attr("IFLA_LINK"), data.get_attr("IFLA_VLAN_ID")) == (4, 7)
    assert rtnetlink.read_stacked(request.body) == rtnetlink.Stacked(0, 4, 7)


def test_ports_and_permanent_addresses():
    """The master of a port, and the address that a card was made with."""
    body = link(more=attribute(10, number(9)) + attribute(54, b"\2\0\x5e\0\x53\7"))
    assert rtnetlink.read_stacked(body) == rtnetlink.Stacked(9, 0, 0)
    assert read_link(body).permanent_mac == "02:00:5e:00:53:07"
    assert judged_link(rtnetlink.set_link(3, master=0)).get_attr("IFLA_MASTER") == 0
    removal = rtnetlink.remove_link(3)
    assert (removal.kind, judged_link(removal)["index"]) == (17, 3)


@pytest.mark.parametrize("more", [attribute(10, b"\1"), attribute(18, attribute(1, b"vlan\0"))])
def test_half_a_stack_is_refused(more):
    """A number that is cut off is an error, no crash."""
    with pytest.raises(WireError):
        rtnetlink.read_stacked(link(more=more))
