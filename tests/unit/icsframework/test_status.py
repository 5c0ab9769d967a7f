"""Stable shapes."""

import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from icsframework.status import GatewayStatus, Instant, Status, cause_to_json, to_json
from icsframework.values import Cause


def test_instants_are_iso_8601_utc() -> None:
    """The form that every JSON reader understands."""
    assert str(Instant(0)) == "1970-01-01T00:00:00Z"
    assert str(Instant(1_800_000_000.4)) == "2027-01-15T08:00:00Z"
    assert str(Instant(1_799_999_999.99)) == "2027-01-15T08:00:00Z"


def test_a_tree_becomes_plain_json() -> None:
    """Values, tuples, mappings and addresses, at any depth."""
    tree = Status(GatewayStatus("1", "ready", Instant(0), 7, "/x"), (), (), (), 0, ("careful",))
    assert to_json(tree) == {
        "gateway": {
            "version": "1",
            "state": "ready",
            "since": "1970-01-01T00:00:00Z",
            "pid": 7,
            "config": "/x",
            "pending": None,
        },
        "uplinks": [],
        "lans": [],
        "helpers": [],
        "mappings": 0,
        "warnings": ["careful"],
        "hold": None,
    }
    assert to_json({"a": (IPv4Address("192.0.2.1"), IPv4Interface("192.0.2.1/24"))}) == {
        "a": ["192.0.2.1", "192.0.2.1/24"]
    }


def test_a_cause_has_all_its_fields() -> None:
    """Unknown ones are empty text; no cause is null."""
    assert cause_to_json(None) is None
    assert cause_to_json(Cause("dns", IPv4Address("192.168.0.9"), name="example.org")) == {
        "client": "192.168.0.9",
        "mac": "",
        "hostname": "",
        "protocol": "",
        "destination": "",
        "name": "example.org",
        "rule": "dns",
    }


def test_figures_of_plugins_are_always_json() -> None:
    """Whatever a plugin shows as details, the status stays readable."""
    details = {"set": frozenset({1}), "raw": b"x", "net": IPv4Network("10.0.0.0/8"), "none": None, "ok": True}
    assert json.loads(json.dumps(to_json(details))) == {
        "set": "frozenset({1})",
        "raw": "b'x'",
        "net": "10.0.0.0/8",
        "none": None,
        "ok": True,
    }
