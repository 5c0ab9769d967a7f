"""How long the client waits."""

from ipaddress import IPv4Address, IPv4Interface

import pytest

from ics_plugins.uplinks.ethernet import timing
from ics_plugins.uplinks.ethernet.lease import Lease

SERVER = IPv4Address("203.0.113.1")
LEASE = Lease(IPv4Interface("203.0.113.100/24"), SERVER, SERVER, (), None, 1000.0, 3600.0, 1800.0, 3150.0)


def test_repetitions_double_and_spread():
    """RFC 2131 section 4.1: 4, 8, 16, 32 s, each plus or minus a second."""
    assert [timing.repetition(tries, 0.5) for tries in range(4)] == [4, 8, 16, 32]
    assert (timing.repetition(0, 0.0), timing.repetition(0, 0.999)) == (3, pytest.approx(5, abs=0.01))


@pytest.mark.parametrize(
    ("now", "until", "wait"), [(0, 1000, 500), (0, 120, 60), (0, 100, 60), (0, 60, 60), (0, 13, 13)]
)
def test_extensions_halve_what_is_left(now, until, wait):
    """Section 4.4.5: half of the remaining time, a minute at least, never past its end."""
    assert timing.extension(now, until) == wait


def test_renewal_begins_at_t1_or_a_little_earlier():
    """Section 4.4.5: T1 with some random fuzz, never in the past."""
    assert timing.first_extension(LEASE, 1000, 0.0) == 2800
    assert timing.first_extension(LEASE, 1000, 0.5) == pytest.approx(2755)
    assert timing.first_extension(LEASE, 1000, 0.999) > 2700
    assert timing.first_extension(LEASE, 5000, 0.0) == 5001


def test_refusals_cost_more_each_time():
    """1, 2, 4, ... 64 s, and not more after any number of them."""
    assert [timing.after_nak(naks) for naks in range(8)] == [1, 2, 4, 8, 16, 32, 64, 64]
    assert timing.after_nak(10**6) == 64
