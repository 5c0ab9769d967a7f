"""Published services as elements and rules; with real packets in tests/netns/dataplane/test_doorrules.py."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from icsframework.dataplane.doors import Doors, Published
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.published import booked_spans, offers, own_spans, published_sets
from icsframework.values import Endpoint

PC, SERVER = ip_address("192.168.0.10"), ip_address("192.168.0.20")
WEB = Published("web", "tcp", 80, 80, Endpoint(PC, 8080))
LANS = (LanSide("home", "eth1", ip_interface("192.168.0.1/24")),)
UPLINKS = (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "eth2"))


def plane(*services):
    """A plane with two uplinks and these services."""
    return DataPlane(LANS, UPLINKS, doors=Doors(published=services))


def elements(made, name):
    """Keys and data of one set."""
    return {item.key: item.data for one in made if one.name == name for item in one.elements}


def test_nothing_published():
    """Without services there is no set and no rule."""
    assert (published_sets(plane()), list(offers(plane()))) == ((), [])


def test_a_port_on_every_uplink():
    """The external port leads in by each uplink, the inside one leaves by it, and it is booked."""
    made = published_sets(plane(WEB))
    assert elements(made, "published") == {
        (0x10000, "tcp", 80): (PC, 8080),
        (0x20000, "tcp", 80): (PC, 8080),
    }
    assert elements(made, "published_own")[0x20000, "tcp", PC, 8080] == (80,)
    assert set(elements(made, "published_ports")) == {(0x10000, "tcp", 80), (0x20000, "tcp", 80)}


def test_on_one_uplink_only():
    """A service of one uplink is in no map of another; one whose uplink is gone is nowhere."""
    (key,) = elements(published_sets(plane(replace(WEB, uplinks=("dsl",)))), "published")
    assert key[0] == 0x20000
    assert published_sets(plane(replace(WEB, uplinks=("gone",)))) == ()
    span = replace(WEB, last=90, to=Endpoint(PC, 80), uplinks=("gone",))
    assert (list(offers(plane(span))), list(own_spans(plane(span)))) == ([], [])


def test_a_range_with_other_ports():
    """Port by port to as many ports inside."""
    moved = replace(WEB, first=9000, last=9002, to=Endpoint(PC, 3000), uplinks=("cable",))
    assert elements(published_sets(plane(moved)), "published") == {
        (0x10000, "tcp", 9000 + i): (PC, 3000 + i) for i in range(3)
    }


def test_a_range_that_keeps_its_ports():
    """One rule each for in, out and what others may not leave by; nothing stands in a map."""
    same = Published("voice", "udp", 5000, 5010, Endpoint(SERVER, 5000), ("dsl",))
    assert published_sets(plane(same)) == ()
    mark = "ct mark & 0x001f0000 0x00020000 "
    assert [rule.expression for rule in offers(plane(same))] == [
        f"{mark}udp dport 5000-5010 dnat ip to 192.168.0.20"
    ]
    assert list(own_spans(plane(same))) == [(f"{mark}ip saddr 192.168.0.20 udp sport 5000-5010", "voice")]
    assert list(booked_spans(plane(same))) == [(f"{mark}udp sport 5000-5010", "voice")]


def test_services_for_some_clients():
    """They have a map of their own, asked for each of their networks, and before that of everybody."""
    some = replace(
        WEB, name="ssh", first=22, last=22, clients=(ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24"))
    )
    key = "dnat ip to ct mark & 0x001f0000 . meta l4proto . th dport map"
    assert [rule.expression for rule in offers(plane(WEB, some))] == [
        f"ip saddr 10.0.0.0/8 {key} @published_for_ssh",
        f"ip saddr 192.0.2.0/24 {key} @published_for_ssh",
        f"{key} @published",
    ]
    assert len(elements(published_sets(plane(WEB, some)), "published_for_ssh")) == 2


def test_two_services_of_one_port_or_one_endpoint():
    """The first one counts, so that the kernel never gets an element with two values."""
    other = replace(WEB, name="other", to=Endpoint(SERVER, 80))
    again = replace(WEB, name="again", first=8000, last=8000)
    made = published_sets(plane(WEB, other, again))
    assert elements(made, "published")[0x10000, "tcp", 80] == (PC, 8080)
    assert elements(made, "published_own")[0x10000, "tcp", PC, 8080] == (80,)
    assert all(len({e.key for e in one.elements}) == len(one.elements) for one in made)


def test_ipv6_is_left_out():
    """Nothing is translated there."""
    assert published_sets(plane(replace(WEB, to=Endpoint(ip_address("2001:db8::1"), 80)))) == ()
