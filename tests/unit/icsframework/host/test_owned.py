"""What we did to the machine, remembered."""

import json
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from icsframework.errors import StoreError
from icsframework.host.changes import AddAddress, ReplaceRoute, SetLink, SetSysctl
from icsframework.host.owned import Owned, Previous, claim, from_document, scope_of, settle, to_document
from icsframework.host.state import AddressOn, LinkSettings, MachineState, Route, RoutingRule, Scope, Sysctl

ADDRESS = AddressOn("lan0", ip_interface("192.168.0.1/24"))
OURS = Route(ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.1"))
THEIRS = Route(ip_network("0.0.0.0/0"), "wan0", ip_address("192.0.2.9"), protocol=4)

FULL = Owned(
    links=frozenset(
        {LinkSettings("lan0", up=False), LinkSettings("wan0", mtu=1500, mac="02:00:5e:00:53:01")}
    ),
    addresses=frozenset({ADDRESS, AddressOn("lan0", ip_interface("2001:db8::1/64"))}),
    routes=frozenset({OURS, Route(ip_network("::/0"), kind="unreachable", table=100)}),
    replaced=frozenset({THEIRS}),
    rules=frozenset({RoutingRule(1000, 254, suppress_prefixlength=0), RoutingRule(1001, 100, 1, 255, 6)}),
    sysctls=frozenset({Previous("net.ipv4.ip_forward", "0", frozenset({"net.ipv4.ip_forward"}))}),
)


def test_the_document_is_json_and_comes_back():
    """What is written to before.json is read as the same value."""
    assert from_document(json.loads(json.dumps(to_document(FULL)))) == FULL
    assert from_document(to_document(Owned())) == Owned()


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        to_document(FULL) | {"addresses": [{"interface": "a", "address": "nonsense"}]},
        to_document(FULL) | {"links": [{"color": "red"}]},
        to_document(FULL) | {"routes": 7},
    ],
)
def test_nonsense_is_refused(document):
    """A document that is something else is one clear error."""
    with pytest.raises(StoreError, match="makes no sense"):
        from_document(document)


def test_the_first_value_counts():
    """What is changed twice is remembered as it was before the first time."""
    first = MachineState(links=frozenset({LinkSettings("a", True, 1500, "02:00:5e:00:53:01")}))
    owned = claim(Owned(), first, [SetLink(LinkSettings("a", mtu=1400))])
    second = MachineState(links=frozenset({LinkSettings("a", True, 1400, "02:00:5e:00:53:01")}))
    owned = claim(owned, second, [SetLink(LinkSettings("a", mtu=1300, mac="02:00:5e:00:53:02"))])
    assert owned.links == {LinkSettings("a", mtu=1500, mac="02:00:5e:00:53:01")}


def test_a_broad_sysctl_claims_what_it_overwrites():
    """The interfaces' own values are remembered with their cause."""
    current = MachineState(
        sysctls=frozenset({Sysctl("net.ipv4.ip_forward", "0"), Sysctl("net.ipv4.conf.a.forwarding", "1")})
    )
    cause = frozenset({"net.ipv4.ip_forward"})
    assert claim(Owned(), current, [SetSysctl("net.ipv4.ip_forward", "1")]).sysctls == {
        Previous("net.ipv4.ip_forward", "0", cause),
        Previous("net.ipv4.conf.a.forwarding", "1", cause),
    }


def test_a_replaced_route_is_kept_and_returns():
    """Ours is ours, theirs is remembered; when theirs comes back it is not ours."""
    owned = claim(Owned(), MachineState(), [ReplaceRoute(OURS, THEIRS)])
    assert (owned.routes, owned.replaced) == ({OURS}, {THEIRS})
    owned = settle(claim(owned, MachineState(), [ReplaceRoute(THEIRS, OURS)]), MachineState())
    assert owned == Owned()


def test_settling_forgets_what_is_no_longer_wanted():
    """After an apply only what is still in force is ours."""
    owned = claim(Owned(), MachineState(), [AddAddress(ADDRESS)])
    assert settle(owned, MachineState(addresses=frozenset({ADDRESS}))) == owned
    assert settle(owned, MachineState()) == Owned()
    assert settle(FULL, MachineState(links=frozenset({LinkSettings("wan0", mtu=1400)}))).links == {
        LinkSettings("wan0", mtu=1500)
    }


def test_the_scope_covers_wanted_and_owned():
    """Everything that may have to change is looked at, and what it overwrites."""
    wanted = MachineState(
        addresses=frozenset({AddressOn("dmz0", ip_interface("10.0.0.1/8"))}),
        routes=frozenset({Route(ip_network("0.0.0.0/0"), "wan1", table=101)}),
    )
    assert scope_of(wanted, FULL) == Scope(
        frozenset({"lan0", "wan0", "dmz0"}),
        frozenset({254, 100, 101}),
        frozenset(
            {
                "net.ipv4.ip_forward",
                "net.ipv4.conf.*.forwarding",
                "net.ipv4.conf.default.forwarding",
                "net.ipv4.conf.all.accept_redirects",
            }
        ),
    )
