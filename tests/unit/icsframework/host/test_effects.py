"""Which sysctls change with which."""

import pytest

from icsframework.host.effects import breadth, effects, is_forwarding, matches


def test_ip_forward_reaches_every_interface():
    """Forwarding of each interface and of default, and redirects."""
    found = effects("net.ipv4.ip_forward")
    for path in (
        "net.ipv4.conf.eth0.forwarding",
        "net.ipv4.conf.eth0/5.forwarding",
        "net.ipv4.conf.default.forwarding",
        "net.ipv4.conf.all.accept_redirects",
    ):
        assert any(matches(pattern, path) for pattern in found)
    assert not any(matches(pattern, "net.ipv4.conf.eth0.rp_filter") for pattern in found)
    assert not any(matches(pattern, "net.ipv4.conf.all.forwarding") for pattern in found)


@pytest.mark.parametrize(
    "path",
    ["net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.forwarding", "net.netfilter.nf_conntrack_max"],
)
def test_most_reach_nothing(path):
    """An ordinary setting changes nothing but itself."""
    assert effects(path) == frozenset()


def test_what_is_written_to_is_narrower():
    """So that writing in order of breadth never overwrites what was written before."""
    broad = (
        "net.ipv4.ip_forward",
        "net.ipv4.conf.all.forwarding",
        "net.ipv4.conf.default.rp_filter",
        "net.ipv6.conf.all.forwarding",
        "net.ipv6.conf.all.disable_ipv6",
    )
    for path in broad:
        assert effects(path)
        assert all(breadth(one) > breadth(path) for one in effects(path))


def test_a_star_is_one_interface():
    """Neither all nor default, nor two levels."""
    pattern = "net.ipv4.conf.*.forwarding"
    assert matches(pattern, "net.ipv4.conf.lan0.forwarding")
    assert not matches(pattern, "net.ipv4.conf.all.forwarding")
    assert not matches(pattern, "net.ipv4.conf.default.forwarding")
    assert not matches(pattern, "net.ipv4.conf.a.b.forwarding")


def test_forwarding_is_known():
    """The settings that let packets through."""
    assert is_forwarding("net.ipv4.ip_forward")
    assert is_forwarding("net.ipv6.conf.all.forwarding")
    assert not is_forwarding("net.ipv4.conf.all.rp_filter")
