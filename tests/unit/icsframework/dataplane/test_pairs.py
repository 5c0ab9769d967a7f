"""Pairs of hosts as rules and as elements; with real packets in tests/netns/dataplane."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from icsframework.dataplane import policy
from icsframework.dataplane.dynamic import PAIRS
from icsframework.dataplane.pairs import STAY_WITH_PEER, pair_element, stay_with_peer
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.values import Family, Link


def uplink(name, index):
    """One that is up."""
    family = Family((ip_interface(f"198.51.{index}.5/24"),), None)
    return UplinkSide(
        name, index, f"eth{index}", Link(name, index, None, "ethernet", "kernel", 1500, False, 0.0, family)
    )


CABLE, DSL = uplink("cable", 1), uplink("dsl", 2)
HOME = LanSide("home", "eth9", ip_interface("192.168.0.1/24"))
TWO = DataPlane((HOME,), (CABLE, DSL))


def asked(plane):
    """The rules that ask the set, by chain."""
    chains = policy.build(plane).chains
    return {
        chain.name: [rule.expression for rule in chain.rules if "@pairs" in rule.expression]
        for chain in chains
        if any("@pairs" in rule.expression for rule in chain.rules)
    }


def test_each_uplink_asks_for_its_own_pairs():
    """The mark of an uplink and both hosts are the key; who is found stays on that uplink."""
    assert asked(TWO) == {
        STAY_WITH_PEER: [
            f"meta mark & 0 | {mark} . ip saddr . ip daddr @pairs goto stay_on_uplink_{name}"
            for mark, name in (("0x00010000", "cable"), ("0x00020000", "dsl"))
        ]
    }


def test_only_first_packets_of_a_right_source_ask():
    """The one way there is behind ``ct state new`` and behind the check of the LAN's subnet."""
    chains = {chain.name: chain for chain in policy.build(TWO).chains}
    ways = [
        (name, rule.expression)
        for name, chain in chains.items()
        for rule in chain.rules
        if STAY_WITH_PEER in rule.expression
    ]
    assert ways == [("enter_lan_home", f"ip saddr 192.168.0.0/24 goto {STAY_WITH_PEER}")]
    [entry] = [rule.expression for rule in chains["prerouting"].rules if "enter_lan_home" in rule.expression]
    assert entry.startswith("ct state new,untracked ")


@pytest.mark.parametrize("uplinks", [(), (CABLE,)])
def test_with_one_uplink_nobody_asks(uplinks):
    """No rule and no chain: there is no other way to go."""
    plane = DataPlane((HOME,), uplinks)
    assert (asked(plane), stay_with_peer(plane)) == ({}, ())


def test_by_a_dead_uplink_nobody_stays():
    """Whatever is left in the set."""
    rules = asked(replace(TWO, uplinks=(CABLE, replace(DSL, link=None))))[STAY_WITH_PEER]
    assert [rule.rpartition("_")[2] for rule in rules] == ["cable"]


def test_an_element_is_the_key_that_the_rules_ask_for():
    """Mark, inside host, peer, with a time."""
    name, element = pair_element(0x20000, ip_address("192.168.0.10"), ip_address("192.0.2.80"), 60.0)
    assert (name, element.timeout, element.data) == (PAIRS.name, 60.0, ())
    assert element.key == (0x20000, ip_address("192.168.0.10"), ip_address("192.0.2.80"))
