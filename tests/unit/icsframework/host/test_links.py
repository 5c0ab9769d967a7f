"""Errors to sentences, and what a driver may refuse; the work itself is in tests/contract/test_machine.py."""

import errno
import socket
import struct
from ipaddress import ip_interface

import pytest

from icsframework.errors import HostError, InterfaceMissing, NoPrivilege, WireError
from icsframework.host.changes import AddAddress, SetLink, SetTable
from icsframework.host.links import Machine, explained
from icsframework.host.machine import Overtaken
from icsframework.host.state import AddressOn, LinkSettings, Scope
from icsframework.protocols.netlink import Message, NetlinkError
from icsframework.protocols.rtnetlink import RTM_NEWROUTE, RouteMessage, number

CHANGE = AddAddress(AddressOn("lan0", ip_interface("192.168.0.1/24")))


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EPERM, NoPrivilege, "CAP_NET_ADMIN"),
        (errno.ENODEV, InterfaceMissing, "interface is gone"),
        (errno.EEXIST, Overtaken, "another program"),
        (errno.ENETDOWN, HostError, "is down"),
        (errno.ENOBUFS, HostError, "out of memory"),
        (errno.ENETUNREACH, HostError, "unreachable"),
    ],
)
def test_errors_name_the_change(code, kind, words):
    """Every number is a sentence with what was tried."""
    with pytest.raises(kind, match=rf"add address 192\.168\.0\.1/24 on lan0.*{words}"):
        raise explained(CHANGE, code)


def test_the_filter_is_somebody_elses():
    """A packet filter that ends up here is a defect."""
    with pytest.raises(HostError, match="data plane"):
        Machine().apply(SetTable(None))


def test_nothing_is_opened_before_it_is_used():
    """Making and closing one costs nothing."""
    machine = Machine()
    machine.close()
    machine.close()


class Stubborn:
    """A netlink socket to lo, taken for an interface whose driver takes a new MAC address only while it is down."""

    def __init__(self):
        index = number(socket.if_nametoindex("lo"))
        self.up = True
        self.routes = [
            RouteMessage(2, 0, 254, 4, 1, {5: bytes([192, 0, 2, 1]), 4: index}),
            RouteMessage(2, 24, 254, 4, 1, {1: bytes([192, 0, 2, 0]), 4: index}),
        ]
        self.said = []

    def dump(self, request):
        return [Message(24, 2, route.to_wire()) for route in self.routes]

    def change(self, request):
        if request.kind == RTM_NEWROUTE:
            route = RouteMessage.from_wire(request.body)
            self.said.append(("route", route.destination_length, 5 in route.attributes, route.protocol))
            return
        _, _, _, flags, change = struct.unpack_from("=BxHiII", request.body)
        if not change and self.up:
            raise NetlinkError(errno.EBUSY)
        self.said.append({(1, 1): "up", (0, 1): "down", (0, 0): "mac"}[flags, change])
        self.up = bool(flags) if change else self.up
        self.routes = self.routes if self.up else []


def test_a_driver_that_is_busy_while_up():
    """The interface goes down for a moment, and the routes that it loses are put back, on-link ones first."""
    machine = Machine()
    machine._netlink = netlink = Stubborn()
    machine.apply(SetLink(LinkSettings("lo", mac="02:00:5e:00:53:77")))
    assert netlink.said == ["down", "mac", "up", ("route", 24, False, 4), ("route", 0, True, 4)]


class Broken:
    """A netlink socket that does not work."""

    def __init__(self, error):
        self.error = error

    def dump(self, request):
        raise self.error

    change = dump


@pytest.mark.parametrize("error", [TimeoutError("timed out"), NetlinkError(22), WireError("half a message")])
def test_a_kernel_that_gives_no_sensible_answer(error):
    """Looking and changing fail with one sentence."""
    machine = Machine()
    machine._netlink = Broken(error)
    with pytest.raises(HostError, match="cannot be read"):
        machine.observe(Scope())
    with pytest.raises(HostError, match="Cannot add address"):
        machine.apply(AddAddress(AddressOn("lo", ip_interface("192.168.0.1/24"))))
