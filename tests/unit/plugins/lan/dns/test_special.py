"""Domains and addresses that the Internet cannot know about."""

from ipaddress import ip_address

import pytest

from ics_plugins.lan.dns.special import PRIVATE_REVERSE, below_any, is_private, zones
from icsframework.protocols.dns.name import reverse_name


@pytest.mark.parametrize(
    "text",
    [
        "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "127.0.0.1", "169.254.1.1", "0.0.0.0",
        "::", "::1", "fd00::1", "fe80::1", "::ffff:192.168.0.1",
    ],
)  # fmt: skip
def test_private(text):
    """Addresses that mean something else in every network; a mapped one counts as what it maps."""
    assert is_private(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["192.0.2.1", "172.15.0.1", "172.32.0.1", "100.64.0.1", "192.0.0.170", "11.0.0.1", "2001:db8::1", "::2", "::ffff:192.0.2.1", "64:ff9b::a00:1"],
)  # fmt: skip
def test_public(text):
    """Addresses that a public name may have: a provider's shared space, NAT64 and its discovery too."""
    assert not is_private(ip_address(text))


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("10.0.0.1", True), ("172.20.0.1", True), ("172.15.0.1", False), ("192.168.77.1", True), ("100.64.0.1", True),
        ("100.128.0.1", False), ("127.0.0.53", True), ("203.0.113.7", True), ("8.8.8.8", False), ("fd12::1", True),
        ("fe80::1", True), ("fec0::1", False), ("2001:db8::1", True), ("2001:4860::1", False), ("::1", True),
    ],
)  # fmt: skip
def test_reverse_zones(text, local):
    """RFC 6303 section 4 and RFC 7793: whose reverse names stay here."""
    assert below_any(reverse_name(ip_address(text)), PRIVATE_REVERSE) == local


def test_zones_are_folded():
    """Names from a configuration compare with folded names."""
    assert zones("Example.NET") == {b"\7example\3net\0"}
