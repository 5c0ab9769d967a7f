"""The rules about the hold device as rules; with real packets in tests/netns/dataplane."""

from dataclasses import replace
from ipaddress import ip_interface

import pytest

from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.hold import (
    enter_hold,
    from_hold,
    hold_chains,
    hold_counters,
    not_ours_to_help,
    to_hold,
)
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.ruleset import BaseChain
from icsframework.uplinks.traffic import wake_rules

HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
SIX = LanSide("six", "eth3", ip_interface("fd00::1/64"))
MODEM, CABLE = UplinkSide("modem", 1, "icsu-modem"), UplinkSide("cable", 2, "eth0")
HOLD = HoldSide(wake={"modem": wake_rules(())})
PLANE = DataPlane((HOME, SIX), (MODEM,), hold=HOLD)


def said(plane, name):
    """The expressions of a chain."""
    return [rule.expression for chain in hold_chains(plane) if chain.name == name for rule in chain.rules]


def hooks(plane):
    """The base chains."""
    return [chain.name for chain in hold_chains(plane) if isinstance(chain, BaseChain)]


def test_without_a_hold_device_there_is_nothing():
    """No chain, counter or rule."""
    plane = replace(PLANE, hold=None)
    parts = (hold_chains, hold_counters, to_hold, enter_hold, from_hold, not_ours_to_help)
    assert [one for part in parts for one in part(plane)] == []


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({}, ["raw_pre", "raw_out"]),
        ({"settled": True}, []),
        ({"without": "unreachable"}, ["no_way"]),
        ({"without": "prohibit"}, ["no_way"]),
        ({"without": "prohibit", "settled": True}, []),
    ],
)
def test_the_routing_table_is_asked_for_each_packet_only_while_no_link_is_up(changes, there):
    """The hooks are there only then; all other chains always, so that a link that vanishes finds them."""
    plane = replace(PLANE, hold=replace(HOLD, **changes))
    assert hooks(plane) == there
    names = {chain.name for chain in hold_chains(plane)}
    assert {"to_hold", "own_to_hold", "enter_hold", "from_hold", "own_from_hold", "wake_modem"} <= names


@pytest.mark.parametrize(("without", "told"), [("prohibit", "admin-prohibited"), ("unreachable", "no-route")])
def test_where_nothing_waits_each_connection_is_told(without, told):
    """Not as seldom as the kernel does it for a route that leads nowhere; where two uplinks are, by the mark's table."""
    words = (
        "iifname @lans meta nfproto ipv4 fib daddr type unicast fib daddr{} oif missing "
        f'counter name "no_link" limit rate 50/second burst 100 packets reject with icmpx {told}'
    )
    plane = replace(PLANE, hold=replace(HOLD, without=without))
    assert said(plane, "no_way") == [words.format("")]
    assert said(replace(plane, uplinks=(MODEM, CABLE)), "no_way") == [words.format(" . mark")]
    assert hooks(replace(plane, lans=())) == []


def test_the_way_is_that_of_the_mark_where_there_are_several_uplinks():
    """As for redirects."""
    expected = 'iifname @lans ip daddr < 224.0.0.0 fib daddr{} oifname "icsh0" goto untracked'
    assert said(PLANE, "raw_pre") == [expected.format("")]
    assert said(replace(PLANE, uplinks=(MODEM, CABLE)), "raw_pre") == [expected.format(" . mark")]


@pytest.mark.parametrize(
    ("scope", "fail", "rules"),
    [
        (Scope(), "closed", ["tcp dport 21 return"]),
        (
            Scope(lans=("home",)),
            "open",
            ['iifname "eth1" tcp dport 21 tcp dport & 0 | 40021 @fail_open return'],
        ),
        (Scope(uplinks=("modem",)), "closed", ["tcp dport 21 return"]),
        (Scope(uplinks=("cable",)), "closed", []),
        (Scope(lans=("gone",)), "closed", []),
    ],
)
def test_what_a_helper_takes_is_tracked(scope, fail, rules):
    """The same LANs, hosts, ports and uplinks as the redirect; by an uplink that traffic does not wake nothing is waited for."""
    redirect = Redirect("ftp", (21,), 40021, fail=fail, scope=scope)
    plane = replace(
        PLANE,
        uplinks=(MODEM, CABLE),
        doors=Doors(redirects=(redirect, replace(redirect, direction="inbound"))),
    )
    assert said(plane, "untracked") == [*rules, "notrack"]


def test_sources_are_looked_at_when_packets_come_back():
    """The gateway's own, then each LAN's with IPv4; anything else is spoofed."""
    assert said(PLANE, "from_hold") == [
        "ip saddr 192.0.0.8 goto own_from_hold",
        "ip saddr @lan_addresses goto own_from_hold",
        "ip saddr 192.168.0.0/24 goto from_lan_home",
        'counter name "spoofed_lan" drop',
    ]
    assert (
        said(replace(PLANE, uplinks=(MODEM, CABLE)), "enter_hold")[2]
        == "ip saddr 192.168.0.0/24 goto stay_with_peer"
    )


def test_without_lans_only_own_packets_wait():
    """Nobody else has anything to dial for."""
    plane = replace(PLANE, lans=())
    assert hooks(plane) == ["raw_out"]
    assert said(plane, "to_hold")[-1] == 'counter name "not_woken" reject with icmpx no-route'
    assert [rule.expression for rule in not_ours_to_help(plane)] == [
        'iifname "icsh0" ip saddr 192.0.0.8 accept'
    ]
