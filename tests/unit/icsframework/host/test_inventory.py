"""Reading interfaces."""

import socket

import pytest

from icsframework.errors import InterfaceMissing
from icsframework.host.inventory import read_interface, read_interfaces


def test_this_machine_has_a_loopback():
    """The names and indexes are those that the C library knows."""
    assert {(one.ifindex, one.name) for one in read_interfaces()} == set(socket.if_nameindex())
    lo = read_interface("lo")
    assert (lo.mac, lo.mtu) == ("00:00:00:00:00:00", 65536)


def test_a_missing_one_is_named():
    """With the command that shows those that are there."""
    with pytest.raises(InterfaceMissing, match=r"no interface gone0.*ip link"):
        read_interface("gone0")


def test_no_descriptor_stays_open(open_descriptors):
    """Neither after a success nor after a failure."""
    before = open_descriptors()
    read_interfaces()
    with pytest.raises(InterfaceMissing):
        read_interface("gone0")
    assert open_descriptors() == before
