"""What is asked for, and what is held."""

import math
from ipaddress import ip_address

import pytest

from icsframework.errors import MappingError
from icsframework.mappings.held import ADDED, MAX_LIFETIME, MIN_LIFETIME, Held, Offer, Wish
from icsframework.values import Endpoint, Mapping, Open

PC = Endpoint(ip_address("192.168.0.10"), 40000)
SERVER = ip_address("192.0.2.80")
OUTSIDE = ip_address("203.0.113.5")


def test_a_wish_is_what_a_session_asks_for() -> None:
    """Everything of it, for the owner and the uplink."""
    request = Open("token", "udp", PC, SERVER, 2, True, 30.0, False)
    assert Wish.of("helper.sip", "cable", request) == Wish(
        "helper.sip", "cable", "udp", PC, SERVER, 2, True, False, 30.0
    )


@pytest.mark.parametrize(
    ("asked", "given"), [(0.001, MIN_LIFETIME), (60.0, 60.0), (MAX_LIFETIME * 100, MAX_LIFETIME)]
)
def test_the_time_of_a_helper_is_bounded(asked: float, given: float) -> None:
    """Never for ever, never too short to be used."""
    assert Wish.of("helper.ftp", "cable", Open("t", "tcp", PC, None, lifetime=asked)).lifetime == given


@pytest.mark.parametrize("asked", [0.0, -1.0, math.inf, -math.inf, math.nan])
def test_no_time_is_refused(asked: float) -> None:
    """Not cut to something: who asks so has made a mistake."""
    with pytest.raises(MappingError, match=r"helper\.ftp asks for a mapping of"):
        Wish.of("helper.ftp", "cable", Open("t", "tcp", PC, None, lifetime=asked))


def test_a_held_port_as_others_see_it() -> None:
    """A mapping with the address of the moment; in words with its ports."""
    held = Held("cable", "udp", 6112, PC, SERVER, "helper.x", 160.0, 60.0, 8, True)
    assert held.mapping(OUTSIDE) == Mapping(
        "udp", "cable", Endpoint(OUTSIDE, 6112), PC, SERVER, "helper.x", 160.0, 8, True
    )
    assert str(held) == "udp port 6112-6119 on cable"
    assert str(Held("cable", "tcp", 80, PC, None, ADDED, None)) == "tcp port 80 on cable"


def test_time_is_over_at_its_end() -> None:
    """Not before; what has no end is never over."""
    held = Held("cable", "tcp", 80, PC, None, ADDED, 160.0)
    assert [held.is_over(now) for now in (159.9, 160.0)] == [False, True]
    assert not Held("cable", "tcp", 80, PC, None, ADDED, None).is_over(1e9)


def test_only_what_was_added_is_added() -> None:
    """By its owner."""
    assert Held("cable", "tcp", 80, PC, None, ADDED, None).added
    assert not Held("cable", "tcp", 80, PC, None, "helper.added", None).added


def test_a_published_service_is_an_owner() -> None:
    """Its name tells it from all others."""
    assert Offer("web", 80, 80, PC).owner == "publish.web"
