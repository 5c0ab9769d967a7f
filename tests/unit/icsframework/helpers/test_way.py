"""Which uplink a flow belongs to."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.plane import DataPlane, HoldSide, UplinkSide
from icsframework.helpers.way import (
    agrees,
    concerns,
    fate,
    held,
    source_address,
    unlinked,
    uplink_of,
    uplink_towards,
)
from icsframework.values import Family, Link

CABLE, DSL = ip_address("203.0.113.5"), ip_address("198.51.100.7")
SECOND = ip_address("203.0.113.6")


def link(name, *addresses):
    family = Family(tuple(ip_interface(f"{address}/24") for address in addresses), None)
    return Link(name, 1, None, "ethernet", "kernel", 1500, False, 0.0, family)


cable = UplinkSide("cable", 1, "eth0", link("eth0", CABLE, SECOND))
dsl = UplinkSide("dsl", 2, "eth9", link("eth9", DSL))
PLANE = DataPlane(uplinks=(cable, dsl), active="cable")


@pytest.mark.parametrize(
    ("local", "name"),
    [(CABLE, "cable"), (SECOND, "cable"), (DSL, "dsl"), (None, "cable"), (ip_address("10.64.64.1"), "cable")],
)
def test_the_route_decides_else_the_active_one(local, name):
    """A route may lead to the second uplink's own network."""
    assert uplink_towards(PLANE, local).name == name
    assert uplink_towards(replace(PLANE, active="dsl"), None).name == "dsl"
    assert uplink_towards(DataPlane(), local) is None


def test_an_address_belongs_to_the_uplink_that_has_it():
    """One that is down has none."""
    assert uplink_of(PLANE, DSL) is dsl
    assert uplink_of(PLANE, None) is None
    assert uplink_of(DataPlane(uplinks=(replace(cable, link=None),)), CABLE) is None


def test_the_kernel_agrees_with_us():
    """Its route leaves from an address that we know, or it has none and we know of no uplink either."""
    off = DataPlane(uplinks=(replace(cable, link=None),))
    assert [agrees(PLANE, local) for local in (DSL, ip_address("10.64.64.1"), None)] == [True, False, False]
    assert [agrees(off, local) for local in (None, CABLE)] == [True, False]


def test_the_hold_device_is_no_uplink():
    """A route into it says that no link is up; one may be asked for while that is so."""
    hold = HoldSide()
    off = DataPlane(uplinks=(replace(cable, link=None),), hold=hold)
    on = replace(PLANE, hold=replace(hold, settled=True))
    assert [agrees(off, local) for local in (hold.address.ip, None, CABLE)] == [True, True, False]
    assert [agrees(on, local) for local in (hold.address.ip, None, CABLE)] == [False, False, True]
    assert agrees(replace(off, hold=None), hold.address.ip) is False
    assert [held(plane, hold.address.ip) for plane in (off, on, PLANE)] == [True, True, False]
    assert [held(off, local) for local in (None, CABLE)] == [False, False]
    assert [unlinked(plane) for plane in (off, on, replace(off, hold=None), PLANE)] == [
        True,
        False,
        False,
        False,
    ]


def test_a_helper_may_be_for_some_uplinks_only():
    """That of this listener; without a scope it is for all of them."""
    redirects = (
        Redirect("ftp", (21,), 4001, scope=Scope(uplinks=("cable",))),
        Redirect("irc", (6667,), 4002),
    )
    plane = replace(PLANE, doors=Doors(redirects=redirects))
    assert [concerns(plane, 4001, name) for name in ("cable", "dsl")] == [True, False]
    assert [concerns(plane, 4002, name) for name in ("cable", "dsl")] == [True, True]
    assert concerns(PLANE, 4001, "dsl")


def test_the_source_is_where_the_route_would_leave_from():
    """An uplink with several addresses uses the one of the route, else its first."""
    assert source_address(cable, 4, SECOND) == SECOND
    assert source_address(cable, 4, DSL) == CABLE
    assert source_address(cable, 6, None) is None


down = replace(cable, link=None)
moved = replace(cable, link=link("eth0", "203.0.113.99"))


@pytest.mark.parametrize(
    ("uplinks", "reason"),
    [
        ((cable, dsl), None),
        ((cable,), None),
        ((down,), None),
        ((down, replace(dsl, link=None)), None),
        ((down, dsl), "uplink cable is down"),
        ((moved,), "uplink cable has another address"),
        ((moved, dsl), "uplink cable has another address"),
        ((dsl,), "uplink cable is not there any more"),
        ((), "uplink cable is not there any more"),
    ],
)
def test_a_flow_waits_only_where_it_may_go_on(uplinks, reason):
    """With no other uplink the link may come back as it was."""
    assert fate(DataPlane(uplinks=uplinks), "cable", CABLE) == reason
