"""The data plane's input: who is there, who is reachable, who is preferred."""

from ipaddress import ip_interface, ip_network

import pytest

from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.values import Family, Link


def link(interface, *addresses):
    """A live link."""
    family = Family(tuple(map(ip_interface, addresses)), None)
    return Link(interface, 1, None, "ppp", "kernel", 1500, False, 0.0, family)


HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"), ("guest", "absent", "home", "guest"))
GUEST = LanSide("guest", "eth2", ip_interface("192.168.1.1/24"))
SIX = LanSide("six", "eth3", ip_interface("fd00::1/64"))
CABLE, DSL, LTE = (
    UplinkSide(name, index, name, link(name, f"192.0.2.{index}/32"))
    for index, name in enumerate(("cable", "dsl", "lte"), 1)
)


def test_reach():
    """A LAN reaches itself and those it names; one that is not there now is passed over, and nothing counts twice."""
    plane = DataPlane((HOME, GUEST))
    assert plane.reachable(HOME) == (HOME, GUEST)
    assert plane.reachable(GUEST) == (GUEST,)


def test_preference():
    """The active uplink comes first, then those that are up in the configured order."""
    down = UplinkSide("down", 9, "x")
    assert DataPlane((), (down, CABLE, DSL, LTE)).preference == (CABLE, DSL, LTE)
    assert DataPlane((), (CABLE, DSL, LTE), active="dsl").preference == (DSL, CABLE, LTE)
    assert DataPlane((), (CABLE, down), active="down").preference == (CABLE,)


def test_what_is_ours():
    """All interfaces of LANs and uplinks, subnets and addresses by IP version, uplinks by name."""
    plane = DataPlane((HOME, GUEST, SIX), (CABLE,))
    assert plane.interfaces == ("eth1", "eth2", "eth3", "cable")
    assert plane.lan_networks(4) == (ip_network("192.168.0.0/24"), ip_network("192.168.1.0/24"))
    assert plane.lan_networks(6) == (ip_network("fd00::/64"),)
    assert [str(address) for address in plane.lan_addresses(4)] == ["192.168.0.1", "192.168.1.1"]
    assert plane.uplink("cable") is CABLE
    assert [str(address) for address in CABLE.addresses] == ["192.0.2.1/32"]
    with pytest.raises(KeyError):
        plane.uplink("other")


def test_the_hold_device():
    """Packets wait only while nothing else is to become of them; its address is one of those that must not leave."""
    assert [HoldSide(without).waits for without in ("hold", "unreachable", "prohibit")] == [
        True,
        False,
        False,
    ]
    plane = DataPlane((HOME, SIX), (CABLE,), hold=HoldSide())
    assert [str(network) for network in plane.inside()] == ["192.168.0.0/24", "192.0.0.8/32"]
    assert DataPlane((HOME, SIX)).inside() == (HOME.network,)
