"""What an operator can set, and what he is told when it cannot work."""

from ipaddress import IPv4Interface, IPv6Interface

import pytest
from pydantic import ValidationError
from zope.interface.verify import verifyObject

from ics_plugins.lan.dhcp import factory
from ics_plugins.lan.dhcp.config import DhcpConfig
from icsframework.fields import CheckContext
from icsframework.interfaces import ILanServiceFactory

HOME = CheckContext("lan_service", "home", interface="eth1", address=IPv4Interface("192.168.0.1/24"))
PC = {"mac": "02:00:5e:00:53:01", "address": "192.168.0.10"}


def findings(context=HOME, **keys):
    """Paths of what check objects to."""
    return [finding.path for finding in DhcpConfig.model_validate(keys).check(context)]


def test_the_factory_keeps_its_contract():
    """The entry point provides ILanServiceFactory and is ready anywhere."""
    assert verifyObject(ILanServiceFactory, factory)
    assert factory.prepare(DhcpConfig(), None).is_ready


def test_the_example_of_the_design_is_right():
    """Range, lease and reservation as in the documentation."""
    config = DhcpConfig.model_validate(
        {
            "range": ["192.168.0.100", "192.168.0.199"],
            "lease": "12h",
            "reservations": [{**PC, "hostname": "printer"}],
        }
    )
    assert (config.lease, config.reservations[0].hostname) == (43200.0, "printer")
    assert list(config.check(HOME)) == []
    assert list(DhcpConfig().check(HOME)) == []


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"lease": "1m"}, ("lease",)),
        ({"lease": 400000000}, ("lease",)),
        ({"probe": "1m"}, ("probe",)),
        ({"range": ["192.168.1.100", "192.168.0.199"]}, ("range", 0)),
        ({"range": ["192.168.0.100", "192.168.0.255"]}, ("range", 1)),
        ({"range": ["192.168.0.0", "192.168.0.9"]}, ("range", 0)),
        ({"range": ["192.168.0.200", "192.168.0.100"]}, ("range",)),
        ({"range": ["192.168.0.1", "192.168.0.1"]}, ("range",)),
        ({"router": "10.0.0.1"}, ("router",)),
        ({"reservations": [{"address": "192.168.0.10"}]}, ("reservations", 0)),
        ({"reservations": [{**PC, "client_id": "01:02"}]}, ("reservations", 0)),
        ({"reservations": [PC, {**PC, "address": "192.168.0.11"}]}, ("reservations", 1, "mac")),
        ({"reservations": [PC, {**PC, "mac": "02:00:5e:00:53:02"}]}, ("reservations", 1, "address")),
        ({"reservations": [{**PC, "address": "10.0.0.1"}]}, ("reservations", 0, "address")),
        ({"reservations": [{**PC, "address": "192.168.0.1"}]}, ("reservations", 0, "address")),
        ({"options": {"lease-time": 5}}, ("options", "lease-time")),
        ({"options": {"nonsense": 5}}, ("options", "nonsense")),
        ({"options": {"option-255": "00"}}, ("options", "option-255")),
        ({"options": {"option-0": "00"}}, ("options", "option-0")),
        ({"options": {"interface-mtu": "big"}}, ("options", "interface-mtu")),
        ({"options": {"interface-mtu": True}}, ("options", "interface-mtu")),
        ({"options": {"interface-mtu": 70000}}, ("options", "interface-mtu")),
        ({"options": {"log-server": [5]}}, ("options", "log-server")),
        ({"options": {"root-path": "ä"}}, ("options", "root-path")),
        ({"options": {"root-path": "x" * 256}}, ("options", "root-path")),
        ({"options": {"option-43": ""}}, ("options", "option-43")),
        ({"options": {"classless-static-route": "10.0.0.0/8"}}, ("options", "classless-static-route")),
        ({"ntp": ["192.0.2.1"] * 64}, ("ntp",)),
    ],
)
def test_each_mistake_is_found_at_its_key(keys, path):
    """Every finding leads to the value, and says what is wrong and what to do."""
    found = list(DhcpConfig.model_validate(keys).check(HOME))
    assert [finding.path for finding in found] == [path]
    assert found[0].problem
    assert found[0].advice


def test_all_mistakes_are_reported_at_once():
    """Not only the first."""
    assert findings(lease="1m", probe="1m", router="10.0.0.1") == [("lease",), ("probe",), ("router",)]


def test_the_lan_must_fit():
    """No IPv4 and no room are findings; an address that is not known yet is not."""
    assert findings(CheckContext("lan_service", "home", address=IPv6Interface("fd00::1/64"))) == [()]
    assert findings(CheckContext("lan_service", "home", address=IPv4Interface("192.168.0.1/31"))) == [()]
    assert findings(CheckContext("lan_service", "home"), range=["10.0.0.1", "10.0.0.9"]) == []


def test_a_range_is_bounded():
    """More than 65536 addresses are refused."""
    wide = CheckContext("lan_service", "home", address=IPv4Interface("10.0.0.1/8"))
    assert findings(wide, range=["10.0.0.2", "10.1.0.2"]) == [("range",)]
    assert findings(wide, range=["10.0.0.2", "10.1.0.1"]) == []


@pytest.mark.parametrize("value", ["01", "1:2", "gg:00", 5, "01:02:"])
def test_client_identifiers_are_written_as_shown(value):
    """Octets in hexadecimal with colons, as `ics leases` prints them; anything else is told how."""
    with pytest.raises(ValidationError, match="ics leases"):
        DhcpConfig.model_validate({"reservations": [{"client_id": value, "address": "192.168.0.10"}]})


def test_every_shape_of_option_can_be_written():
    """Addresses, text, numbers, domains, routes and bytes become what clients read."""
    config = DhcpConfig.model_validate(
        {
            "options": {
                "log-server": "192.0.2.1",
                "nis-server": ["192.0.2.1", "192.0.2.2"],
                "root-path": "/boot",
                "default-ttl": 64,
                "time-offset": 3600,
                "domain-search": "example.org",
                "classless-static-route": ["10.0.0.0/8 via 192.168.0.2"],
                "option-224": "0a:ff",
                "broadcast-address": "192.168.0.255",
            }
        }
    )
    assert list(config.check(HOME)) == []
    assert config.packed_options() == {
        7: b"\xc0\0\x02\x01",
        41: b"\xc0\0\x02\x01\xc0\0\x02\x02",
        17: b"/boot",
        23: b"\x40",
        2: b"\0\0\x0e\x10",
        119: b"\x07example\x03org\0",
        121: b"\x08\x0a\xc0\xa8\0\x02",
        224: b"\x0a\xff",
        28: b"\xc0\xa8\0\xff",
    }
