"""Choosing an external port."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsframework.mappings.ports import FIRST, LAST, RANGES, RESERVED_FIRST, RESERVED_LAST, choose

PORTS = st.integers(1, 65535)


def occupied(taken: Iterable[int]):
    """What a book with these ports says."""
    ports = frozenset(taken)
    return lambda first, last: max((port for port in range(first, last + 1) if port in ports), default=None)


def first_of(count: int) -> int:
    """A die that always shows the lowest number."""
    return 0


@pytest.mark.parametrize("inside", [1024, 2121, 49999, 60000, 65535])
def test_the_inside_port_is_kept(inside: int) -> None:
    """Where it is free, from 1024 on, and not in the reserved range."""
    assert choose(inside, 1, False, occupied(()), first_of) == inside


@pytest.mark.parametrize("inside", [1, 80, 1023, 50000, 55555, 59999])
def test_a_low_or_reserved_port_is_not_kept(inside: int) -> None:
    """Those are for services somebody means to offer, and for plain flows."""
    assert choose(inside, 1, False, occupied(()), first_of) == FIRST


def test_a_taken_port_is_replaced_by_a_random_one() -> None:
    """The die says where the search begins; what is taken there is passed over."""
    assert choose(2121, 1, False, occupied({2121}), lambda count: 7000) == FIRST + 7000
    assert choose(2121, 1, False, occupied({2121, 8024, 8025}), lambda count: 7000) == 8026


def test_the_search_goes_round() -> None:
    """From the last port to the first, over the reserved range."""
    below = range(RESERVED_FIRST - 10, RESERVED_FIRST)
    at_the_end = RESERVED_FIRST - FIRST - 10
    assert choose(80, 1, False, occupied(below), lambda count: at_the_end) == RESERVED_LAST + 1
    above = {*below, *range(RESERVED_LAST + 1, LAST + 1)}
    assert choose(80, 1, False, occupied(above), lambda count: at_the_end) == FIRST


def test_the_die_knows_how_many_candidates_there_are() -> None:
    """Each of them can be the first."""
    asked: list[int] = []

    def die(count: int) -> int:
        asked.append(count)
        return count - 1

    assert choose(80, 1, False, occupied(()), die) == LAST
    assert choose(80, 8, False, occupied(()), die) == LAST - 7
    assert asked == [sum(high - low + 1 for low, high in RANGES), sum(high - low - 6 for low, high in RANGES)]


def test_none_is_left() -> None:
    """No port is invented."""
    assert choose(80, 1, False, occupied(range(1, 65536)), first_of) is None
    assert choose(80, 2, False, occupied(range(0, 65536, 2)), first_of) is None
    assert choose(80, 1, True, occupied(range(0, 65536, 2)), first_of) is None
    assert choose(80, 60000, False, occupied(()), first_of) is None


@given(
    inside=PORTS,
    count=st.integers(1, 20),
    parity=st.booleans(),
    taken=st.frozensets(st.integers(1, 3000), max_size=200),
    seed=st.integers(0, 2**32),
)
def test_whatever_is_chosen_is_free_in_range_and_as_asked(
    inside: int, count: int, parity: bool, taken: frozenset[int], seed: int
) -> None:
    """All ports of it, with the parity of the inside port."""
    port = choose(inside, count, parity, occupied(taken), lambda n: seed % n)
    assert port is not None
    ports = set(range(port, port + count))
    assert not ports & taken
    assert port == inside or not parity or (port - inside) % 2 == 0
    assert min(ports) >= FIRST
    assert max(ports) <= LAST
    assert not ports & set(range(RESERVED_FIRST, RESERVED_LAST + 1))


@settings(max_examples=8)
@given(st.data())
def test_a_free_port_is_found_wherever_it_is(data: st.DataObject) -> None:
    """One single free port of the usable ones, from wherever the search begins."""
    low, high = data.draw(st.sampled_from(RANGES))
    free = data.draw(st.integers(low, high))
    seed = data.draw(st.integers(0, 2**32))

    def each(first: int, last: int) -> int | None:
        return None if first == last == free else last

    def skipping(first: int, last: int) -> int | None:
        if first < free:
            return free - 1
        return None if first == last == free else LAST

    assert choose(80, 1, False, each, lambda n: seed % n) == free
    assert choose(80, 1, False, skipping, lambda n: seed % n) == free
