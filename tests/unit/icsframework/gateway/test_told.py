"""What is remembered of the names that clients were told."""

from ipaddress import IPv4Address as A

import pytest

from icsframework.gateway.told import (
    LONGEST_MEMORY,
    MOST_NAMES,
    MOST_NAMES_CLIENT,
    SHORTEST_MEMORY,
    NamesTold,
)

PC, SERVER = A("192.168.0.9"), A("192.0.2.80")
OTHERS = int(A("10.0.0.0"))


@pytest.mark.parametrize(("ttl", "kept"), [(0, SHORTEST_MEMORY), (20000, 20000), (10**9, LONGEST_MEMORY)])
def test_a_name_is_kept_as_long_as_its_ttl(ttl, kept):
    """Within bounds: a link that was hung up an hour ago has a name for its next dial, and nothing is kept for ever."""
    told = NamesTold()
    told.told(PC, "www.example.net", [SERVER], ttl, 100.0)
    assert told.lookup(PC, SERVER, 100.0 + kept - 1) == "www.example.net"
    assert told.lookup(PC, SERVER, 100.0 + kept) == ""


def test_the_last_name_counts():
    """Two names of one address: the one asked for just before; another client's is its own."""
    told = NamesTold()
    told.told(PC, "a.example.net", [SERVER], 60, 0.0)
    told.told(A("192.168.0.10"), "c.example.net", [SERVER], 60, 0.0)
    told.told(PC, "b.example.net", [A("192.0.2.81"), SERVER], 60, 1.0)
    assert told.lookup(PC, SERVER, 2.0) == "b.example.net"
    assert told.lookup(A("192.168.0.10"), SERVER, 2.0) == "c.example.net"


def test_what_one_client_may_take_up():
    """A client that looks up everything forgets its own oldest names, but not those it asked for again."""
    told = NamesTold()
    told.told(PC, "kept", [SERVER], 60, 0.0)
    for number in range(MOST_NAMES_CLIENT + 10):
        told.told(A("192.168.0.66"), f"n{number}", [A(number)], 60, 0.0)
        told.told(A("192.168.0.66"), "again", [A(0)], 60, 0.0)
    flood = A("192.168.0.66")
    assert [told.lookup(flood, A(n), 1.0) for n in (0, 10, 11)] == ["again", "", "n11"]
    assert told.lookup(PC, SERVER, 1.0) == "kept"
    assert len(told) == MOST_NAMES_CLIENT + 1


def test_what_all_together_may_take_up():
    """The client that asked least lately loses its oldest names first, and goes with its last."""
    told = NamesTold()
    told.told(PC, "old", [SERVER, A("192.0.2.81")], 60, 0.0)
    for number in range(MOST_NAMES - 1):
        told.told(A(OTHERS + number), "x", [SERVER], 60, 0.0)
    assert (told.lookup(PC, SERVER, 1.0), told.lookup(PC, A("192.0.2.81"), 1.0)) == ("", "old")
    told.told(PC, "new", [SERVER], 60, 0.0)
    assert told.lookup(A(OTHERS), SERVER, 1.0) == ""
    assert told.lookup(PC, A("192.0.2.81"), 1.0) == "old"
    assert len(told) == MOST_NAMES


def test_no_address_is_nothing():
    """An answer without addresses leaves no trace."""
    told = NamesTold()
    told.told(PC, "www.example.net", [], 60, 0.0)
    assert (len(told), told.lookup(PC, SERVER, 0.0)) == (0, "")


def test_all_that_is_known():
    """With the time that is left; what is over is not told."""
    told = NamesTold()
    told.told(PC, "old.example.net", [A("192.0.2.81")], 60, 0.0)
    told.told(PC, "www.example.net", [SERVER], 60, 100.0)
    assert list(told.known(SHORTEST_MEMORY + 50.0)) == [(PC, "www.example.net", SERVER, 50.0)]
