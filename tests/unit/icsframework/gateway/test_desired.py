"""Configuration and live state in, state of the machine out."""

from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest

from icsframework.dataplane.plane import HoldSide
from icsframework.errors import HostError
from icsframework.gateway import demands
from icsframework.gateway.desired import Live, data_plane, lan_address, machine_state, uplink_device
from icsframework.gateway.roles import Role
from icsframework.host.state import AddressOn, Device, LinkSettings
from icsframework.values import Family, Link

CABLE = Link(
    "eth0", 2, None, "ethernet", "kernel", 1400, False, 0.0,
    Family((IPv4Interface("203.0.113.5/24"),), IPv4Address("203.0.113.1")),
)  # fmt: skip
INDICES = {"cable": 1}


def test_an_absent_interface_is_closed_but_not_configured(configure) -> None:
    """The packet filter knows the interfaces before they appear; addresses are set when they are there."""
    config = configure()
    state = machine_state(config, Live(), INDICES)
    assert (state.addresses, state.links) == (frozenset(), frozenset())
    assert data_plane(config, Live(), INDICES).interfaces == ("eth1", "eth0")
    assert state.table is not None


def test_what_is_there_gets_address_and_link(configure) -> None:
    """The LAN's address, the uplink's address, both devices up, the link's MTU on the uplink."""
    live = Live(frozenset({"eth0", "eth1"}), links={"cable": CABLE})
    state = machine_state(configure(), live, INDICES)
    assert state.addresses == {
        AddressOn("eth1", IPv4Interface("192.168.0.1/24")),
        AddressOn("eth0", IPv4Interface("203.0.113.5/24")),
    }
    assert state.links == {LinkSettings("eth1", up=True), LinkSettings("eth0", up=True, mtu=1400)}
    assert any(str(route).startswith("default via 203.0.113.1 dev eth0 metric") for route in state.routes)


def test_an_auto_lan_waits_for_its_choice(configure) -> None:
    """Without a subnet there is no LAN in the rules; with one it is like any other."""
    config = configure(
        "lans: [{interface: eth1, address: auto}]\nuplinks: [{name: cable, plugin: ethernet, interface: eth0}]\n"
    )
    chosen = Live(chosen={"eth1": IPv4Interface("10.1.1.1/24")})
    assert lan_address(config.lans[0], Live()) is None
    assert data_plane(config, Live(), INDICES).lans == ()
    assert data_plane(config, chosen, INDICES).lans[0].address == IPv4Interface("10.1.1.1/24")


def test_a_link_inside_a_lan_is_refused_in_words(configure) -> None:
    """RFC 4787 REQ-7: the two sides of a NAT must not share a subnet."""
    inside = Family((IPv4Interface("192.168.0.77/24"),), IPv4Address("192.168.0.254"))
    link = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, inside)
    with pytest.raises(HostError, match=r"uplink cable got 192.168.0.77/24, which collides with LAN home"):
        machine_state(configure(), Live(links={"cable": link}), INDICES)


def test_another_family_does_not_collide(configure) -> None:
    """An IPv6 address of an uplink is compared with no IPv4 LAN."""
    six = Family((IPv6Interface("2001:db8::5/64"),), None)
    link = Link("eth0", 2, None, "ethernet", "kernel", 1500, False, 0.0, None, six)
    assert machine_state(configure(), Live(links={"cable": link}), INDICES).table is not None


def test_the_same_facts_give_the_same_state(configure) -> None:
    """Machine state is a value: nothing is applied twice."""
    live = Live(frozenset({"eth0", "eth1"}), links={"cable": CABLE})
    assert machine_state(configure(), live, INDICES) == machine_state(configure(), live, INDICES)


def test_an_uplink_without_interface_has_a_device_of_ours(configure) -> None:
    """Devices that plugins make are icsu-NAME."""
    section = configure().uplinks[0].model_copy(update={"interface": None})
    assert uplink_device(section) == "icsu-cable"


def test_disabled_uplinks_are_not_ours(configure) -> None:
    """``enabled: false`` leaves the interface to others."""
    config = configure(
        "lans: [{interface: eth1}]\nuplinks:\n  - {name: cable, plugin: ethernet, interface: eth0}\n"
        "  - {name: old, plugin: ethernet, interface: eth9, enabled: false}\n"
    )
    assert data_plane(config, Live(), INDICES).interfaces == ("eth1", "eth0")


BRIDGED = (
    "lans: [{name: home, bridge: {name: br-home, ports: [eth1, wlan0, eth3]}}]\n"
    "uplinks: [{name: cable, plugin: ethernet, interface: eth0}]\n"
)


