"""Packet sockets that cannot be opened; those that can are in tests/netns/test_host_sockets.py."""

import pytest

from icsframework.errors import InterfaceMissing, NoPrivilege
from icsframework.host.packet import open_packet
from icsframework.values import PacketFilter


def test_an_interface_that_is_not_here(open_descriptors):
    """It is named (or the right that lacks even to ask), and no descriptor stays open."""
    before = open_descriptors()
    with pytest.raises((InterfaceMissing, NoPrivilege), match="gone0"):
        open_packet("gone0", PacketFilter(0x0806))
    assert open_descriptors() == before


def test_a_filter_that_makes_no_sense(open_descriptors):
    """The caller's mistake leaves nothing open either."""
    before = open_descriptors()
    with pytest.raises((ValueError, NoPrivilege)):
        open_packet("lo", PacketFilter(0x0806, 67))
    assert open_descriptors() == before
