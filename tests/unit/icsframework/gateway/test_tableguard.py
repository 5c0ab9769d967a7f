"""Our packet filter stays in force."""

from dataclasses import replace

from twisted.internet.defer import Deferred, succeed

from icsframework.dataplane.filters import Filters
from icsframework.errors import NftError
from icsframework.gateway.beside import LOOK_EVERY
from icsframework.gateway.contest import FIRST_GAP, FREE, PEACE
from icsframework.gateway.tableguard import RETRY


def test_a_flushed_table_is_loaded_again(bench):
    """In full, at once, and told with who did it; then what hung on it is put in order."""
    bench.start()
    bench.flush()
    assert bench.told("dataplane.restored") == [{"what": "was gone", "by": ", by nft (pid 812)"}]
    assert (bench.kernel.loads, bench.repaired) == (2, 1)
    bench.flush(by="")
    assert bench.told("dataplane.restored")[-1]["by"] == ""


def test_a_false_alarm(bench):
    """The table is whole: nothing is loaded, and who was suspected is forgotten."""
    bench.start()
    bench.watching[0]("nft (pid 1)")
    bench.advance(0.5)
    assert bench.kernel.loads == 1
    bench.flush(by="")
    assert bench.told("dataplane.restored") == [{"what": "was gone", "by": ""}]


def test_a_load_that_fails_is_tried_again(bench):
    """The kernel may be out of memory for a while."""
    bench.start()
    bench.kernel.error = NftError("no memory")
    bench.flush()
    assert bench.told("dataplane.failed")
    assert bench.repaired == 0
    bench.kernel.error = None
    bench.advance(RETRY + 0.5)
    assert len(bench.told("dataplane.restored")) == 1


def test_an_endless_fight(bench):
    """After some times there is a pause, a warning that names the other, and peace after a while."""
    bench.start()
    for _ in range(FREE):
        bench.flush()
    assert bench.kernel.loads == 1 + FREE
    (sentence,) = bench.beside.warnings()
    assert "removed again and again, last by nft (pid 812)" in sentence
    bench.flush()
    assert bench.kernel.loads == 1 + FREE
    bench.advance(FIRST_GAP)
    assert bench.kernel.loads == 2 + FREE
    bench.advance(PEACE + LOOK_EVERY)
    assert bench.beside.warnings() == ()
    bench.flush()
    assert bench.kernel.loads == 3 + FREE


def test_a_newer_table_while_we_look(bench):
    """What was found is compared with what was in force when it was read, or not at all."""
    bench.start()
    listing = Deferred()
    bench.beside._table._around = replace(bench.beside._table._around, table=lambda: listing)
    bench.watching[0]("")
    bench.advance(0.5)
    bench.state = replace(bench.state, table=replace(bench.TABLE, comment="another"))
    bench.settle()
    bench.beside._table._around = replace(bench.beside._table._around, table=lambda: succeed(bench.WHOLE))
    listing.callback(Filters())
    bench.advance(0.5)
    assert bench.told("dataplane.restored") == []
    assert bench.kernel.loads == 2


def test_before_anything_is_in_force(bench):
    """Nothing is expected, so nothing is missed."""
    bench.reconciler.in_force = None
    bench.start()
    bench.flush()
    assert bench.kernel.loads == 1
