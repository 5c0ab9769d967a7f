"""The pool: which address comes next, and what may be given out."""

from ics_plugins.lan.dhcp.pool import Pool


def drained(pool):
    """Take what comes until nothing does."""
    found = []
    while (address := pool.next()) is not None:
        pool.take(address)
        found.append(address)
    return found


def test_fresh_addresses_come_in_order_without_the_excluded():
    """Lowest first; the gateway and reserved addresses never."""
    assert drained(Pool(10, 15, frozenset({10, 13}))) == [11, 12, 14, 15]


def test_idle_before_past_and_the_oldest_first():
    """Addresses that nobody remembers go before those that still are somebody's previous one."""
    pool = Pool(1, 5)
    drained(pool)
    for address in (4, 2):
        pool.retire(address)
    for address in (5, 1):
        pool.give_back(address)
    assert drained(pool) == [5, 1, 4, 2]


def test_an_address_taken_out_of_order_is_not_given_again():
    """An address that a client asked for is passed over when its turn comes."""
    pool = Pool(1, 3)
    pool.take(2)
    assert not pool.is_free(2)
    assert drained(pool) == [1, 3]
    assert pool.taken == 3


def test_only_its_own_addresses_are_the_pools():
    """What is outside or excluded is neither free nor counted, whatever is done with it."""
    pool = Pool(1, 3, frozenset({2}))
    for address in (0, 2, 4):
        pool.take(address)
        pool.give_back(address)
        pool.retire(address)
    assert [address for address in range(5) if pool.is_free(address)] == [1, 3]
    assert drained(pool) == [1, 3]


def test_a_past_address_given_back_is_idle():
    """The state of an address is always one of the four."""
    pool = Pool(1, 2)
    drained(pool)
    pool.retire(1)
    pool.give_back(1)
    pool.retire(2)
    pool.retire(1)
    assert drained(pool) == [2, 1]
