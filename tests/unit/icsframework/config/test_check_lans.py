"""Checks over several keys of lans:."""

import pytest

UPLINK = "uplinks: [{name: cable, plugin: ethernet, interface: eth0}]\n"


@pytest.fixture
def lan_errors(errors_of):
    """The errors of a text with an uplink on line 1 and the LANs, one a line, from line 3 on."""
    return lambda *lans: errors_of(UPLINK + "lans:\n" + "".join(f"- {lan}\n" for lan in lans))


def test_a_lan_has_one_device(lan_errors):
    """Exactly one of interface, match and bridge."""
    assert lan_errors(
        "{name: a}",
        "{interface: eth1, match: {mac: '02:00:5e:00:53:01'}, address: 10.0.0.1/24}",
        "{match: {mac: '02:00:5e:00:53:02'}, bridge: {name: br0}, address: 10.0.1.1/24}",
    ) == [
        "3:3: lans[0].interface: is missing; name the interface of this LAN, such as eth1",
        "4:21: lans[1].match: interface and match exclude each other; keep only one of them, such as interface",
        "5:39: lans[2].bridge: match and bridge exclude each other; keep only one of them, such as match",
    ]


def test_addresses_fit_a_gateway(lan_errors):
    """Neither the network's own nor broadcast, and with room for hosts."""
    assert lan_errors(
        "{interface: eth1, address: 192.168.0.0/24}",
        "{interface: eth2, address: 192.168.1.1/31}",
        "{interface: eth3, address: 192.168.2.1}",
        "{interface: eth4, address: fd00::1/64}",
        "{interface: eth5, address: auto}",
    ) == [
        "3:30: lans[0].address: 192.168.0.0 is the network's own address; write for example 192.168.0.1/24",
        "4:30: lans[1].address: the prefix length 31 is not between 8 and 30; write for example 192.168.1.1/24",
        "5:30: lans[2].address: '192.168.2.1' lacks the prefix length; write for example 192.168.2.1/24",
        "6:30: lans[3].address: 'fd00::1/64' is not an IPv4 address; write for example 192.168.0.1/24",
    ]


def test_subnets_are_disjoint(lan_errors):
    """Also where the default address collides; each is reported once."""
    assert lan_errors(
        "{name: a, interface: eth1}",
        "{name: b, interface: eth2}",
        "{name: c, interface: eth3, address: 192.168.0.129/25}",
        "{name: d, interface: eth4, address: 192.168.1.1/24}",
    ) == [
        "4:3: lans[1].address: 192.168.0.0/24 overlaps 192.168.0.0/24 of lans[0]; give one of them another subnet, or write address: auto",
        "5:39: lans[2].address: 192.168.0.128/25 overlaps 192.168.0.0/24 of lans[0]; give one of them another subnet, or write address: auto",
    ]


def test_interfaces_are_used_once(lan_errors):
    """By LANs, bridges, their ports and enabled uplinks."""
    assert lan_errors(
        "{name: a, interface: eth0}",
        "{name: b, interface: lo, address: 10.0.1.1/24}",
        "{name: c, bridge: {name: br0, ports: [eth2, eth2]}, address: 10.0.2.1/24}",
        "{name: d, interface: eth2, address: 10.0.3.1/24}",
        "{name: e, match: {mac: '02:00:5e:00:53:01'}, address: 10.0.4.1/24}",
        "{name: f, match: {mac: '02-00-5E-00-53-01'}, address: 10.0.5.1/24}",
    ) == [
        "1:54: uplinks[0].interface: the interface 'eth0' is already used by lans[0].interface; name another interface",
        "4:24: lans[1].interface: lo is the loopback interface; name the interface of a network",
        "5:47: lans[2].bridge.ports[1]: the interface 'eth2' is already used by lans[2].bridge.ports[0]; name another interface",
        "6:24: lans[3].interface: the interface 'eth2' is already used by lans[2].bridge.ports[0]; name another interface",
        "8:26: lans[5].match.mac: the interface '02:00:5e:00:53:01' is already used by lans[4].match.mac; name another interface",
    ]


def test_vlans_of_one_interface_are_several_and_disabled_uplinks_use_none(errors_of):
    """As are two uplinks of which one is kept in reserve."""
    text = """\
    lans: [{interface: eth1}]
    uplinks:
      - {plugin: ethernet, interface: eth0, vlan: 7}
      - {plugin: ethernet, interface: eth0, vlan: 8}
      - {plugin: ethernet, interface: eth0, vlan: 8, enabled: false}
      - {plugin: ethernet, interface: eth0, vlan: 8}
    """
    assert errors_of(text) == [
        "6:35: uplinks[3].interface: the interface 'eth0' is already used by uplinks[1].interface; name another interface"
    ]


def test_a_service_serves_a_lan_once(lan_errors):
    """An entry that is not enabled does not count."""
    assert lan_errors(
        "{interface: eth1, services: [{plugin: dns}, {plugin: dns, enabled: false}, {plugin: dns}]}"
    ) == [
        "3:87: lans[0].services[2].plugin: 'dns' serves this LAN already, by lans[0].services[0]; remove one of them"
    ]
