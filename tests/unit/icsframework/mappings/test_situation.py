"""What mappings depend on of the data plane."""

from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.dataplane.doors import Doors, Published
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.errors import MappingError
from icsframework.mappings.held import ADDED, Held, Offer, Wish
from icsframework.mappings.situation import NOWHERE, Situation
from icsframework.values import Endpoint, Family, Link

PC = Endpoint(ip_address("192.168.0.10"), 80)
LINK = Link(
    "eth0",
    2,
    None,
    "ethernet",
    "kernel",
    1500,
    False,
    0.0,
    Family((ip_interface("203.0.113.5/24"),), None, (), ()),
    Family((ip_interface("2001:db8::5/64"),), None, (), ()),
)
PLANE = DataPlane(
    (
        LanSide("home", "eth1", ip_interface("192.168.0.1/24")),
        LanSide("six", "eth4", ip_interface("fd00::1/64")),
    ),
    (UplinkSide("cable", 1, "eth0", LINK), UplinkSide("dsl", 2, "eth2")),
    doors=Doors(
        published=(
            Published("web", "tcp", 80, 81, PC),
            Published("dns", "udp", 53, 53, PC, ("dsl", "gone"), (ip_network("192.0.2.0/24"),)),
        )
    ),
)
HERE = Situation.of(PLANE)


def wish(address: str = "192.168.0.10", uplink: str = "cable") -> Wish:
    """A port that leads there."""
    return Wish("helper.x", uplink, "tcp", Endpoint(ip_address(address), 80))


def test_uplinks_with_their_marks_and_ipv4_addresses() -> None:
    """One that is down has a mark and no address."""
    marks = Marks()
    assert HERE.marks == {"cable": marks.uplink_mark(1), "dsl": marks.uplink_mark(2)}
    assert HERE.addresses == {"cable": ip_address("203.0.113.5")}
    assert HERE.mask == marks.uplink_mask
    assert HERE.address("cable") == ip_address("203.0.113.5")
    assert HERE.address("dsl") == HERE.address("other") == NOWHERE


def test_published_services_by_uplink_and_protocol() -> None:
    """On all uplinks, or on those it names, with who may use it."""
    web = Offer("web", 80, 81, PC)
    assert HERE.offers == {
        ("cable", "tcp"): (web,),
        ("dsl", "tcp"): (web,),
        ("dsl", "udp"): (Offer("dns", 53, 53, PC, "192.0.2.0/24"),),
    }


def test_the_same_plane_is_the_same_situation() -> None:
    """So nothing is compared for nothing."""
    assert Situation.of(PLANE) == HERE
    assert Situation.of(DataPlane()) == Situation(mask=Marks().uplink_mask)


def test_a_host_of_a_lan_may_be_reached() -> None:
    """On an uplink that is up or down."""
    HERE.check(wish())
    HERE.check(wish(uplink="dsl"))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (wish(uplink="modem"), "there is no uplink modem here (cable, dsl)"),
        (wish("192.168.0.1"), "192.168.0.1:80 is the gateway itself"),
        (wish("192.168.0.0"), "192.168.0.0:80 is no host of a LAN (192.168.0.0/24)"),
        (wish("192.168.0.255"), "192.168.0.255:80 is no host of a LAN"),
        (wish("192.0.2.80"), "192.0.2.80:80 is no host of a LAN"),
        (wish("127.0.0.1"), "127.0.0.1:80 is no host of a LAN"),
        (wish("fd00::5"), "[fd00::5]:80 is no host of a LAN"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mapping_leads_to_a_host_of_a_lan(asked: Wish, why: str) -> None:
    """Not to us, not to the Internet, not to everybody."""
    with pytest.raises(MappingError) as caught:
        HERE.check(asked)
    assert why in str(caught.value)


def test_an_uplink_without_address_has_no_ports() -> None:
    """In a sentence."""
    assert HERE.address_for(wish()) == ip_address("203.0.113.5")
    with pytest.raises(MappingError, match="uplink dsl has no address now"):
        HERE.address_for(wish(uplink="dsl"))


def test_obstacles_of_what_was_added() -> None:
    """A published service, an uplink that is gone, a LAN that is another one now; a link that is down is none."""
    held = Held("dsl", "tcp", 8080, PC, None, ADDED, None)
    assert HERE.obstacle(held, None) == ""
    assert HERE.obstacle(held, Offer("web", 1, 9, PC)) == "the configuration has this port for publish.web"
    gone = Held("modem", "tcp", 8080, PC, None, ADDED, None)
    assert HERE.obstacle(gone, None) == "there is no such uplink"
    moved = Held("dsl", "tcp", 8080, Endpoint(ip_address("192.168.7.10"), 80), None, ADDED, None)
    assert HERE.obstacle(moved, None) == "192.168.7.10 is no host of a LAN"
    ours = Held("dsl", "tcp", 8080, Endpoint(ip_address("192.168.0.1"), 80), None, ADDED, None)
    assert HERE.obstacle(ours, None) == "192.168.0.1 is no host of a LAN"
