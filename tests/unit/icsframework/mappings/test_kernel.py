"""Book and kernel: one queue, all or nothing, and another try."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest
from twisted.internet.defer import Deferred

from icsframework.dataplane.mapped import elements_of
from icsframework.errors import NftError
from icsframework.mappings.held import ADDED, Held
from icsframework.mappings.kernel import RETRY, KernelSide
from icsframework.mappings.situation import Situation
from icsframework.testing.elements import FakeElements
from icsframework.testing.gateway import FakeClock
from icsframework.values import Endpoint, Mapping

PC = ip_address("192.168.0.10")
OUTSIDE = ip_address("203.0.113.5")
MARK = 0x10000
WEB = Held("cable", "tcp", 8080, Endpoint(PC, 80), None, ADDED, None)
FTP = Held("cable", "tcp", 40000, Endpoint(PC, 40000), None, "helper.ftp", 60.0, 60.0, 1, True)
HERE = Situation({"cable": MARK}, {"cable": OUTSIDE})
REFUSED = NftError("nft refused the rules; the old rules are still in force.")


class Bench:
    """A kernel side and what it says."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.elements = FakeElements(self.clock)
        self.failures: list[str] = []
        self.compared = 0
        self.side = KernelSide(self.elements, self.clock, self.compare, self.failures.append)

    def compare(self) -> None:
        """It wants to be asked to compare again."""
        self.compared += 1

    def outcome(self, deferred: Deferred):
        """What it fired with, or the error."""
        results: list = []
        deferred.addErrback(lambda failure: failure.value).addCallback(results.append)
        return results[0]

    @property
    def there(self) -> set:
        """Ports that are booked in the kernel."""
        return {key[-1] for key in self.elements.keys("booked")}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_loading_and_unloading(bench: Bench) -> None:
    """Each in one transaction."""
    assert bench.outcome(bench.side.load(WEB, MARK)) is None
    assert bench.there == {8080}
    assert bench.outcome(bench.side.unload([WEB, FTP])) is True
    assert bench.there == set()
    assert bench.elements.transactions == 2


def test_a_refused_load_leaves_everything_as_it_was(bench: Bench) -> None:
    """Also what it would have taken the place of."""
    renewed = replace(FTP, expires=90.0)
    bench.outcome(bench.side.load(FTP, MARK))
    bench.elements.fail = REFUSED
    assert bench.outcome(bench.side.load(WEB, MARK)) is REFUSED
    assert bench.outcome(bench.side.load(renewed, MARK, FTP)) is REFUSED
    assert WEB not in bench.side.loaded
    assert FTP in bench.side.loaded
    assert renewed not in bench.side.loaded
    bench.elements.fail = None
    sent: list[tuple] = []
    change = bench.elements.change
    bench.elements.change = lambda add, delete: (sent.append((add, delete)), change(add, delete))[1]
    bench.outcome(bench.side.load(WEB, MARK))
    assert [(len(add), delete) for add, delete in sent] == [(3, [])]
    assert bench.elements.left("booked", (MARK, "tcp", 40000)) == 60.0
    assert bench.there == {8080, 40000}


def test_after_a_refused_load_the_kernel_is_looked_at(bench: Bench) -> None:
    """What failed because nft was stopped half way may have happened all the same."""
    bench.elements.fail = REFUSED
    bench.outcome(bench.side.load(WEB, MARK))
    bench.elements.fail = None
    bench.elements.change(elements_of(WEB.mapping(OUTSIDE), MARK, 0.0), ())
    bench.clock.clock.advance(RETRY)
    assert bench.compared == 1
    bench.outcome(bench.side.compare(lambda found: None, HERE))
    assert bench.there == set()


def test_renewing_gives_the_new_time(bench: Bench) -> None:
    """In one transaction, also when the kernel has used the old one."""
    bench.outcome(bench.side.load(FTP, MARK))
    bench.elements.use("expect_any", (MARK, "tcp", 40000))
    bench.clock.clock.advance(30)
    bench.outcome(bench.side.load(replace(FTP, expires=90.0), MARK, FTP))
    assert bench.elements.left("expect_any", (MARK, "tcp", 40000)) == 60.0


