"""What must hold of the rules whatever is configured; the rules themselves are in tests/golden."""

import re
from ipaddress import ip_interface

from hypothesis import given
from hypothesis import strategies as st

from icsframework.dataplane import policy
from icsframework.dataplane.doors import Doors, Redirect, Scope
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.ruleset import BaseChain
from icsframework.uplinks.traffic import TrafficRule, keep_rules, wake_rules

lans = st.integers(0, 3).flatmap(
    lambda count: st.tuples(
        *(
            st.builds(
                LanSide,
                st.just(f"lan{number}"),
                st.just(f"eth{number}"),
                st.just(ip_interface(f"192.168.{number}.1/24")),
                st.lists(st.sampled_from(["lan0", "lan1", "lan2", "gone"]), max_size=3).map(tuple),
            )
            for number in range(count)
        )
    )
)
uplinks = st.integers(0, 3).map(
    lambda count: tuple(UplinkSide(f"up{number}", number + 1, f"wan{number}") for number in range(count))
)
names = st.sampled_from(["", "*.telemetry.example"])
rules = st.lists(
    st.builds(
        TrafficRule,
        st.sampled_from(["allow", "ignore"]),
        st.just("wake[0]"),
        gateway=st.booleans(),
        name=names,
    ),
    max_size=2,
)
holds = st.none() | st.builds(
    HoldSide,
    st.sampled_from(["hold", "prohibit"]),
    st.booleans(),
    st.dictionaries(st.sampled_from(["up0", "up1"]), rules.map(wake_rules), max_size=2),
)
keeps = st.dictionaries(st.sampled_from(["up0", "up1"]), rules.map(keep_rules), max_size=2)
redirects = st.lists(
    st.builds(
        Redirect,
        st.just("ftp"),
        st.just((21,)),
        st.just(40021),
        fail=st.sampled_from(["open", "closed"]),
        scope=st.sampled_from([Scope(), Scope(lans=("lan0",)), Scope(uplinks=("up0",))]),
    ),
    max_size=2,
)
doors = redirects.map(lambda found: Doors(redirects=tuple(found)))
planes = st.builds(DataPlane, lans, uplinks)
every_plane = st.builds(DataPlane, lans, uplinks, doors=doors, hold=holds, keep=keeps)


def rules_of(table):
    """All rules with their chains."""
    return [(chain, rule) for chain in table.chains for rule in chain.rules]


@given(every_plane)
def test_every_rule_says_why_and_every_name_exists(plane):
    """Each rule has a comment; the chains, sets and counters that rules name are all there, and none is left unused.

    Only the dynamic sets are there whether a rule asks them or not: a reload must not lose what is in them.
    """
    table = policy.build(plane)
    text = "\n".join(rule.expression for _, rule in rules_of(table))
    chains = {chain.name for chain in table.chains}
    assert len(chains) == len(table.chains)
    assert all(rule.comment for _, rule in rules_of(table))
    assert set(re.findall(r"(?:goto|jump) (\S+?)(?:,| |$)", text, re.MULTILINE)) <= chains
    named, there = set(re.findall(r"@(\w+)", text)), {item.name: item for item in table.sets}
    assert named <= there.keys()
    assert [name for name, item in there.items() if name not in named and not item.dynamic] == []
    counted, counters = (
        set(re.findall(r'counter name "(\w+)"', text)),
        {counter.name for counter in table.counters},
    )
    assert counted <= counters
    if plane.uplinks and plane.lans:
        # Those of rules that no uplink has, and of what is only there while nothing waits.
        assert counters - counted <= ({"woken", "forbidden", "no_link"} if plane.hold is not None else set())


@given(every_plane)
def test_base_chains_accept_and_first_ask_whether_it_is_ours(plane):
    """No base chain drops by policy, and no drop or refusal in one can hit a packet that touches no interface of ours."""
    for chain in policy.build(plane).chains:
        if not isinstance(chain, BaseChain):
            continue
        assert chain.policy == "accept"
        ours = False
        for rule in chain.rules:
            ours = ours or rule.expression in (
                "iifname != @ours oifname != @ours return",
                "iifname != @ours return",
            )
            if re.search(r"\b(drop|reject)\b", rule.expression):
                assert ours or re.search(r"[io]ifname @(lans|uplinks)", rule.expression), rule.expression


@given(every_plane)
def test_no_drop_is_silent_to_us(plane):
    """Whatever is dropped or refused is counted."""
    for _, rule in rules_of(policy.build(plane)):
        if re.search(r"\b(drop|reject)\b", rule.expression):
            assert 'counter name "' in rule.expression


@given(planes)
def test_known_flows_meet_few_rules(plane):
    """In forward at most the five cheap rules and, with several uplinks, their segment sizes stand before known flows are accepted."""
    forward = next(chain for chain in policy.build(plane).chains if chain.name == "forward")
    place = [rule.expression for rule in forward.rules].index("ct state established,related accept")
    assert place == 4


def test_only_configured_reach_is_open():
    """From one LAN to another there is a way only if `reach` names it, and the gateway's address there is open with it."""
    home = LanSide("home", "eth1", ip_interface("192.168.0.1/24"), ("guest",))
    guest = LanSide("guest", "eth2", ip_interface("192.168.1.1/24"))
    table = policy.build(DataPlane((home, guest), (UplinkSide("cable", 1, "eth0"),)))
    ways = {
        chain.name: chain.rules[0].expression for chain in table.chains if chain.name.startswith("from_lan")
    }
    assert ways == {
        "from_lan_home": 'oifname vmap { "eth0" : goto to_uplink_cable, "eth1" : accept, "eth2" : accept }',
        "from_lan_guest": 'oifname vmap { "eth0" : goto to_uplink_cable, "eth2" : accept }',
    }
    doors = [(key[0], str(key[1])) for key in (element.key for element in table.set("lan_doors").elements)]
    assert doors == [("eth1", "192.168.0.1"), ("eth1", "192.168.1.1"), ("eth2", "192.168.1.1")]
