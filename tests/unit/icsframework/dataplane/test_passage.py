"""Do other programs' rules let us pass?  Asked of listings that real kernels gave (tests/captures/filters/record.sh)."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from icsframework.dataplane import filters_iptables, filters_nft
from icsframework.dataplane.filters import (
    ACCEPT,
    DROP,
    Filters,
    FoundChain,
    FoundRule,
    Match,
    Opaque,
    Verdict,
)
from icsframework.dataplane.passage import Packet, obstacles, outcomes
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide

CAPTURES = Path(__file__).parents[3] / "captures/filters"


HOME = LanSide("home", "eth1", ip_interface("192.168.0.1/24"))


PLANE = DataPlane((HOME,), (UplinkSide("cable", 1, "eth0"),))


SERVICES = {"home": ("dhcp", "dns")}


def listing(name):
    """One of the recorded listings."""
    path = CAPTURES / name
    return (filters_nft if path.suffix == ".json" else filters_iptables).parse(path.read_text())


def found(name, plane=PLANE, services=SERVICES):
    """What stands in the way: hook, interfaces, port, whether forth and back."""
    return [
        (one.chain.hook, one.way.incoming, one.way.outgoing, one.way.port, one.forth, one.back)
        for one in obstacles(listing(name), plane, services)
    ]


def test_what_stands_in_the_way():
    """Each way and each service of a LAN, in both directions."""
    assert found("docker.json") == found("legacy.txt") == [("forward", "eth1", "eth0", 0, True, True)]
    assert found("ufw.json") == [
        ("input", "eth1", "", 67, True, False),
        ("input", "eth1", "", 53, True, False),
        ("forward", "eth1", "eth0", 0, True, False),
    ]


@pytest.mark.parametrize(
    "name", ["docker-cured.json", "ufw-cured.json", "firewalld-trusted.json", "open.json"]
)
def test_what_was_cured_is_not_complained_of(name):
    """Rules that let us pass, as the advice makes them, leave nothing to say."""
    assert found(name) == []


def test_only_what_serves_a_lan_is_asked_for():
    """A LAN without DHCP and DNS of ours needs no open ports; a LAN in reach needs the way to it."""
    office = LanSide("office", "eth7", ip_interface("10.0.0.1/24"))
    plane = DataPlane((LanSide("home", "eth1", HOME.address, ("office",)), office), ())
    assert found("ufw.json", plane, {"home": ["upnp"]}) == [("forward", "eth1", "eth7", 0, True, False)]


def test_packets_that_wait():
    """They go into the hold device and come back from it: what was cured for the uplink alone still stops them."""
    plane = replace(PLANE, hold=HoldSide())
    assert found("docker.json", plane) == [
        ("forward", "eth1", "eth0", 0, True, True),
        ("forward", "eth1", "icsh0", 0, True, False),
        ("forward", "icsh0", "eth0", 0, True, False),
    ]
    six = LanSide("six", "eth3", ip_interface("fd00::1/64"))
    assert found("docker.json", replace(plane, lans=(six,))) == []


def test_ours_is_not_foreign():
    """Our own table drops a lot, and is never named."""
    mine = FoundChain("inet", "ics", "forward", (), "filter", "forward", "drop")
    assert obstacles(Filters({("inet", "ics"): {"forward": mine}}), PLANE, SERVICES) == ()


PACKET = Packet("eth1", "eth0", ip_address("192.168.0.9"), ip_address("1.2.3.4"), "tcp", 40000, 443, "new")


def outcome(*rules, policy="accept", **chains):
    """What becomes of PACKET."""
    base = FoundChain("inet", "x", "base", tuple(rules), "filter", "forward", policy)
    others = {name: FoundChain("inet", "x", name, tuple(its)) for name, its in chains.items()}
    return outcomes(base, {"base": base, **others}, PACKET)


LIMIT, IT = Opaque("limit"), Match("iif", ("eth1",))


@pytest.mark.parametrize(
    ("rules", "policy", "end"),
    [
        ([], "drop", {"drop"}),
        ([], "accept", {"accept"}),
        ([FoundRule((IT,), ACCEPT)], "drop", {"accept"}),
        ([FoundRule((Match("iif", ("eth1",), negated=True),), ACCEPT)], "drop", {"drop"}),
        ([FoundRule((LIMIT,), DROP)], "accept", {"drop", "accept"}),
        ([FoundRule((LIMIT,), ACCEPT)], "drop", {"drop", "accept"}),
        ([FoundRule((IT,)), FoundRule((), DROP)], "accept", {"drop"}),
        ([FoundRule((), Verdict("jump", "sub"))], "drop", {"drop"}),
        ([FoundRule((), Verdict("goto", "sub")), FoundRule((), ACCEPT)], "drop", {"drop"}),
        ([FoundRule((), Verdict("jump", "sub")), FoundRule((), ACCEPT)], "drop", {"accept"}),
        ([FoundRule((), Verdict("jump", "nowhere")), FoundRule((), DROP)], "drop", {"accept", "drop"}),
        ([FoundRule((), Verdict("unknown")), FoundRule((), DROP)], "drop", {"accept", "drop"}),
        ([FoundRule((), Verdict("jump", "loop"))], "drop", {"accept", "drop"}),
    ],
)
def test_verdicts(rules, policy, end):
    """As the kernel goes: first fitting rule, jumps come back, goto does not, what cannot be read goes both ways."""
    loop = [FoundRule((), Verdict("jump", "loop"))]
    assert outcome(*rules, policy=policy, sub=[FoundRule((LIMIT,))], loop=loop) == end


def test_iptables_conntrack_is_guessed_by_what_it_is_usually_for():
    """nft does not show its states: known flows, unless the rule names an interface as well."""
    known = FoundRule((Opaque("conntrack"),), ACCEPT)
    assert outcome(known, policy="drop") == {"drop"}
    new = FoundRule((IT, Opaque("conntrack")), ACCEPT)
    assert outcome(new, policy="drop") == {"drop", "accept"}
