"""What keeps a link up, as rules; with real packets in tests/netns/dataplane."""

from ipaddress import ip_interface

from icsframework.dataplane.keep import keep_chains, keep_counter, keep_counters, keeping
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.uplinks.traffic import TrafficRule, keep_rules

HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))
UPLINKS = (UplinkSide("modem", 1, "icsu-modem"), UplinkSide("cable", 2, "eth0"))


def plane(keep, lans=(HOME,)):
    """A plane with these rules of keeping."""
    return DataPlane(lans, UPLINKS, keep=keep)


def said(rules):
    """The expressions."""
    return [rule.expression for rule in rules]


def test_uplinks_without_rules_cost_nothing():
    """No rule, chain or counter; an uplink that is not there has none either."""
    for keep in ({}, {"cable": ()}, {"gone": keep_rules(())}):
        nothing = plane(keep)
        assert [
            *keeping(nothing),
            *keeping(nothing, own=True),
            *keep_chains(nothing),
            *keep_counters(nothing),
        ] == []


def test_only_what_began_inside_is_asked():
    """From the LANs by that uplink in the original direction, or by what was opened for that; own packets of any host."""
    made = plane({"modem": keep_rules(())})
    assert said(keeping(made)) == [
        'iifname @lans ct direction original oifname vmap { "icsu-modem" : jump keep_modem }',
        'iifname @lans ct direction reply ct status dnat oifname vmap { "icsu-modem" : jump keep_beside_modem }',
    ]
    assert said(keeping(made, own=True)) == [
        'ct direction original oifname vmap { "icsu-modem" : jump keep_own_modem }'
    ]
    assert said(keeping(plane({"modem": keep_rules(())}, lans=()))) == []


def test_rules_count_and_return():
    """Allowing counts, ignoring does not, and known flows go on either way; helpers speak for LAN hosts by their mark."""
    own = (
        TrafficRule("ignore", "keep[0]", protocol="udp"),
        TrafficRule("allow", "keep[1]"),
        TrafficRule("allow", "keep[2]", gateway=True, protocol="icmp"),
    )
    chains = {chain.name: chain for chain in keep_chains(plane({"modem": own}))}
    assert said(chains["keep_modem"].rules) == ["meta l4proto udp return", 'counter name "keep_modem" return']
    assert said(chains["keep_own_modem"].rules) == [
        "meta mark & 0x001f0000 0x00010000 tcp dport != 53 tcp flags & (fin | rst) == 0 "
        'counter name "keep_modem" return',
        'meta l4proto icmp counter name "keep_modem" return',
    ]
    assert [counter.name for counter in keep_counters(plane({"modem": own}))] == [keep_counter("modem")]


def test_what_a_helper_lets_in_counts():
    """Of two hosts that a helped connection joins, and by a port that has an owner: no published service counts."""
    chains = {chain.name: chain for chain in keep_chains(plane({"modem": keep_rules(())}))}
    assert said(chains["keep_beside_modem"].rules) == ["tcp flags & (fin | rst) != 0 return"] + [
        f"meta l4proto {protocol} meta mark & 0 | 0x00010000 . ip saddr . ip daddr @pairs "
        "meta mark & 0 | 0x00010000 . meta l4proto . ct original proto-dst @booked "
        'counter name "keep_modem" return'
        for protocol in ("tcp", "udp")
    ]
    assert not [name for name in chains if "beside" in name and "modem" not in name]
