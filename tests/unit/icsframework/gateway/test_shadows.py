"""Default routes of others: named when they are in the way, and only then."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.gateway.shadows import shadows
from icsframework.host.defaultroutes import DefaultRoute
from icsframework.values import Family, Link

LAN = LanSide("home", "eth1", IPv4Interface("192.168.0.1/24"))
FAMILY = Family((IPv4Interface("203.0.113.5/24"),), IPv4Address("203.0.113.1"))
LINK = Link("icsu-modem", 9, None, "ppp", "inline", 1500, True, 0.0, FAMILY)
DOWN = DataPlane((LAN,), (UplinkSide("modem", 1, "icsu-modem"),), hold=HoldSide())
UP = replace(DOWN, uplinks=(UplinkSide("modem", 1, "icsu-modem", LINK),))
FOREIGN = DefaultRoute("eth9", 100)


def test_it_takes_what_should_dial():
    """While no link is up any other default route comes before the hold device: nothing would ever dial."""
    (sentence,) = shadows([FOREIGN, DefaultRoute("icsh0", 0x7FFFFFFF)], DOWN).values()
    assert sentence.startswith(
        "the default route of another program by eth9 (metric 100) takes the packets that"
    )
    assert "ip route del default dev eth9" in sentence


def test_beside_a_link_only_a_better_one_is_in_the_way():
    """Ours have small metrics; a management interface by DHCP is no harm then."""
    assert shadows([FOREIGN, DefaultRoute("icsu-modem", 10)], UP) == {}
    (sentence,) = shadows([DefaultRoute("eth9", 0)], UP).values()
    assert "comes before that of uplink modem" in sentence


def test_without_demand_there_is_nothing_to_shadow():
    """An uplink that is always up, and down now, is no reason to complain of the host's own way."""
    assert shadows([FOREIGN], replace(DOWN, hold=None)) == {}
