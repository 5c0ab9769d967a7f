"""Which traffic counts."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.addresses import PortRange
from icsframework.uplinks.traffic import (
    BUILT_IN,
    GROUPS,
    NEVER,
    Traffic,
    TrafficRule,
    fits,
    fits_name,
    is_noise,
    judge,
    keep_rules,
    wake_rules,
)

PC, SERVER = ip_address("192.168.0.10"), ip_address("192.0.2.80")


def packet(protocol="udp", port=9000, form=None, destination=SERVER, **fields):
    """What a LAN's host sends."""
    return Traffic(PC, protocol, destination, port, form=form, **fields)


def said(rules, traffic):
    """Action and label of the rule that decides."""
    rule = judge(rules, traffic)
    return None if rule is None else (rule.action, rule.label)


OPENING, MIDDLE, CLOSING = packet("tcp", 80, "opening"), packet("tcp", 80), packet("tcp", 80, "closing")
PING, ERROR = packet("icmp", None, "echo"), packet("icmp", None)


@pytest.mark.parametrize(
    ("traffic", "wakes", "keeps"),
    [
        (packet(), True, True),
        (OPENING, True, True),
        (MIDDLE, False, True),
        (CLOSING, False, False),
        (PING, True, True),
        (ERROR, False, False),
        (packet("gre", None), False, True),
        (packet("udp", 53), True, True),
        (Traffic(PC, "udp", None, 53, name="www.example.net"), True, True),
        (packet("udp", 123), False, False),
        (packet("udp", 137), False, False),
        (packet("tcp", 139, "opening"), False, False),
        (packet("tcp", 445, "opening"), False, False),
        (packet("udp", 1900), False, False),
        (packet("udp", 5353), False, False),
        (packet("udp", 5355), False, False),
        (packet(destination=ip_address("239.255.255.250")), False, False),
        (packet(destination=ip_address("255.255.255.255")), False, False),
        (packet(destination=ip_address("169.254.7.7")), False, False),
        (packet(destination=ip_address("127.0.0.1")), False, False),
        (packet(own=True), False, False),
    ],
)
def test_what_counts_by_itself(traffic, wakes, keeps):
    """What wakes a link is a beginning, what keeps it up no end; noise and the gateway's own traffic do neither."""
    for rules, expected in ((wake_rules(()), wakes), (keep_rules(()), keeps)):
        rule = judge(rules, traffic)
        assert (rule is not None and rule.action == "allow") is expected


def test_the_operators_rules_come_first():
    """In their order, before his groups, before what is built in; nothing that fits none counts."""
    own = (
        TrafficRule("allow", "wake[0]", protocol="udp", ports=(PortRange(123, 123),), client=ip_network(PC)),
        TrafficRule("ignore", "wake[1]", protocol="udp", ports=(PortRange(9000, 9999),)),
    )
    rules = wake_rules(own, ["icmp", "ntp"])
    assert said(rules, packet("udp", 123)) == ("allow", "wake[0]")
    assert said(rules, packet("udp", 9500)) == ("ignore", "wake[1]")
    assert said(rules, PING) == ("ignore", "demand.ignore: icmp")
    assert said(rules, Traffic(SERVER, "udp", SERVER, 123)) == ("ignore", "demand.ignore: ntp")
    assert said(rules, packet("tcp", 445, "opening")) == ("ignore", "never: netbios")
    assert said(rules, OPENING) == ("allow", BUILT_IN)
    assert said(rules, MIDDLE) is None


@given(st.lists(st.sampled_from(sorted(GROUPS)), max_size=4))
def test_groups_add_and_never_remove(groups):
    """Whatever is ignored besides, what never counts does not; and ``netbios`` has the ports of file sharing too."""
    for rules in (wake_rules((), groups), keep_rules((), groups)):
        for port in (137, 138, 139, 445, 5355):
            for protocol in ("tcp", "udp"):
                rule = judge(rules, packet(protocol, port, "opening" if protocol == "tcp" else None))
                assert rule is not None
                assert rule.action == "ignore"
        assert {f"never: {group}" for group in NEVER} <= {rule.label for rule in rules}


@pytest.mark.parametrize(
    ("rule", "traffic", "found"),
    [
        ({}, packet(), True),
        ({"gateway": True}, packet(), False),
        ({"gateway": True}, packet(own=True), True),
        ({"client": ip_network("192.168.0.0/24")}, packet(), True),
        ({"client": ip_network("192.168.7.0/24")}, packet(), False),
        ({"client": ip_network("2001:db8::/32")}, packet(), False),
        ({"client": ip_network("192.168.0.0/24")}, Traffic(None, "udp"), False),
        ({"destination": ip_network("192.0.2.0/24")}, packet(), True),
        ({"destination": ip_network("192.0.2.0/24")}, packet(destination=None), False),
        ({"ports": (PortRange(1, 2), PortRange(9000, 9001))}, packet(), True),
        ({"ports": (PortRange(1, 2),)}, packet(), False),
        ({"ports": (PortRange(0, 65535),)}, PING, False),
        ({"protocol": "tcp"}, packet(), False),
        ({"form": "opening"}, MIDDLE, False),
        ({"form": "opening"}, OPENING, True),
        ({"name": "*.example.net"}, packet(name="www.example.net"), True),
        ({"name": "*.example.net"}, packet(), False),
    ],
)
def test_all_parts_must_fit(rule, traffic, found):
    """What a rule leaves out fits everything; what is not known of traffic fits no rule that asks for it."""
    assert fits(TrafficRule("allow", "x", **rule), traffic) is found


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("www.example.net", "WWW.Example.net.", True),
        ("www.example.net", "a.www.example.net", False),
        ("*.example.net", "a.b.example.net", True),
        ("*.Example.net", "a.example.NET", True),
        ("*.example.net", "example.net", False),
        ("*.example.net", "badexample.net", False),
        ("*.example.net", "", False),
    ],
)
def test_names(pattern, name, found):
    """A star stands for anything below, and not for the name itself; case and the last dot do not matter."""
    assert fits_name(pattern, name) is found


def test_noise_is_what_no_rule_of_the_operators_is_about():
    """All that is built in to be ignored, and what demand.ignore adds; neither what counts nor a rule of ``wake``."""
    own = TrafficRule("ignore", "wake[0]"), TrafficRule("allow", "wake[1]")
    rules = wake_rules(own, ("dns",))
    ignored = [rule for rule in rules if rule.action == "ignore"]
    assert [rule for rule in rules if is_noise(rule)] == ignored[1:]
    assert {"demand.ignore: dns", "never: ntp"} <= {rule.label for rule in ignored}
    assert not is_noise(TrafficRule("allow", "never: as it were"))
