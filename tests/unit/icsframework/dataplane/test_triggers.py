"""Port triggers as sets and rules; with real packets in tests/netns/dataplane."""

from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest

from icsframework.dataplane.doors import Doors, Scope, Trigger
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.triggers import (
    identifier,
    opened_by_triggers,
    prolong,
    trigger_chains,
    trigger_sets,
)
from icsframework.values import PortSpan

IDENT = Trigger(
    "irc",
    "ident",
    (PortSpan("tcp", 6667, 6667), PortSpan("tcp", 6660, 6665)),
    (PortSpan("tcp", 113, 113),),
    20.0,
)
LANS = (LanSide("home", "eth1", ip_interface("192.168.0.1/24")),)
UPLINKS = (UplinkSide("cable", 1, "eth0"), UplinkSide("dsl", 2, "eth2"))


def plane(*triggers):
    """A plane with these triggers."""
    return DataPlane(LANS, UPLINKS, doors=Doors(triggers=triggers))


def test_no_trigger_costs_nothing():
    """Without triggers there is no set, no chain, and no rule before known flows."""
    assert (trigger_sets(plane()), trigger_chains(plane()), list(prolong(plane()))) == ((), (), [])


def test_spans_and_scope():
    """One rule for each span, client's and server's network; what comes in is limited to those servers."""
    scope = Scope(("home",), (), (ip_network("192.0.2.0/24"),), ("dsl",))
    triggers, _ = trigger_chains(plane(replace(IDENT, scope=scope)))
    match = 'iifname "eth1" ct mark & 0x001f0000 0x00020000 ip daddr 192.0.2.0/24'
    assert [rule.expression for rule in triggers.rules] == [
        f"{match} tcp dport 6667 jump trigger_irc_ident",
        f"{match} tcp dport 6660-6665 jump trigger_irc_ident",
    ]
    assert [rule.expression for rule in opened_by_triggers(plane(replace(IDENT, scope=scope)))] == [
        "ct mark & 0x001f0000 0x00020000 ip saddr 192.0.2.0/24 tcp dport 113 "
        "dnat ip to ct mark & 0x001f0000 map @trigger_irc_ident"
    ]


def test_known_flows_without_the_mark_pay_one_comparison():
    """The rule before known flows compares the mark first."""
    (rule,) = prolong(plane(IDENT))
    assert rule.expression == "ct mark & 0x00400000 != 0 oifname @uplinks jump triggers"


@pytest.mark.parametrize("names", [("a b", "a_b"), ("x" * 100, "x" * 99), ("a:b", "a_b"), ("a\n", "a_")])
def test_names_that_nft_cannot_say(names):
    """They are made to fit, and stay two names."""
    one, two = (identifier(replace(IDENT, name=name)) for name in names)
    assert one != two
    assert all(len(f"trigger_{made}") <= 127 and made.isascii() and " " not in made for made in (one, two))
    assert one == identifier(replace(IDENT, name=names[0])), "the same name from load to load"


def test_sets_of_different_triggers_differ():
    """Whatever their owners and names, no two triggers share a set."""
    made = trigger_sets(plane(IDENT, replace(IDENT, owner="irc2"), replace(IDENT, name="holder_irc_ident")))
    assert len({item.name for item in made}) == len(made) == 9
    assert all(item.dynamic for item in made)
