"""The machine's state as a value."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.host.state import (
    AddressOn,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Sysctl,
    combine,
    conf,
)


def test_settings_over_settings():
    """Where the first have an opinion it counts, else that of the others."""
    assert LinkSettings("a", mtu=1400).over(LinkSettings("a", up=True, mtu=1500)) == LinkSettings(
        "a", True, 1400
    )


def test_unlike_names_only_what_differs():
    """What has no opinion or is right is not part of the difference."""
    actual = LinkSettings("a", True, 1500, "02:00:5e:00:53:01")
    assert LinkSettings("a", True, 1400).unlike(actual) == LinkSettings("a", mtu=1400)
    assert LinkSettings("a", up=True).unlike(actual) is None


def test_ipv6_routes_have_the_kernels_metric():
    """The kernel makes 1024 of 0, so wanted and observed routes are equal."""
    assert Route(ip_network("::/0"), "a").metric == 1024
    assert Route(ip_network("0.0.0.0/0"), "a").metric == 0


def test_the_protocol_does_not_matter_for_where_a_route_leads():
    """Two routes that differ only in who set them lead alike; another gateway leads elsewhere."""
    ours = Route(ip_network("0.0.0.0/0"), "a", ip_address("192.0.2.1"))
    theirs = Route(ip_network("0.0.0.0/0"), "a", ip_address("192.0.2.1"), protocol=4)
    elsewhere = Route(ip_network("0.0.0.0/0"), "a", ip_address("192.0.2.2"), protocol=4)
    assert ours.leads_like(theirs)
    assert not ours.leads_like(elsewhere)
    assert ours.key == elsewhere.key


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Route(ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1")), "default via 192.0.2.1 dev wan0"),
        (
            Route(ip_network("10.0.0.0/8"), table=100, metric=7, kind="unreachable"),
            "unreachable 10.0.0.0/8 table 100 metric 7",
        ),
        (
            Route(ip_network("0.0.0.0/0"), "lo", table=100, kind="local"),
            "local default dev lo table 100",
        ),
        (RoutingRule(5, 100, mark=0x10000, mask=0xFF0000), "5: fwmark 0x10000/0xff0000 lookup 100"),
        (
            RoutingRule(5, 254, family=6, suppress_prefixlength=0),
            "5: lookup 254 suppress_prefixlength 0 (IPv6)",
        ),
        (AddressOn("lan0", ip_interface("192.168.0.1/24")), "192.168.0.1/24 on lan0"),
    ],
    ids=str,
)
def test_words(thing, text):
    """Things are told as iproute2 tells them."""
    assert str(thing) == text


def test_at_least_compares_numbers():
    """A higher value fulfils a minimum; for ``set`` only the same words do, however they are spaced."""
    assert Sysctl("x", "120", how="at_least").fulfilled_by("600")
    assert not Sysctl("x", "120", how="at_least").fulfilled_by("30")
    assert Sysctl("x", "1 2").fulfilled_by("1\t2")
    assert not Sysctl("x", "120").fulfilled_by("600")


def test_a_dot_in_a_name_becomes_a_slash():
    """As sysctl(8) writes it."""
    assert conf("ipv4", "eth0.5", "rp_filter") == "net.ipv4.conf.eth0/5.rp_filter"


def test_states_are_joined():
    """Settings of one interface are joined, the highest minimum counts, the filter is that of whoever has one."""
    one = MachineState(
        links=frozenset({LinkSettings("a", up=True)}), sysctls=frozenset({Sysctl("x", "120", how="at_least")})
    )
    two = MachineState(
        links=frozenset({LinkSettings("a", mtu=1400)}),
        sysctls=frozenset({Sysctl("x", "60", how="at_least")}),
        table="filter",
    )
    assert combine([one, two]) == MachineState(
        links=frozenset({LinkSettings("a", True, 1400)}),
        sysctls=frozenset({Sysctl("x", "120", how="at_least")}),
        table="filter",
    )


@dataclass(frozen=True)
class Table:
    """A packet filter."""

    name: str


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (
            MachineState(links=frozenset({LinkSettings("a", mtu=1)})),
            MachineState(links=frozenset({LinkSettings("a", mtu=2)})),
        ),
        (
            MachineState(sysctls=frozenset({Sysctl("x", "1")})),
            MachineState(sysctls=frozenset({Sysctl("x", "2")})),
        ),
        (
            MachineState(sysctls=frozenset({Sysctl("x", "1")})),
            MachineState(sysctls=frozenset({Sysctl("x", "1", how="at_least")})),
        ),
        (
            MachineState(routes=frozenset({Route(ip_network("0.0.0.0/0"), "a")})),
            MachineState(routes=frozenset({Route(ip_network("0.0.0.0/0"), "b")})),
        ),
        (MachineState(table=Table("a")), MachineState(table=Table("b"))),
    ],
)
def test_contradictions_are_refused(one, two):
    """Two parts that want different things of one thing are a defect, said at once."""
    with pytest.raises(ValueError):
        combine([one, two])


def test_naming_a_thing_twice_is_refused():
    """One state has one opinion of each interface and setting."""
    with pytest.raises(ValueError, match="interface a"):
        MachineState(links=frozenset({LinkSettings("a", up=True), LinkSettings("a", mtu=1400)}))
