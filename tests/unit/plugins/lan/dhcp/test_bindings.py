"""Leases, offers, quarantine and pool are one thing seen from four sides."""

from dataclasses import replace

import pytest

from ics_plugins.lan.dhcp.bindings import PROBE_HOLDS, QUARANTINE, Bindings
from ics_plugins.lan.dhcp.leases import Lease, LeaseTable
from ics_plugins.lan.dhcp.offers import Offer
from ics_plugins.lan.dhcp.settings import Reserved, Settings

SETTINGS = Settings("home", b"gw", 1, 0, 0xFFFFFF00, 10, 13, 60, {}, {}, {})


def lease(address, client=b"c", expires=100.0):
    return Lease(address, client, b"m" + client, "", expires, 60)


@pytest.fixture
def bindings():
    """Nothing bound yet."""
    return Bindings(SETTINGS, LeaseTable())


def test_a_bound_address_is_nobody_elses(bindings):
    """Its client may have it, others may not, until it ends; then others may, but not first."""
    bindings.bind(lease(10))
    assert (bindings.may_have(10, b"c", b""), bindings.may_have(10, b"d", b"")) == (True, False)
    assert bindings.holds(b"c", 10)
    assert bindings.end(10, 50.0) == lease(10, expires=50.0)
    assert (bindings.holds(b"c", 10), bindings.may_have(10, b"d", b"")) == (False, True)
    assert bindings.choose(b"d", b"", 0, 50.0) == 11
    assert bindings.choose(b"c", b"", 0, 50.0) == 10


def test_an_offer_holds_its_address(bindings):
    """For its client, until it is withdrawn; a live lease on the same address is not freed by that."""
    bindings.offer(Offer(10, b"c", b"m", 0.0))
    assert (bindings.may_have(10, b"c", b""), bindings.may_have(10, b"d", b"")) == (True, False)
    assert bindings.choose(b"c", b"", 0, 0.0) == 10
    bindings.withdraw_offer(b"c")
    assert bindings.may_have(10, b"d", b"")
    bindings.bind(lease(11))
    bindings.offer(Offer(11, b"c", b"m", 0.0))
    bindings.withdraw_offer(b"c")
    assert not bindings.may_have(11, b"d", b"")


def test_a_lease_that_ends_while_it_is_offered_again(bindings):
    """A client asks anew just before its end: the address stays held for it while the offer stands."""
    for ends in (lambda: bindings.end(10, 5.0), lambda: bindings.expire(100.0)):
        bindings.bind(lease(10))
        bindings.offer(Offer(10, b"c", b"m", 99.0))
        ends()
        assert bindings.choose(b"d", b"", 10, 100.0) == 11
        bindings.withdraw_offer(b"c")
    assert bindings.choose(b"d", b"", 10, 100.0) == 10


def test_binding_frees_what_the_client_had(bindings):
    """Its offer of another address and its former lease; only a live one is reported."""
    bindings.offer(Offer(13, b"c", b"m", 0.0))
    assert bindings.bind(lease(10)) is None
    assert bindings.may_have(13, b"d", b"")
    assert bindings.bind(lease(11)) == lease(10)
    bindings.end(11, 5.0)
    assert bindings.bind(lease(12)) is None
    assert [bindings.may_have(a, b"d", b"") for a in (10, 11, 12)] == [True, True, False]


def test_quarantine_keeps_everybody_out_for_a_while(bindings):
    """The holder too; a lease that ends by it is reported once."""
    bindings.bind(lease(10))
    assert bindings.isolate(10, 0.0) == lease(10)
    assert bindings.isolate(10, 1.0) is None
    assert not bindings.may_have(10, b"c", b"")
    bindings.expire(QUARANTINE)
    assert bindings.deadline == 1.0 + QUARANTINE
    assert not bindings.may_have(10, b"c", b"")
    bindings.expire(1.0 + QUARANTINE)
    assert bindings.may_have(10, b"c", b"")


def test_probes_are_remembered(bindings):
    """An address that nobody answered for needs no second probe for some minutes; a client's own needs none."""
    assert bindings.needs_probe(10, b"c", 0.0)
    bindings.checked(10, 0.0)
    assert not bindings.needs_probe(10, b"c", PROBE_HOLDS - 1)
    assert bindings.needs_probe(10, b"c", PROBE_HOLDS)
    bindings.bind(lease(10))
    assert not bindings.needs_probe(10, b"c", PROBE_HOLDS)
    bindings.isolate(10, 0.0)
    assert bindings.needs_probe(10, b"c", 1.0)


def test_a_reserved_address_waits_for_its_client(bindings):
    """Unless it is in quarantine, or still is somebody else's; meanwhile the client gets another."""
    bindings.bind(lease(10, b"d"))
    bindings.use(replace(SETTINGS, by_client={b"c": Reserved(10)}))
    assert bindings.choose(b"c", b"", 0, 0.0) == 11
    assert not bindings.may_have(10, b"c", b"")
    bindings.end(10, 0.0)
    assert bindings.choose(b"c", b"", 0, 0.0) == 10
    assert (bindings.may_have(10, b"c", b""), bindings.may_have(11, b"c", b"")) == (True, False)
    assert not bindings.may_have(10, b"d", b"")
    bindings.isolate(10, 0.0)
    assert bindings.choose(b"c", b"", 0, 0.0) == 11


def test_another_range_forgets_no_lease(bindings):
    """The pool is made anew from leases and quarantine; offers go."""
    bindings.bind(lease(12))
    bindings.offer(Offer(13, b"d", b"m", 0.0))
    bindings.isolate(11, 0.0)
    bindings.use(replace(SETTINGS, first=11, last=14))
    assert [bindings.may_have(a, b"x", b"") for a in range(10, 15)] == [False, False, False, True, True]
    assert (len(bindings.offers), bindings.is_ours(10), bindings.is_ours(12)) == (0, False, True)
    bindings.forget_neighbours()
    assert bindings.deadline == 100.0


def test_what_comes_to_its_end(bindings):
    """expire returns the leases; their addresses are free."""
    bindings.bind(lease(10, expires=5.0))
    bindings.bind(lease(11, b"d", expires=6.0))
    assert bindings.expire(5.0) == [lease(10, expires=5.0)]
    assert (bindings.may_have(10, b"x", b""), bindings.may_have(11, b"x", b"")) == (True, False)
