"""The announced link."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.uplinks.ethernet.config import EthernetConfig
from ics_plugins.uplinks.ethernet.lease import Lease
from ics_plugins.uplinks.ethernet.link import make_link
from icsframework.values import Family, InterfaceInfo, Link, UplinkSettings

SERVER, DNS, OWN_DNS = map(IPv4Address, ("203.0.113.1", "192.0.2.53", "192.0.2.54"))
ADDRESS = IPv4Interface("203.0.113.100/24")
LEASE = Lease(ADDRESS, SERVER, SERVER, (DNS,), None, 0.0, 3600.0, 1800.0, 3150.0)
INFO = InterfaceInfo("eth0", 2, "02:00:5e:00:53:01", 1400, up=True, carrier=True)
DHCP = UplinkSettings("cable", "eth0", EthernetConfig())
STATIC = UplinkSettings(
    "cable",
    "eth0",
    EthernetConfig.model_validate(
        {"address": {"address": "203.0.113.5/24", "gateway": "203.0.113.1", "dns": ["192.0.2.53"]}}
    ),
)


def test_a_link_by_dhcp():
    """Address, router and DNS servers of the lease; the device's own MTU."""
    assert make_link(DHCP, INFO, 1500, LEASE, 7.0) == Link(
        "eth0", 2, None, "ethernet", "kernel", 1500, False, 7.0, Family((ADDRESS,), SERVER, (DNS,))
    )


def test_a_static_link():
    """What the configuration says."""
    expected = Family((IPv4Interface("203.0.113.5/24"),), SERVER, (DNS,))
    assert make_link(STATIC, INFO, 1500, None, 7.0).v4 == expected


@pytest.mark.parametrize(("settings", "lease"), [(DHCP, LEASE), (STATIC, None)])
def test_configured_dns_servers_replace_all_others(settings, lease):
    """``dns:`` of the uplink."""
    link = make_link(replace(settings, dns=(OWN_DNS,), metered=True), INFO, 1500, lease, 7.0)
    assert (link.v4.dns, link.metered) == ((OWN_DNS,), True)


@pytest.mark.parametrize(
    ("configured", "leased", "mtu"),
    [(None, None, 1500), (None, 1400, 1400), (None, 9000, 1500), (1300, 1400, 1300), (1300, None, 1300)],
)
def test_mtu(configured, leased, mtu):
    """Configured, else what the server says as far as the device can do it, else the device's own."""
    link = make_link(replace(DHCP, mtu=configured), INFO, 1500, replace(LEASE, mtu=leased), 0.0)
    assert link.mtu == mtu
