"""Names and addresses as people write them."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network

import pytest

from icsframework import addresses
from icsframework.addresses import PortRange
from icsframework.quantities import FieldError
from icsframework.values import Endpoint

ACCEPTED = {
    "parse_name": {"home": "home", "cable-2": "cable-2", " a ": "a"},
    "parse_interface_name": {"eth0": "eth0", "br-lan.10": "br-lan.10", "wlp0s20f3": "wlp0s20f3"},
    "parse_mac": {
        "02:00:5E:00:53:01": "02:00:5e:00:53:01",
        "02-00-5e-00-53-01": "02:00:5e:00:53:01",
        "0200.5e00.5301": "02:00:5e:00:53:01",
    },
    "parse_hostname": {"Printer": "printer", "a-1": "a-1", "3com": "3com"},
    "parse_domain": {"home.arpa": "home.arpa", "Example.ORG.": "example.org", "_x._tcp.a": "_x._tcp.a"},
    "parse_domain_pattern": {"*.telemetry.example": "*.telemetry.example", "a.example": "a.example"},
    "parse_address": {"192.168.0.10": IPv4Address("192.168.0.10"), "fd00::10": IPv6Address("fd00::10")},
    "parse_ipv4_address": {"192.168.0.10": IPv4Address("192.168.0.10")},
    "parse_ipv6_address": {"fd00::10": IPv6Address("fd00::10")},
    "parse_interface_address": {"192.168.0.1/24": IPv4Interface("192.168.0.1/24")},
    "parse_ipv4_interface": {"10.0.0.1/255.0.0.0": IPv4Interface("10.0.0.1/8")},
    "parse_network": {
        "10.0.0.0/8": IPv4Network("10.0.0.0/8"),
        "192.0.2.7": IPv4Network("192.0.2.7/32"),
        "fd00::/8": IPv6Network("fd00::/8"),
    },
    "parse_port": {80: 80, "80": 80, 65535: 65535},
    "parse_port_range": {80: PortRange(80, 80), "6112-6119": PortRange(6112, 6119)},
    "parse_endpoint": {
        "192.168.0.10:8080": Endpoint(IPv4Address("192.168.0.10"), 8080),
        "[fd00::1]:80": Endpoint(IPv6Address("fd00::1"), 80),
    },
}
GARBAGE = [
    None,
    True,
    5.5,
    [],
    {},
    "",
    " ",
    "a b",
    "\0",
    "ä",
    "x" * 1000,
    "é.example",
    -1,
    10**30,
    "/",
    ":",
    "%",
    "::%1",
]
REFUSED = {
    "parse_name": ["Home", "1st", "a" * 11, "a_b", "-a"],
    "parse_interface_name": ["a" * 16, "a/b", "a:b", ".", "..", "a b", 5],
    "parse_mac": ["02:00:5e:00:53", "02:00:5e:00:53:0g", "02:00-5e:00:53:01", "01:00:5e:00:53:01", "00:00:00:00:00:00", 123],
    "parse_hostname": ["a.b", "-a", "a-", "a" * 64, "a_b"],
    "parse_domain": ["a..b", ".a", "-a.b", ("a" * 60 + ".") * 5, "*.a"],
    "parse_domain_pattern": ["*", "*.", "*.*.a", "a.*"],
    "parse_address": ["192.168.0.256", "192.168.0.010", "1.2.3", "fe80::1%eth0", 3232235521, "192.168.0.1/24"],
    "parse_ipv4_address": ["fd00::10"],
    "parse_ipv6_address": ["192.168.0.10"],
    "parse_interface_address": ["192.168.0.1", "192.168.0.1/33", "192.168.0.1/", "fe80::1%eth0/64", "fd00::1"],
    "parse_ipv4_interface": ["fd00::1/64"],
    "parse_ipv6_interface": ["192.168.0.1/24"],
    "parse_network": ["10.0.0.1/8", "10/8", "fe80::%eth0/64", 10],
    "parse_port": [0, 65536, "http", 80.0, "8e1"],
    "parse_port_range": [0, "80-70", "1-65536", "80-", "-80", "1-2-3", "80:90"],
    "parse_endpoint": ["192.168.0.10", "192.168.0.10:", "192.168.0.10:0", "fd00::1:80", "[192.168.0.1:80", "host:80", "[fd00::1]"],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_usual_spellings_are_accepted_in_canonical_form(name):
    """Each parser makes one canonical value of the usual spellings, and takes that value again."""
    parse = getattr(addresses, name)
    assert {text: parse(text) for text in ACCEPTED[name]} == ACCEPTED[name]
    assert [parse(value) for value in ACCEPTED[name].values()] == list(ACCEPTED[name].values())


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_anything_else_is_refused_with_an_example(name):
    """A refusal quotes the value and says what to write; no other exception ever leaves a parser."""
    parse = getattr(addresses, name)
    accepted = []
    for value in GARBAGE + REFUSED[name]:
        try:
            accepted.append((value, parse(value)))
        except FieldError as error:
            assert error.problem, value
            assert any(word in error.advice for word in ("such as", "for example", "write", "as ip link")), (
                value
            )
            assert "\n" not in str(error), value
    assert accepted == []


def test_an_address_without_prefix_is_told_apart_from_nonsense():
    """The commonest slip gets an answer of its own."""
    with pytest.raises(
        FieldError, match=r"'192\.168\.0\.1' lacks the prefix length; write for example 192\.168\.0\.1/24"
    ):
        addresses.parse_interface_address("192.168.0.1")


def test_a_port_range_knows_its_ports():
    """Both ends belong to it, and one port is written as such."""
    span = PortRange(6112, 6119)
    assert [port in span for port in (6111, 6112, 6119, 6120)] == [False, True, True, False]
    assert (str(span), str(PortRange(80, 80))) == ("6112-6119", "80")
