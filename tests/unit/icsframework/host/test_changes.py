"""Changes as lines for people."""

from ipaddress import ip_interface, ip_network

import pytest

from icsframework.host.changes import (
    AddAddress,
    AddRoute,
    AddRule,
    RemoveAddress,
    RemoveRoute,
    RemoveRule,
    ReplaceRoute,
    SetLink,
    SetSysctl,
    SetTable,
)
from icsframework.host.state import AddressOn, LinkSettings, Route, RoutingRule

ADDRESS = AddressOn("lan0", ip_interface("192.168.0.1/24"))
ROUTE, OTHER = Route(ip_network("0.0.0.0/0"), "wan0"), Route(ip_network("0.0.0.0/0"), "wan1")
RULE = RoutingRule(5, 100)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            SetLink(LinkSettings("a", True, 1400, "02:00:5e:00:53:01")),
            "set interface a up, mtu 1400, address 02:00:5e:00:53:01",
        ),
        (SetLink(LinkSettings("a", up=False)), "set interface a down"),
        (AddAddress(ADDRESS), "add address 192.168.0.1/24 on lan0"),
        (RemoveAddress(ADDRESS), "remove address 192.168.0.1/24 on lan0"),
        (AddRoute(ROUTE), "add route default dev wan0"),
        (ReplaceRoute(ROUTE, OTHER), "replace route default dev wan1 by default dev wan0"),
        (RemoveRoute(ROUTE), "remove route default dev wan0"),
        (AddRule(RULE), "add rule 5: lookup 100"),
        (RemoveRule(RULE), "remove rule 5: lookup 100"),
        (SetSysctl("net.ipv4.ip_forward", "1"), "set net.ipv4.ip_forward = 1"),
        (SetTable("x"), "load the packet filter"),
        (SetTable(None), "remove the packet filter"),
    ],
    ids=str,
)
def test_words(change, text):
    """Every change says in one line what it does, for `ics reload --dry-run`."""
    assert str(change) == text
