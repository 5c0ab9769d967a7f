"""From profiles to triggers, and clashes between them."""

import pytest

from ics_plugins.helpers.games.profile import Profile
from ics_plugins.helpers.games.triggers import clashes, shown, triggers
from icsframework.values import PortSpan, PortTrigger


def profile(name, inbound, lifetime="10m"):
    """A profile that opens these ports."""
    return Profile.model_validate(
        {"name": name, "outbound": {"tcp": [5000, 4000]}, "inbound": inbound, "lifetime": lifetime}
    )


def test_a_trigger_has_the_profile_s_ports_and_time():
    """One trigger a profile, with its name, in the order of the profiles."""
    assert triggers([profile("b", {"udp": "1-2", "tcp": 3}, "90s"), profile("a", {"tcp": 4})]) == (
        PortTrigger(
            "b",
            (PortSpan("tcp", 4000, 4000), PortSpan("tcp", 5000, 5000)),
            (PortSpan("tcp", 3, 3), PortSpan("udp", 1, 2)),
            90.0,
        ),
        PortTrigger(
            "a",
            (PortSpan("tcp", 4000, 4000), PortSpan("tcp", 5000, 5000)),
            (PortSpan("tcp", 4, 4),),
            600.0,
        ),
    )


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"tcp": "10-20"}, {"tcp": "21-30"}, None),
        ({"tcp": "10-20"}, {"udp": "10-20"}, None),
        ({"tcp": "10-20"}, {"tcp": "20-30"}, PortSpan("tcp", 20, 20)),
        ({"tcp": "10-20"}, {"tcp": "5-10"}, PortSpan("tcp", 10, 10)),
        ({"tcp": "10-20"}, {"tcp": 15}, PortSpan("tcp", 15, 15)),
        ({"udp": 15}, {"udp": "10-20"}, PortSpan("udp", 15, 15)),
        ({"tcp": 1, "udp": "10-20"}, {"tcp": 2, "udp": [5, "18-19", 20]}, PortSpan("udp", 18, 20)),
    ],
)
def test_two_profiles_that_want_the_same_port(one, other, shared):
    """The protocol and every port of both count; what they do not share is no clash."""
    expected = [] if shared is None else [(0, 1, shared)]
    assert list(clashes([profile("one", one), profile("other", other)])) == expected


def test_each_pair_is_named_once():
    """Three that clash are three pairs; ports out may be the same, they open each its own."""
    three = [profile(name, {"tcp": 7}) for name in "abc"]
    assert [(a, b) for a, b, _ in clashes(three)] == [(0, 1), (0, 2), (1, 2)]
    assert list(clashes([profile("a", {"tcp": 1}), profile("b", {"tcp": 2})])) == []


def test_for_people():
    """As status and errors show it."""
    assert shown(PortSpan("tcp", 113, 113)) == "TCP 113"
    assert shown(PortSpan("udp", 6112, 6119)) == "UDP 6112-6119"
