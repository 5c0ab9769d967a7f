"""The section lans:."""

from ipaddress import IPv4Interface

import pytest

from icsframework.config.lans import DEFAULT_ADDRESS, LanSection, parse_lan_address, show_lan_address
from icsframework.fields import FieldError


def test_defaults():
    """The address of old, viewers, no other LANs."""
    lan = LanSection(name="home", interface="eth1")
    assert (lan.address, lan.users, lan.reach, lan.services) == (
        IPv4Interface("192.168.0.1/24"),
        "view",
        (),
        (),
    )


def test_an_address_or_auto():
    """auto is None, and is written back as auto."""
    assert [parse_lan_address(v) for v in ("auto", None, "10.0.0.1/8")] == [
        None,
        None,
        IPv4Interface("10.0.0.1/8"),
    ]
    assert [show_lan_address(a) for a in (None, DEFAULT_ADDRESS)] == ["auto", "192.168.0.1/24"]
    for value in ("192.168.0.1", "fd00::1/64", 5, "automatic"):
        with pytest.raises(FieldError):
            parse_lan_address(value)


def test_a_lan_knows_its_devices():
    """The interface, or the bridge and its ports; with match, none by name."""
    assert LanSection(interface="eth1").devices == ("eth1",)
    bridged = LanSection(bridge={"name": "br-home", "ports": ["eth1", "wlan0"]})
    assert (bridged.device, bridged.devices) == ("br-home", ("br-home", "eth1", "wlan0"))
    assert LanSection(match={"mac": "02:00:5e:00:53:01"}).devices == ()
