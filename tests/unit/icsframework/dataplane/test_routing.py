"""Routes and routing rules of the uplinks."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

from icsframework.dataplane import routing
from icsframework.dataplane.doors import Doors, Published, Redirect
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.host.state import MAIN_TABLE
from icsframework.values import Endpoint, Family, Link


def link(interface, v4=None, v6=None):
    """A live link with an (address, gateway) of each family."""
    families = [
        Family((ip_interface(address),), gateway and ip_address(gateway)) if address else None
        for address, gateway in (v4 or ("", None), v6 or ("", None))
    ]
    return Link(interface, 1, None, "ppp", "kernel", 1500, False, 0.0, *families)


CABLE = UplinkSide("cable", 1, "eth0", link("eth0", ("203.0.113.5/24", "203.0.113.1")))
MODEM = UplinkSide("modem", 2, "icsu-modem", link("icsu-modem", ("198.51.100.9/32", None)))
DOWN = UplinkSide("spare", 3, "eth5")
DUAL = UplinkSide(
    "dual", 4, "eth6", link("eth6", ("192.0.2.5/24", "192.0.2.1"), ("2001:db8::5/64", "fe80::1"))
)


def said(plane):
    """Routes and rules as people read them."""
    return sorted(map(str, routing.routes(plane))), sorted(map(str, routing.rules(plane)))


def test_one_uplink():
    """The default route in main, the same and the link's subnet in the uplink's own table, ended by unreachable."""
    assert said(DataPlane((), (CABLE,))) == (
        [
            "203.0.113.0/24 dev eth0 table 26881 metric 10",
            "default via 203.0.113.1 dev eth0 metric 10",
            "default via 203.0.113.1 dev eth0 table 26881 metric 10",
            "unreachable default table 26881 metric 2147483647",
        ],
        ["10501: fwmark 0x10000/0x1f0000 lookup 26881"],
    )


def test_the_active_uplink_has_the_smallest_metric():
    """New flows take the active uplink; the others stand behind it in order; one that is down has no route out."""
    routes, _ = said(DataPlane((), (CABLE, DOWN, MODEM), active="modem"))
    assert [route for route in routes if route.startswith("default") and "table" not in route] == [
        "default dev icsu-modem metric 10",
        "default via 203.0.113.1 dev eth0 metric 11",
    ]


def test_a_down_uplink_is_unreachable_for_its_mark():
    """Marked packets of a dead uplink find no way out by another."""
    assert said(DataPlane((), (DOWN,))) == (
        ["unreachable default table 26883 metric 2147483647"],
        ["10503: fwmark 0x30000/0x1f0000 lookup 26883"],
    )


def test_both_families():
    """A link with IPv6 has the same for IPv6; one without names no IPv6 at all."""
    routes, rules = said(DataPlane((), (DUAL,)))
    assert [route for route in routes if ":" in route] == [
        "2001:db8::/64 dev eth6 table 26884 metric 10",
        "default via fe80::1 dev eth6 metric 10",
        "default via fe80::1 dev eth6 table 26884 metric 10",
    ]
    assert rules == [
        "10504: fwmark 0x40000/0x1f0000 lookup 26884",
        "10504: fwmark 0x40000/0x1f0000 lookup 26884 (IPv6)",
    ]
    assert not any(route.destination.version == 6 for route in routing.routes(DataPlane((), (CABLE,))))


def test_answers_to_a_clients_address_come_here():
    """With a published service behind a helper, one table takes every address for ours, before the uplinks' tables; else it is not there."""
    server = Published("ftp", "tcp", 21, 21, Endpoint(ip_address("192.168.0.10"), 21))
    doors = Doors((Redirect("ftp", (21,), 4000, "inbound"),), published=(server,))
    lan = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
    routes, rules = said(DataPlane((lan,), (CABLE,), doors=doors))
    assert "local default dev lo table 26912" in routes
    assert rules[0] == "10500: fwmark 0x800000/0x800000 lookup 26912"
    assert not [one for found in said(DataPlane((lan,), (CABLE,))) for one in found if "26912" in one]


def main_table(plane):
    """Default routes of the main table, by their metric."""
    found = [route for route in routing.routes(plane) if route.table == MAIN_TABLE]
    return [str(route) for route in sorted(found, key=lambda route: route.metric)]


def test_the_way_without_a_link():
    """Into the hold device, behind every link, or prohibited; "unreachable" is to have no way, so that the kernel says the right thing."""
    plane = DataPlane((), (CABLE, DOWN), hold=HoldSide())
    assert main_table(plane) == [
        "default via 203.0.113.1 dev eth0 metric 10",
        "default dev icsh0 metric 2147483647",
    ]
    down = replace(plane, uplinks=(DOWN,))
    assert main_table(down) == ["default dev icsh0 metric 2147483647"]
    assert main_table(replace(down, hold=HoldSide("prohibit"))) == ["prohibit default metric 2147483647"]
    assert main_table(replace(down, hold=HoldSide("unreachable"))) == []
    assert main_table(replace(down, hold=None)) == []
