"""The own keys of an Ethernet uplink."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from pydantic import ValidationError

from ics_plugins.uplinks.ethernet.config import EthernetConfig
from icsframework.fields import CheckContext

ETH0 = CheckContext("uplink", "cable", interface="eth0")


def config(**keys):
    """A configuration of these keys."""
    return EthernetConfig.model_validate(keys)


def static(**keys):
    """One with a static address."""
    return config(address={"address": "203.0.113.5/24", "gateway": "203.0.113.1", **keys})


def findings(config, context=ETH0):
    """What the check finds: path and message."""
    return [(".".join(map(str, finding.path)), finding.problem) for finding in config.check(context)]


@pytest.mark.parametrize("keys", [{}, {"address": "dhcp"}, {"address": None}])
def test_dhcp_is_the_default(keys):
    """Left out, empty or written: no static address, no network known beforehand."""
    made = config(**keys)
    assert (made.address, made.hostname, tuple(made.networks()), findings(made)) == (None, None, (), [])


def test_a_static_address():
    """Address, gateway, DNS servers; its network is known for the check against LANs."""
    made = static(dns=["203.0.113.1", "192.0.2.53"])
    assert made.address.address == IPv4Interface("203.0.113.5/24")
    assert made.address.gateway == IPv4Address("203.0.113.1")
    assert [str(server) for server in made.address.dns] == ["203.0.113.1", "192.0.2.53"]
    assert tuple(made.networks()) == (IPv4Network("203.0.113.0/24"),)
    assert findings(made) == []


@pytest.mark.parametrize("value", ["static", 5, ["203.0.113.5/24"], "203.0.113.5/24"])
def test_an_address_that_is_neither(value):
    """One sentence with both ways to write it."""
    with pytest.raises(ValidationError, match=r"is neither dhcp nor an address with its gateway"):
        config(address=value)


def test_a_gateway_elsewhere_is_allowed():
    """A /32 with a gateway elsewhere is what some providers give."""
    assert findings(static(address="203.0.113.5/32", gateway="198.51.100.1")) == []
    assert findings(static(address="203.0.113.4/31", gateway="203.0.113.5")) == []


def test_a_gateway_outside_a_subnet_is_doubted():
    """Allowed, but it may be a slip: a warning."""
    found = list(static(gateway="203.0.114.1").check(ETH0))
    assert [(finding.path, finding.problem, finding.warning) for finding in found] == [
        (("address", "gateway"), "203.0.114.1 is not in 203.0.113.0/24", True)
    ]


@pytest.mark.parametrize(
    ("keys", "where", "what"),
    [
        ({"gateway": "203.0.113.5"}, "address.gateway", "203.0.113.5 is our own address"),
        ({"gateway": "2001:db8::1"}, "address.gateway", "2001:db8::1 is no IPv4 address"),
        (
            {"address": "203.0.113.0/24"},
            "address.address",
            "203.0.113.0 is the first or last address of 203.0.113.0/24, which no host can have",
        ),
        (
            {"address": "203.0.113.255/24"},
            "address.address",
            "203.0.113.255 is the first or last address of 203.0.113.0/24, which no host can have",
        ),
    ],
)
def test_what_cannot_be(keys, where, what):
    """Named with its key."""
    assert findings(static(**keys)) == [(where, what)]


def test_an_interface_is_needed():
    """By name, or by hardware address."""
    assert findings(config(), CheckContext("uplink", "cable")) == [("", "no interface is named")]
    assert findings(config(), CheckContext("uplink", "cable", mac="02:00:5e:00:53:01")) == []


@pytest.mark.parametrize("name", ["-gate", "gate way", "x" * 64, "gäte"])
def test_a_host_name_is_one(name):
    """What goes into option 12 is a host name in ASCII."""
    with pytest.raises(ValidationError):
        config(hostname=name)
