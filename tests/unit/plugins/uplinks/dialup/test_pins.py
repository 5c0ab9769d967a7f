"""Which PINs a SIM has refused, in memory and on disk."""

import pytest

from ics_plugins.uplinks.dialup.pins import KEPT, PinMemory, digest
from icsframework.errors import StoreError
from icsframework.testing.gateway import FakeGateway
from icsframework.testing.ppp import seeded


@pytest.fixture
def gateway():
    return FakeGateway("uplink.modem")


def memory(gateway, seed=1):
    """One that is open."""
    made = PinMemory(gateway, seeded(seed))
    made.open()
    return made


def test_it_is_remembered_over_a_restart(gateway):
    """Only that one; and the journal holds neither the PIN nor the same digest twice."""
    first = memory(gateway)
    assert not first.refused("1234")
    first.remember("1234")
    assert first.refused("1234")
    first.close()
    second = memory(gateway, seed=2)
    assert (second.refused("1234"), second.refused("4321")) == (True, False)
    second.remember("5678")
    assert second.refused("1234")
    records = repr(gateway.store.open("pins", 1).result.load())
    assert "1234" not in records
    assert "5678" not in records


def test_equal_pins_look_different():
    """Salted."""
    assert digest("1234", b"a" * 16) != digest("1234", b"b" * 16)


def test_it_is_bounded(gateway):
    """The last ones count."""
    one = memory(gateway)
    for number in range(KEPT + 2):
        one.remember(f"{number:04}")
    assert [one.refused(f"{number:04}") for number in (0, 1, 2, KEPT + 1)] == [False, False, True, True]


def test_records_that_make_no_sense_are_passed_over(gateway):
    """The rest is read."""
    journal = gateway.store.open("pins", 1).result
    for record in (
        {},
        {"salt": "xyz", "digest": "1"},
        {"salt": 5},
        {"salt": "00", "digest": digest("1234", b"\0")},
    ):
        journal.append(record)
    journal.close()
    assert memory(gateway).refused("1234")


def test_a_store_that_fails_costs_only_the_restart(gateway):
    """In this life it is known all the same."""
    from twisted.internet.defer import fail

    gateway.store.open = lambda *rest: fail(StoreError("no disk"))
    one = memory(gateway)
    one.remember("1234")
    assert one.refused("1234")
