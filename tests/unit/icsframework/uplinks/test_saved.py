"""What is remembered of the uplinks, to JSON and back."""

import json
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface, IPv6Network
from typing import Any

import pytest

from icsframework.errors import StoreError
from icsframework.uplinks.saved import SavedUplink, from_document, to_document
from icsframework.values import Cause, Family, Link, Prefix

V4 = Family((IPv4Interface("203.0.113.5/24"),), IPv4Address("203.0.113.1"), (IPv4Address("203.0.113.1"),))
V6 = Family(
    (IPv6Interface("2001:db8::5/64"),), None, (), (Prefix(IPv6Network("2001:db8:1::/56"), 5.0, None),)
)
LINK = Link("eth0", 2, None, "ethernet", "kernel", 1492, True, 12.5, V4, V6)
SAVED = {
    "cable": SavedUplink(
        1, LINK, Cause("demand.wake", IPv4Address("192.168.0.9"), "02::1", "pc", "udp", "x", "y")
    ),
    "dsl": SavedUplink(7, hung_up="disconnected by root"),
    "ppp": SavedUplink(
        3, Link("icsu-ppp", 9, "eth2", "ppp", "inline", 1400, False, 0.0, None), Cause("always")
    ),
}


def test_it_comes_back_as_it_was() -> None:
    """Every field of both families, through real JSON."""
    assert from_document(json.loads(json.dumps(to_document(SAVED)))) == SAVED


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        {"cable": None},
        {"cable": {"index": 1}},
        {"cable": {"index": "x", "link": None, "cause": None, "hung_up": None}},
        {"cable": {"index": 1, "link": {"interface": "eth0"}, "cause": None, "hung_up": None}},
        {"cable": {"index": 1, "link": None, "cause": {"client": "nobody"}, "hung_up": None}},
    ],
)
def test_what_makes_no_sense_is_refused(document: Any) -> None:
    """As a StoreError, whatever it is."""
    with pytest.raises(StoreError, match="makes no sense"):
        from_document(document)


def test_what_an_earlier_version_wrote_is_read() -> None:
    """It knew no time of a hang-up, and no override."""
    document = to_document({"modem": SavedUplink(2, hung_up="by root")})
    del document["modem"]["until"], document["modem"]["override"]
    assert from_document(document) == {"modem": SavedUplink(2, hung_up="by root")}


def test_a_hang_up_for_a_time_and_an_override_come_back() -> None:
    """As they were."""
    saved = {"modem": SavedUplink(2, hung_up="by root", until=7200.5), "other": SavedUplink(3, override=True)}
    assert from_document(json.loads(json.dumps(to_document(saved)))) == saved
