"""What is read from the parameters of the API."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsframework.errors import UsageError
from icsframework.mappings.addition import Addition, Removal
from icsframework.mappings.held import ADDED, Wish
from icsframework.values import Endpoint

PC = ip_address("192.168.0.10")
LEAST = {"protocol": "tcp", "to": "192.168.0.10:80"}


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        ({}, Addition("tcp", Endpoint(PC, 80))),
        ({"port": 8080}, Addition("tcp", Endpoint(PC, 80), 8080)),
        ({"port": "8080"}, Addition("tcp", Endpoint(PC, 80), 8080)),
        ({"port": "6112-6119"}, Addition("tcp", Endpoint(PC, 80), 6112, 8)),
        ({"port": 8080, "to": "192.168.0.10"}, Addition("tcp", Endpoint(PC, 8080), 8080)),
        ({"protocol": "udp", "uplink": "cable"}, Addition("udp", Endpoint(PC, 80), uplink="cable")),
        ({"remote": "192.0.2.80"}, Addition("tcp", Endpoint(PC, 80), remote=ip_address("192.0.2.80"))),
        ({"lifetime": 90}, Addition("tcp", Endpoint(PC, 80), lifetime=90.0)),
        ({"lifetime": "2h"}, Addition("tcp", Endpoint(PC, 80), lifetime=7200.0)),
        ({"port": None, "uplink": None, "remote": None, "lifetime": None}, Addition("tcp", Endpoint(PC, 80))),
    ],
    ids=str,
)
def test_an_addition_as_it_is_written(more: dict[str, Any], meant: Addition) -> None:
    """What is left out means what a user expects."""
    assert Addition.read(LEAST | more) == meant


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"protocol": "sctp"}, "protocol must be tcp or udp, not 'sctp'"),
        ({"protocol": None}, "protocol must be tcp or udp"),
        ({"port": 0}, "not a port"),
        ({"port": 65536}, "not a port"),
        ({"port": True}, "not a port"),
        ({"port": "80-"}, "not a port"),
        ({"port": "90-80"}, "runs backwards"),
        ({"to": None}, "to is missing"),
        ({"to": "printer"}, "not an address with a port"),
        ({"to": "192.168.0.10:0"}, "port"),
        ({"to": "192.168.0.10"}, "say an external port"),
        ({"uplink": 7}, "uplink must be the name of an uplink"),
        ({"remote": "192.0.2.0/24"}, "not an IP address"),
        ({"lifetime": True}, "not a duration"),
        ({"lifetime": "soon"}, "not a duration"),
        ({"lifetime": "0s"}, "lifetime must be at least a second"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], why: str) -> None:
    """As bad usage, not as a failure."""
    with pytest.raises(UsageError) as caught:
        Addition.read(LEAST | wrong)
    assert why in str(caught.value)


def test_an_addition_is_a_wish_for_each_uplink() -> None:
    """Of the owner that stands for the operator, open for any number of flows."""
    addition = Addition("udp", Endpoint(PC, 80), 6112, 8, None, ip_address("192.0.2.80"), 60.0)
    assert addition.wish("dsl", 7000) == Wish(
        ADDED, "dsl", "udp", Endpoint(PC, 80), ip_address("192.0.2.80"), 8, False, False, 60.0, 6112, 7000
    )


def test_a_removal_as_it_is_written() -> None:
    """Protocol and first port; connections go on unless it is said."""
    assert Removal.read({"protocol": "tcp", "port": "8080"}) == Removal("tcp", 8080)
    told = {"protocol": "udp", "port": "6112-6119", "uplink": "dsl", "end": True}
    assert Removal.read(told) == Removal("udp", 6112, "dsl", True)


@pytest.mark.parametrize(
    "wrong", [{"port": 8080}, {"protocol": "tcp"}, {"protocol": "tcp", "port": 80, "end": "yes"}], ids=str
)
def test_a_removal_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """As bad usage."""
    with pytest.raises(UsageError):
        Removal.read(wrong)


JSON = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.integers())
)
NAMES = st.sampled_from(["protocol", "port", "to", "uplink", "remote", "lifetime", "end"])


@given(st.dictionaries(NAMES, JSON), st.booleans())
def test_whatever_json_holds_is_understood_or_refused(parameters: dict[str, Any], sound: bool) -> None:
    """Never another error."""
    for kind in (Addition, Removal):
        try:
            read = kind.read((LEAST if sound else {}) | parameters)
        except UsageError as error:
            assert str(error)
        else:
            assert read.protocol in ("tcp", "udp")
