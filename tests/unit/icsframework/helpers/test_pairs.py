"""Who has a helped connection with whom, as the packet filter is told."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from icsframework.dataplane.plane import DataPlane
from icsframework.errors import NftError
from icsframework.helpers.pairs import LIFETIME, PERIOD, Pairs
from icsframework.testing.elements import FakeElements
from icsframework.testing.flows import INSIDE, OUTSIDE, PEER
from icsframework.testing.gateway import FakeClock
from icsframework.testing.stream import CABLE, DSL, ONE_UPLINK, TWO_UPLINKS, Lines
from icsframework.uplinks.traffic import keep_rules
from icsframework.values import Endpoint, Flow

BY_CABLE, BY_DSL = (0x10000, INSIDE, PEER), (0x20000, INSIDE, PEER)
OTHER = ip_address("192.168.0.11")
DSL_ADDRESS = DSL.addresses[0].ip


def flow(uplink="dsl", port=40000, inside=INSIDE, peer=PEER, inbound=False):
    """A control connection."""
    here = Endpoint(DSL_ADDRESS if uplink == "dsl" else OUTSIDE, port)
    if inbound:
        return Flow("tcp", Endpoint(peer, port), Endpoint(inside, 21), here, uplink, "inbound")
    return Flow("tcp", Endpoint(inside, port), Endpoint(peer, 21), here, uplink)


class Bench:
    """Pairs, and what is told."""

    def __init__(self, plane=TWO_UPLINKS):
        self.clock = FakeClock()
        self.elements = FakeElements(self.clock)
        self.log = Lines()
        self.pairs = Pairs(self.clock, self.elements.change, self.log)
        self.pairs.in_force(plane)

    @property
    def told(self):
        """The keys that are in the set."""
        return set(self.elements.keys("pairs"))

    @property
    def idle(self):
        """No timer runs."""
        return not self.clock.clock.getDelayedCalls()


@pytest.fixture
def bench():
    return Bench()


@pytest.mark.parametrize("inbound", [False, True])
def test_from_the_begin_of_a_connection_to_its_end(bench, inbound):
    """Told at once, renewed as long as it takes, gone with it; then nothing stirs any more."""
    bench.pairs.hold("a", flow(inbound=inbound))
    assert bench.told == {BY_DSL}
    for _ in range(20):
        bench.clock.clock.advance(PERIOD)
        assert bench.elements.left("pairs", BY_DSL) == LIFETIME
    bench.pairs.release("a")
    assert (bench.told, bench.idle) == (set(), True)


def test_the_last_one_of_a_pair_ends_it(bench):
    """Two connections of the same two hosts are one element, told once; others are others."""
    bench.pairs.hold("a", flow())
    before = bench.elements.transactions
    bench.pairs.hold("b", flow(port=40001))
    assert bench.elements.transactions == before
    bench.pairs.hold("c", flow(inside=OTHER))
    assert bench.told == {BY_DSL, (0x20000, OTHER, PEER)}
    bench.pairs.release("a")
    bench.pairs.release("c")
    assert bench.told == {BY_DSL}
    bench.pairs.release("b")
    assert (bench.told, bench.idle) == (set(), True)


def test_of_two_uplinks_the_newest_connection_says(bench):
    """In one transaction; when it ends the one before says again."""
    bench.pairs.hold("a", flow("dsl", inbound=True))
    before = bench.elements.transactions
    bench.pairs.hold("b", flow("cable", inbound=True))
    assert (bench.told, bench.elements.transactions) == ({BY_CABLE}, before + 1)
    assert bench.pairs.address(INSIDE, PEER) == OUTSIDE
    bench.pairs.release("b")
    assert (bench.told, bench.elements.transactions) == ({BY_DSL}, before + 2)
    bench.pairs.hold("c", flow("cable", inbound=True))
    bench.pairs.release("a")
    assert bench.told == {BY_CABLE}


def test_a_connection_that_goes_on_by_another_uplink(bench):
    """Its pair goes with it."""
    bench.pairs.hold("a", flow("dsl"))
    bench.pairs.hold("a", flow("cable"))
    assert bench.told == {BY_CABLE}
    bench.pairs.release("a")
    assert (bench.told, bench.idle) == (set(), True)


def test_the_address_of_a_pair(bench):
    """Of these two hosts only, and while they have a connection."""
    assert bench.pairs.address(INSIDE, PEER) is None
    bench.pairs.hold("a", flow())
    assert bench.pairs.address(INSIDE, PEER) == DSL_ADDRESS
    assert bench.pairs.address(PEER, INSIDE) is None
    assert bench.pairs.address(OTHER, PEER) is None
    bench.pairs.release("a")
    assert bench.pairs.address(INSIDE, PEER) is None


def test_with_one_uplink_nothing_is_told():
    """There is only one way; when a second one is configured it is told, when that goes it is forgotten."""
    bench = Bench(ONE_UPLINK)
    bench.pairs.hold("a", flow("cable"))
    assert (bench.elements.transactions, bench.idle) == (0, True)
    bench.pairs.in_force(TWO_UPLINKS)
    assert bench.told == {BY_CABLE}
    bench.pairs.in_force(ONE_UPLINK)
    assert (bench.told, bench.idle) == (set(), True)
    bench.pairs.release("a")
    assert bench.elements.transactions == 2


def test_one_uplink_that_is_hung_up_when_it_is_quiet():
    """Is told: what belongs to the connection keeps it up."""
    bench = Bench(replace(ONE_UPLINK, keep={"cable": keep_rules(())}))
    bench.pairs.hold("a", flow("cable"))
    assert bench.told == {BY_CABLE}
    bench.pairs.in_force(ONE_UPLINK)
    assert (bench.told, bench.idle) == (set(), True)


def test_a_table_that_was_lost_is_filled_again(bench):
    """As soon as the new one is in force, and once for all shells that say so."""
    bench.pairs.hold("a", flow())
    bench.pairs.hold("b", flow(peer=OTHER))
    bench.elements.wipe()
    plane, before = replace(TWO_UPLINKS), bench.elements.transactions
    for _ in range(3):
        bench.pairs.in_force(plane)
    assert bench.told == {BY_DSL, (0x20000, INSIDE, OTHER)}
    assert bench.elements.transactions == before + 1
    assert len(bench.clock.clock.getDelayedCalls()) == 1


def test_an_uplink_with_another_mark(bench):
    """The element under the old mark goes, as that may be another uplink's by now; an uplink that is gone has none."""
    bench.pairs.hold("a", flow())
    bench.pairs.in_force(DataPlane(uplinks=(replace(CABLE, index=2), replace(DSL, index=7))))
    assert bench.told == {(0x70000, INSIDE, PEER)}
    bench.pairs.in_force(DataPlane(uplinks=(CABLE, replace(DSL, name="other"))))
    assert (bench.told, bench.idle) == (set(), True)
    bench.pairs.in_force(TWO_UPLINKS)
    assert bench.told == {BY_DSL}


