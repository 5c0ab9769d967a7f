"""The section uplinks:."""

from decimal import Decimal
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from icsframework.addresses import PortRange
from icsframework.config.uplinks import GATEWAY, Demand, Limits, Probe, Rule, Shaping, UplinkSection
from icsframework.fields import Period, Rate
from icsframework.quantities import TimeWindow


def test_defaults():
    """An uplink that only names its plugin is always up, unmetered and unlimited."""
    link = UplinkSection(plugin="ethernet")
    assert (link.connect, link.metered, link.weight, link.mtu, link.enabled) == (
        "always",
        False,
        1,
        None,
        True,
    )
    assert link.demand == Demand(idle="5m", hold="60s", min_up="0s", ignore=[], hours=[])
    assert link.limits == Limits(charge_unit="60s", billing_day=1, price=0)


def test_limits_are_one_amount_or_several():
    """Two hours a day, and twenty a month."""
    limits = Limits(
        time=["2h/day", "20h/month"], data="500MB/month", dials="20/hour", money="10/month", price=0.02
    )
    assert limits.time == (Rate(7200.0, Period.DAY), Rate(72000.0, Period.MONTH))
    assert (limits.data, limits.dials) == ((Rate(500_000_000, Period.MONTH),), (Rate(20, Period.HOUR),))
    assert (limits.money, limits.price) == ((Rate(Decimal(10), Period.MONTH),), Decimal("0.02"))


def test_demand_in_the_words_of_the_file():
    """Groups and hours may stand alone or in a list."""
    assert Demand(ignore="ntp", hours="06:00-23:00") == Demand(ignore=["ntp"], hours=["06:00-23:00"])
    assert Demand(hours="06:00-23:00").hours == (TimeWindow(360, 1380),)


def test_rules_probe_and_shaping():
    """The other sections of an uplink."""
    rule = Rule(action="ignore", protocol="tcp", port="6112-6119", name="*.telemetry.example")
    assert (rule.port, rule.client) == (PortRange(6112, 6119), None)
    assert Probe(targets="203.0.113.1", interval="10s") == Probe(targets=["203.0.113.1"])
    assert Shaping(down="50Mbit/s", up="10Mbit/s").up == 10_000_000


def test_a_client_is_of_a_lan_or_the_gateway_itself():
    """A network, one address, or the word; what is neither is told both."""
    assert Rule(client="gateway").client == GATEWAY
    assert Rule(client="192.168.0.0/24").client == ip_network("192.168.0.0/24")
    assert Rule(client="192.168.0.7").model_dump(mode="json")["client"] == "192.168.0.7/32"
    with pytest.raises(
        ValidationError, match="'gatway' is not a client; write an address or network of a LAN, or gateway"
    ):
        Rule(client="gatway")
    with pytest.raises(ValidationError, match="has bits beyond its prefix length; write 192"):
        Rule(client="192.168.0.1/24")
    with pytest.raises(ValidationError, match="'fd00::zz' is not a network"):
        Rule(client="fd00::zz")
