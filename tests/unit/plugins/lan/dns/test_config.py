"""The keys of ``plugin: dns``."""

from ipaddress import ip_address, ip_interface

import pytest

from ics_plugins.lan.dns.config import DnsConfig
from icsframework.fields import CheckContext
from icsframework.values import Endpoint


def test_defaults():
    """Nothing has to be set: the domain of RFC 8375, the uplink's servers, protection on."""
    config = DnsConfig()
    assert (config.domain, config.gateway_name, config.upstream, config.hosts) == (
        "home.arpa",
        "gateway",
        (),
        {},
    )
    assert config.rebind_protection


def test_addresses_as_people_write_them():
    """A server may lack its port, a host may have one address without brackets."""
    config = DnsConfig.model_validate(
        {
            "upstream": ["9.9.9.9", "2620:fe::fe", "127.0.0.1:5353", "[::1]:5353"],
            "hosts": {"nas": "192.168.0.20", "two.example.org": ["192.168.0.21", "fd00::21"]},
        }
    )
    assert config.upstream == tuple(
        Endpoint(ip_address(host), port)
        for host, port in [("9.9.9.9", 53), ("2620:fe::fe", 53), ("127.0.0.1", 5353), ("::1", 5353)]
    )
    assert config.hosts["nas"] == (ip_address("192.168.0.20"),)
    assert DnsConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"upstream": ["dns.example.net"]}, "upstream.0"),
        ({"upstream": ["9.9.9.9"] * 9}, "upstream"),
        ({"hosts": {"a b": "192.168.0.1"}}, "hosts"),
        ({"hosts": {"nas": []}}, "hosts.nas"),
        ({"hosts": {"nas": "nas"}}, "hosts.nas"),
        ({"cache_size": -1}, "cache_size"),
        ({"cache_size": "many"}, "cache_size"),
        ({"domain": "-x"}, "domain"),
        ({"serve_stale": "soon"}, "serve_stale"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_refusals(keys, says):
    """What cannot work is refused by its key."""
    with pytest.raises(ValueError, match=says):
        DnsConfig.model_validate(keys)


def findings(keys):
    """Paths of what check objects to on the LAN 192.168.0.1/24."""
    context = CheckContext("lan_service", "home", address=ip_interface("192.168.0.1/24"))
    return [finding.path for finding in DnsConfig.model_validate(keys).check(context)]


def test_check():
    """The gateway is not its own upstream, and the domain leaves room for a host's name."""
    assert findings({"upstream": ["9.9.9.9", "192.168.0.1"]}) == [("upstream", 1)]
    assert findings({"upstream": ["192.168.0.1:5353"]}) == []
    assert findings({"domain": ".".join(["a" * 60] * 4)}) == [("domain",)]
    assert findings({}) == []
