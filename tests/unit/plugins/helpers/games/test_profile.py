"""What a profile may say."""

import pytest

from ics_plugins.helpers.games.profile import Ports, Profile, ShippedProfile
from icsframework.values import PortSpan

LEAST = {"name": "chess", "outbound": {"tcp": 5000}, "inbound": {"udp": "5001-5003"}}
SOURCE = {"title": "Chess", "source": "The chess handbook", "date": "1997-05"}


def test_the_least_that_works():
    """A name and the ports; they stay open for ten minutes."""
    profile = Profile.model_validate(LEAST)
    assert profile.outbound.spans() == (PortSpan("tcp", 5000, 5000),)
    assert profile.inbound.spans() == (PortSpan("udp", 5001, 5003),)
    assert profile.lifetime == 600.0
    assert Profile.model_validate(profile.model_dump(mode="json")) == profile


@pytest.mark.parametrize(
    ("written", "spans"),
    [
        ({}, []),
        ({"tcp": 80}, [("tcp", 80, 80)]),
        ({"tcp": ["80", "90-91"]}, [("tcp", 80, 80), ("tcp", 90, 91)]),
        ({"udp": 7, "tcp": 7}, [("tcp", 7, 7), ("udp", 7, 7)]),
        ({"tcp": [90, 80]}, [("tcp", 80, 80), ("tcp", 90, 90)]),
        ({"tcp": [80, 80]}, [("tcp", 80, 80)]),
        ({"tcp": ["80-85", "82-83"]}, [("tcp", 80, 85)]),
        ({"tcp": ["80-85", "83-90", 91]}, [("tcp", 80, 91)]),
        ({"tcp": [65535, "1-65534"]}, [("tcp", 1, 65535)]),
    ],
)
def test_spans_are_in_order_and_apart(written, spans):
    """However it is written: sorted, and what overlaps or touches is one, since the kernel takes no overlaps."""
    assert Ports.model_validate(written).spans() == tuple(PortSpan(*span) for span in spans)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"name": "My game"}, "up to 32 lower-case letters"),
        ({"name": ".hidden"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"name": 5}, "name"),
        ({"outbound": {"tcp": "6119-6112"}}, "outbound.tcp.0"),
        ({"outbound": {"tcp": [0]}}, "outbound.tcp.0"),
        ({"outbound": {"tcp": ["1-65536"]}}, "outbound.tcp.0"),
        ({"inbound": {"sctp": [5]}}, "inbound.sctp"),
        ({"inbound": {"tcp": list(range(1, 18))}}, "inbound.tcp"),
        ({"inbound": 5}, "inbound"),
        ({"lifetime": "a while"}, "lifetime"),
        ({"title": "a" * 301}, "title"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_refusals(keys, says):
    """What cannot be is refused by its key."""
    with pytest.raises(ValueError, match=says):
        Profile.model_validate({**LEAST, **keys})


@pytest.mark.parametrize("key", ["name", "outbound", "inbound"])
def test_what_is_needed(key):
    """A profile without a name or without ports means nothing."""
    with pytest.raises(ValueError, match=key):
        Profile.model_validate({k: v for k, v in LEAST.items() if k != key})


@pytest.mark.parametrize(
    "change",
    [
        {"title": None}, {"source": None}, {"date": None}, {"title": ""}, {"source": ""},
        {"date": "May 1997"}, {"date": "1997"}, {"date": "1997-13"}, {"date": "1997-05-32"}, {"date": 1997},
    ],
)  # fmt: skip
def test_a_shipped_profile_says_where_it_comes_from(change):
    """Title, source and date are needed in our data files."""
    keys = {k: v for k, v in {**LEAST, **SOURCE, **change}.items() if v is not None}
    with pytest.raises(ValueError, match=next(iter(change))):
        ShippedProfile.model_validate(keys)
    assert ShippedProfile.model_validate({**LEAST, **SOURCE, "date": "1997-05-11"}).date == "1997-05-11"
