"""Checks over several keys of uplinks:."""

LAN = "lans: [{name: home, interface: eth1}]\n"


def test_what_does_not_go_together(errors_of):
    """Two ways to name the interface, a VLAN on none, money without a price, times that do not fit."""
    text = LAN + (
        "uplinks:\n"
        "- {plugin: ethernet, interface: eth0, match: {mac: '02:00:5e:00:53:01'}}\n"
        "- {plugin: dialup, device: /dev/ttyS0, vlan: 7}\n"
        "- {plugin: ethernet, interface: eth2, limits: {money: 10/month, charge_unit: 0s}}\n"
        "- {plugin: ethernet, interface: eth3, limits: {money: 10/month, price: 0.02}}\n"
        "- {plugin: ethernet, interface: eth4, probe: {interval: 0.5s, timeout: 1s}}\n"
        "- {plugin: ethernet, interface: eth5, probe: {targets: 203.0.113.1}}\n"
    )
    assert errors_of(text) == [
        "3:39: uplinks[0].match: interface and match exclude each other; keep one of them",
        "4:46: uplinks[1].vlan: a VLAN needs the interface it is on; add interface:",
        "5:55: uplinks[2].limits.money: money can only be counted with a price; add price:, and charge_unit: if it is not a minute",
        "5:78: uplinks[2].limits.charge_unit: must be longer than nothing; write for example 60s",
        "7:57: uplinks[4].probe.interval: must be at least a second; write for example 10s",
        "7:72: uplinks[4].probe.timeout: does not fit the interval; write a time up to probe.interval, such as 2s",
    ]


def test_a_price_of_nothing_is_not_asked_for_once_more(errors_of):
    """It is there: what is wrong with it is said."""
    text = LAN + "uplinks: [{plugin: ethernet, interface: eth2, limits: {money: 10/month, price: 0}}]\n"
    assert errors_of(text) == [
        "2:63: uplinks[0].limits.money: money can only be counted with a price; "
        "write a price above 0, and charge_unit: if it is not a minute"
    ]


def test_rules_say_which_traffic_they_are_about(errors_of):
    """And ports only where there are some.  `{action: ignore}` is the end of a list: nothing else counts."""
    text = LAN + (
        "uplinks:\n"
        "- plugin: ethernet\n"
        "  interface: eth0\n"
        "  wake: [{action: allow}, {name: '*.telemetry.example', action: ignore}, {action: ignore}]\n"
        "  keep: [{protocol: icmp, port: 8}, {}]\n"
    )
    assert errors_of(text) == [
        "5:10: uplinks[0].wake[0]: the rule does not say which traffic it is about; add client, protocol, port, destination or name",
        "6:33: uplinks[0].keep[0].port: icmp has no ports; remove it, or write protocol: tcp or udp",
        "6:37: uplinks[0].keep[1]: the rule does not say which traffic it is about; add client, protocol, port, destination or name",
    ]


def test_a_lan_does_not_hide_the_uplinks_network(errors_of):
    """A static address of an uplink is known from its plugin; the LAN is the one to move."""
    text = (
        "lans: [{interface: eth1}, {interface: eth2, address: auto}]\n"
        "uplinks: [{plugin: ethernet, interface: eth0, address: {address: 192.168.0.5/16, gateway: 192.168.0.1}}]\n"
    )
    assert errors_of(text) == [
        "1:8: lans[0].address: 192.168.0.0/24 overlaps 192.168.0.0/16 of uplinks[0]; give the LAN another subnet, or write address: auto"
    ]
