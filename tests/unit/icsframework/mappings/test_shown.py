"""The book as others see it."""

from ipaddress import ip_address
from random import Random

from icsframework.mappings.book import Book
from icsframework.mappings.held import ADDED, Offer, Wish
from icsframework.mappings.shown import mappings, status
from icsframework.mappings.situation import NOWHERE, Situation
from icsframework.status import MappingStatus, to_json
from icsframework.testing.gateway import FakeClock
from icsframework.values import Endpoint, Mapping

PC = ip_address("192.168.0.10")
OUTSIDE, SERVER = ip_address("203.0.113.5"), ip_address("192.0.2.80")
HERE = Situation(
    {"cable": 0x10000, "dsl": 0x20000},
    {"cable": OUTSIDE},
    offers={("cable", "tcp"): (Offer("web", 80, 82, Endpoint(PC, 8080), "198.51.100.0/24"),)},
)


def book() -> Book:
    """An expectation, a port that waits for its uplink, and one by hand that is suspended."""
    found = Book(Random(1).randrange)
    ftp = Wish("helper.ftp", "cable", "tcp", Endpoint(PC, 2000), SERVER, once=True, lifetime=60.0)
    found.open(ftp, 0.0)
    found.open(Wish(ADDED, "dsl", "udp", Endpoint(PC, 53), port=53, count=2), 0.0)
    found.open(Wish(ADDED, "cable", "tcp", Endpoint(PC, 99), port=81), 0.0)
    return found


def test_all_mappings_in_order() -> None:
    """By uplink, protocol and port, published ones among them; without an address where there is none."""
    assert mappings(book(), HERE, 0.0) == (
        Mapping("tcp", "cable", Endpoint(OUTSIDE, 80), Endpoint(PC, 8080), None, "publish.web", None, 3),
        Mapping("tcp", "cable", Endpoint(OUTSIDE, 81), Endpoint(PC, 99), None, ADDED, None),
        Mapping(
            "tcp", "cable", Endpoint(OUTSIDE, 2000), Endpoint(PC, 2000), SERVER, "helper.ftp", 60.0, 1, True
        ),
        Mapping("udp", "dsl", Endpoint(NOWHERE, 53), Endpoint(PC, 53), None, ADDED, None, 2),
    )


def test_what_is_over_is_not_shown() -> None:
    """Although its port is kept free for a moment."""
    assert [m.owner for m in mappings(book(), HERE, 60.0)] == ["publish.web", ADDED, ADDED]


def test_status_in_its_stable_shape() -> None:
    """Every line with its end by the wall clock, and why it does not work."""
    found = book()
    suspended = next(held for held in found if held.port == 81)
    rows = status(found, HERE, {suspended: "the configuration has this port for publish.web"}, FakeClock())
    assert rows == [
        MappingStatus(
            "tcp",
            "cable",
            80,
            "192.168.0.10:8080",
            "198.51.100.0/24",
            "publish.web",
            None,
            3,
            external_address="203.0.113.5",
        ),
        MappingStatus(
            "tcp",
            "cable",
            81,
            "192.168.0.10:99",
            None,
            ADDED,
            None,
            external_address="203.0.113.5",
            reason="the configuration has this port for publish.web",
        ),
        rows[2],
        MappingStatus(
            "udp", "dsl", 53, "192.168.0.10:53", None, ADDED, None, 2, reason="uplink dsl has no address now"
        ),
    ]
    assert to_json(rows[2]) == {
        "protocol": "tcp",
        "uplink": "cable",
        "external_port": 2000,
        "to": "192.168.0.10:2000",
        "remote": "192.0.2.80",
        "owner": "helper.ftp",
        "expires": "2027-01-15T08:01:00Z",
        "count": 1,
        "once": True,
        "external_address": "203.0.113.5",
        "reason": None,
    }