def test_who_is_dead_holds_nobody(bench):
    """Without renewals the element goes by itself."""
    bench.pairs.hold("a", flow())
    for call in bench.clock.clock.getDelayedCalls():
        call.cancel()  # the daemon was killed
    bench.clock.clock.advance(LIFETIME)
    assert bench.told == set()


def test_what_could_not_be_told_is_told_with_the_next_renewal(bench):
    """One warning until it works again; an end that could not be told ends with its time."""
    bench.elements.fail = NftError("busy")
    bench.pairs.hold("a", flow())
    bench.pairs.hold("b", flow(peer=OTHER))
    bench.clock.clock.advance(PERIOD)
    assert [level for level, _, _ in bench.log.lines] == ["warn", "debug", "debug"]
    assert "busy" in bench.log.lines[0][1]
    bench.elements.fail = None
    bench.clock.clock.advance(PERIOD)
    assert bench.told == {BY_DSL, (0x20000, INSIDE, OTHER)}
    bench.elements.fail = NftError("busy")
    bench.pairs.release("a")
    assert bench.log.lines[-1][0] == "warn"
    bench.elements.fail = None
    bench.clock.clock.advance(LIFETIME)
    assert bench.told == {(0x20000, INSIDE, OTHER)}


def test_a_defect_shows(bench):
    """With its traceback, and no connection suffers from it."""

    def broken(add, delete):
        raise ZeroDivisionError

    pairs = Pairs(bench.clock, broken, bench.log)
    pairs.in_force(TWO_UPLINKS)
    pairs.hold("a", flow())
    assert [(level, failure.type) for level, _, failure in bench.log.lines] == [
        ("failure", ZeroDivisionError)
    ]


def test_ipv6_is_not_translated(bench):
    """So no rule asks for it, and nothing is told."""
    v6 = ip_address("2001:db8::1")
    bench.pairs.hold("a", flow(inside=v6, peer=v6))
    bench.pairs.release("a")
    bench.pairs.release("nobody")
    assert bench.elements.transactions == 0