def test_a_bridge_is_wanted_before_it_is_there(configure) -> None:
    """It is made with its address, its MAC address and the ports that are here and not refused."""
    live = Live(frozenset({"eth1", "wlan0"}), macs={"br-home": "02::9"}, refused=frozenset({"wlan0"}))
    state = machine_state(configure(BRIDGED), live, INDICES)
    assert state.devices == {Device("br-home", "bridge")}
    assert state.links == {
        LinkSettings("br-home", up=True, mac="02::9"),
        LinkSettings("eth1", up=True, master="br-home"),
    }
    assert AddressOn("br-home", IPv4Interface("192.168.0.1/24")) in state.addresses
    assert data_plane(configure(BRIDGED), live, INDICES).lans[0].bridge


def test_vlans_of_one_interface(configure) -> None:
    """Each is a device of its own, made when the one below is there, which several may share."""
    config = configure(
        "lans: [{interface: eth1}]\nuplinks:\n"
        "  - {name: cable, plugin: ethernet, interface: eth0, mtu: 1400}\n"
        "  - {name: tv, plugin: ethernet, interface: eth0, vlan: 7, mac: '02:00:5e:00:53:07'}\n"
        "  - {name: phone, plugin: ethernet, interface: eth0, vlan: 8}\n"
    )
    indices = {"cable": 1, "tv": 2, "phone": 3}
    state = machine_state(config, Live(frozenset({"eth0"})), indices)
    assert state.devices == {Device("icsu-tv", "vlan", "eth0", 7), Device("icsu-phone", "vlan", "eth0", 8)}
    assert state.links == {
        LinkSettings("eth0", up=True, mtu=1400),
        LinkSettings("icsu-tv", up=True, mac="02:00:5e:00:53:07"),
        LinkSettings("icsu-phone", up=True),
    }
    absent = machine_state(config, Live(), indices)
    assert (absent.devices, absent.links) == (frozenset(), frozenset())
    assert "icsu-tv" in data_plane(config, Live(), indices).interfaces


def test_everything_follows_the_names_of_now(configure) -> None:
    """LAN, uplink, port and what is below a VLAN; what has no name yet is left out."""
    names = {Role("lan", "home"): "lan0", Role("uplink", "cable"): "wan0"}
    live = Live(frozenset({"lan0", "wan0"}), names=names)
    state = machine_state(configure(), live, INDICES)
    assert state.links == {LinkSettings("lan0", up=True), LinkSettings("wan0", up=True)}
    assert state.addresses == {AddressOn("lan0", IPv4Interface("192.168.0.1/24"))}
    assert data_plane(configure(), live, INDICES).interfaces == ("lan0", "wan0")
    unknown = Live(names={Role("lan", "home"): "", Role("uplink", "cable"): ""})
    assert data_plane(configure(), unknown, INDICES).interfaces == ()
    assert machine_state(configure(), unknown, INDICES).links == frozenset()


TWO_WAYS = """
lans: [{name: home, interface: eth1}]
uplinks:
  - {name: cable, plugin: ethernet, interface: eth0}
  - {name: spare, plugin: ethernet, interface: eth2, connect: demand, keep: [{protocol: tcp}]}
"""


def test_rules_of_dialling_reach_the_packet_filter_for_uplinks_on_demand(configure) -> None:
    """With a hold device each uplink on demand has its rules there; one that is always up has none."""
    config, indices = configure(TWO_WAYS), {"cable": 1, "spare": 2}
    plane = data_plane(config, Live(hold=HoldSide("hold")), indices)
    assert plane.hold is not None
    assert dict(plane.hold.wake) == {"spare": demands.wake(config.uplinks[1])}
    assert dict(plane.keep) == {"spare": demands.keep(config.uplinks[1])}


def test_the_hold_device_gets_address_route_and_settings(configure) -> None:
    """It was made before, and is up; without it nothing is wanted of it."""
    config, indices = configure(TWO_WAYS), {"cable": 1, "spare": 2}
    state = machine_state(config, Live(hold=HoldSide()), indices)
    assert state.addresses == {AddressOn("icsh0", IPv4Interface("192.0.0.8/32"))}
    assert [str(route) for route in state.routes if route.interface == "icsh0"] == [
        "default dev icsh0 metric 2147483647"
    ]
    assert "net.ipv4.conf.icsh0.accept_local" in {one.path for one in state.sysctls}
    gone = machine_state(config, Live(), indices)
    assert gone.addresses == frozenset()
    assert [route for route in gone.routes if route.interface == "icsh0"] == []


def test_without_a_hold_device_quiet_is_still_watched(configure) -> None:
    """A machine without TUN devices holds nothing, and hangs up all the same."""
    plane = data_plane(configure(TWO_WAYS), Live(), {"cable": 1, "spare": 2})
    assert plane.hold is None
    assert list(plane.keep) == ["spare"]