def test_what_cannot_be_unloaded_is_compared_later(bench: Bench) -> None:
    """Nobody waits for it; the reason is told, and one other try is planned."""
    bench.outcome(bench.side.load(WEB, MARK))
    bench.outcome(bench.side.load(FTP, MARK))
    bench.elements.fail = REFUSED
    assert bench.outcome(bench.side.unload([WEB])) is False
    assert bench.outcome(bench.side.unload([FTP])) is False
    assert bench.failures == [str(REFUSED)]
    bench.clock.clock.advance(RETRY)
    assert bench.compared == 1
    bench.elements.fail = None
    assert bench.outcome(bench.side.compare(lambda found: None, HERE)) is True
    assert bench.there == set()


def test_comparing_repairs_and_shows_what_is_there(bench: Bench) -> None:
    """What is missing comes, what nobody holds goes; who compares may adopt some of it."""
    seen: list[Mapping] = []

    def adopt(found: Sequence[Mapping]) -> None:
        seen.extend(found)
        bench.side.loaded.load(FTP, MARK, 0.0)

    strange = replace(FTP, port=40001, to=Endpoint(PC, 40001))
    for held in (FTP, strange):
        bench.elements.change(elements_of(held.mapping(OUTSIDE), MARK, 0.0), ())
    bench.side.loaded.load(WEB, MARK, 0.0)
    assert bench.outcome(bench.side.compare(adopt, HERE)) is True
    assert sorted(seen, key=lambda one: one.external) == [FTP.mapping(OUTSIDE), strange.mapping(OUTSIDE)]
    assert bench.there == {8080, 40000}
    transactions = bench.elements.transactions
    bench.outcome(bench.side.compare(lambda found: None, HERE))
    assert bench.elements.transactions == transactions


def test_a_comparison_that_fails_is_tried_again(bench: Bench) -> None:
    """Until the gateway stops."""
    bench.side.loaded.load(WEB, MARK, 0.0)
    bench.elements.fail = REFUSED
    assert bench.outcome(bench.side.compare(lambda found: None, HERE)) is False
    bench.clock.clock.advance(RETRY)
    assert bench.compared == 1
    bench.outcome(bench.side.compare(lambda found: None, HERE))
    bench.outcome(bench.side.stop())
    bench.clock.clock.advance(RETRY)
    assert bench.compared == 1


def test_the_same_trouble_is_told_once(bench: Bench) -> None:
    """Until it changes, or was over."""
    other = NftError("nft did not end within 15 s and was stopped.")
    for trouble in (REFUSED, REFUSED, other, None, other):
        bench.elements.fail = trouble
        bench.outcome(bench.side.compare(lambda found: None, HERE))
    assert bench.failures == [str(REFUSED), str(other), str(other)]


def test_one_after_the_other(bench: Bench) -> None:
    """The second begins when the first has ended, and stopping waits for both."""
    first, order = Deferred(), []

    def work(number: int, waits: Deferred | None = None) -> Deferred | None:
        order.append(number)
        return waits

    bench.side.run(work, 1, first)
    bench.side.run(work, 2)
    stopped: list = []
    bench.side.stop().addCallback(stopped.append)
    assert (order, stopped) == ([1], [])
    first.callback(None)
    assert (order, stopped) == ([1, 2], [None])


def test_who_does_not_wait_any_more_cancels_nothing(bench: Bench) -> None:
    """What was begun is carried out, so that book and kernel stay in step."""
    bench.elements.held = True
    asked = bench.side.run(lambda: bench.side.load(WEB, MARK))
    asked.addErrback(lambda failure: None)
    asked.cancel()
    bench.elements.flush()
    assert bench.there == {8080}
    assert WEB in bench.side.loaded
