"""Checks over several keys of publish:."""

import pytest

from icsframework.config.check_publish import MAX_MOVED

BASE = """\
lans: [{name: home, interface: eth1}, {name: attic, interface: eth2, address: 10.1.2.1/24}]
uplinks: [{name: cable, plugin: ethernet, interface: eth0}, {name: dsl, plugin: ethernet, interface: eth3}]
publish:
"""


@pytest.fixture
def publish_errors(errors_of):
    """The errors of published services, one a line, from line 4 on."""
    return lambda *services: errors_of(BASE + "".join(f"- {service}\n" for service in services))


def test_targets_are_inside_a_lan(publish_errors):
    """Of any LAN, with room for a range of ports."""
    assert publish_errors(
        "{protocol: tcp, port: 80, to: '192.168.0.10:8080'}",
        "{protocol: tcp, port: 81, to: 10.1.2.3}",
        "{protocol: tcp, port: 82, to: '192.168.1.10:8080'}",
        "{protocol: udp, port: 6000-6010, to: '192.168.0.10:65530'}",
        "{protocol: tcp, port: 83, to: '[fd00::1]:80'}",
    ) == [
        "6:33: publish[2].to: 192.168.1.10 is in no LAN; write an address in 192.168.0.0/24, 10.1.2.0/24",
        "7:40: publish[3].to: the last port of the range would be 65540; choose a lower port",
        "8:33: publish[4].to: fd00::1 is in no LAN; write an address in 192.168.0.0/24, 10.1.2.0/24",
    ]


def test_a_range_with_other_numbers_is_not_too_long(publish_errors):
    """Each of its ports is a piece of the packet filter; one that keeps its numbers may have them all."""
    assert publish_errors(
        f"{{protocol: tcp, port: 2001-{2000 + MAX_MOVED}, to: '192.168.0.10:3001'}}",
        "{protocol: udp, port: 1-40000, to: 192.168.0.10}",
        f"{{protocol: udp, port: 50001-{50001 + MAX_MOVED}, to: '192.168.0.10:3001'}}",
    ) == [
        "6:42: publish[2].to: 1025 ports would lead to ports with other numbers; 1024 is the most; "
        "keep the numbers: write the address alone",
    ]


def test_targets_are_hosts(publish_errors):
    """Neither the gateway, whose own services are not for the Internet, nor the subnet or everybody in it."""
    assert publish_errors(
        "{protocol: tcp, port: 80, to: 192.168.0.1}",
        "{protocol: tcp, port: 81, to: '10.1.2.255:80'}",
        "{protocol: tcp, port: 82, to: 10.1.2.0}",
        "{protocol: tcp, port: 83, to: 192.168.0.2}",
    ) == [
        "4:33: publish[0].to: 192.168.0.1 is the gateway itself; write the address of a host of the LAN",
        "5:33: publish[1].to: 10.1.2.255 is no host's address; write another one in 10.1.2.0/24",
        "6:33: publish[2].to: 10.1.2.0 is no host's address; write another one in 10.1.2.0/24",
    ]


def test_nobody_is_not_everybody(publish_errors):
    """An empty list of clients or uplinks is a mistake, not a service for all."""
    assert publish_errors("{protocol: tcp, port: 80, to: 192.168.0.10, clients: [], uplinks: []}") == [
        "4:47: publish[0].clients: is empty; leave it out, or write an entry",
        "4:60: publish[0].uplinks: is empty; leave it out, or write an entry",
    ]


def test_a_lan_whose_subnet_is_not_known_may_hold_any_target(errors_of):
    """address: auto is decided while running."""
    text = BASE.replace("10.1.2.1/24", "auto") + "- {protocol: tcp, port: 80, to: 172.16.0.5}\n"
    assert errors_of(text) == []


def test_a_port_leads_to_one_place(publish_errors):
    """Of each protocol and uplink, ranges included; other uplinks or the other protocol are apart."""
    assert publish_errors(
        "{protocol: tcp, port: 80, to: 192.168.0.10}",
        "{protocol: tcp, port: 70-90, to: 192.168.0.11}",
        "{protocol: udp, port: 80, to: 192.168.0.11}",
        "{protocol: udp, port: 90, to: 192.168.0.10, uplinks: [cable]}",
        "{protocol: udp, port: 90, to: 192.168.0.11, uplinks: [dsl]}",
        "{protocol: udp, port: 90, to: 192.168.0.12}",
    ) == [
        "5:25: publish[1].port: tcp port 70-90 is already published by publish[0]; choose another port, or other uplinks",
        "9:25: publish[5].port: udp port 90 is already published by publish[3]; choose another port, or other uplinks",
    ]
