"""Who looks at the counters of what keeps an uplink up, and when."""

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from icsframework.errors import NftError
from icsframework.testing.gateway import FakeClock, FakeEvents
from icsframework.testing.uplink import ScriptedUplink
from icsframework.uplinks.activity import LAST_LOOK, Activity
from icsframework.uplinks.quiet import Quiet
from icsframework.uplinks.runner import UplinkSpec
from icsframework.uplinks.supervisor import Supervisor
from icsframework.values import Cause, Down, Link, Up

ASK = Cause("demand.wake")


class Log:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str, **fields: object) -> None:
        """One more."""
        self.warnings.append(text.format(**fields))


class Bench:
    """Uplinks on demand ``name=seconds of quiet``, and counters that the test moves."""

    def __init__(self, **idle: float) -> None:
        self.clock = FakeClock()
        self.supervisor = Supervisor(
            self.clock, FakeEvents("uplinks", self.clock), Logger(), lambda: succeed(None), lambda: 0.5
        )
        self.plugins: dict[str, ScriptedUplink] = {}
        self.counts = {f"keep_{name}": 0 for name in idle} | {"dropped": 5}
        self.reads: list[float] = []
        self.answer: Any = lambda: succeed(dict(self.counts))
        self.log = Log()
        for index, (name, seconds) in enumerate(idle.items(), 1):
            self._start(index, name, seconds)
        self.activity = Activity(self.clock, self.supervisor, self._read, self.log)  # type: ignore[arg-type]
        self.activity.start()

    def _start(self, index: int, name: str, idle: float) -> None:
        def make(observer: Any) -> ScriptedUplink:
            self.plugins[name] = ScriptedUplink(observer)
            return self.plugins[name]

        self.supervisor.start(
            UplinkSpec(name, "scripted", "demand", name, True, index << 16, make, quiet=Quiet(idle))
        )
        self.plugins[name].report(Down())

    def _read(self) -> Any:
        self.reads.append(self.clock.now())
        return self.answer()

    def up(self, name: str = "modem") -> None:
        """Dialled and up."""
        self.supervisor.runner(name).ask(ASK)
        link = Link(name, 2, None, "ppp", "inline", 1500, True, self.clock.now(), None)
        self.plugins[name].report(Up(link))

    def due(self, name: str = "modem") -> float | None:
        """When it is hung up."""
        return self.supervisor.runner(name).hangs_up_at()

    def pass_(self, seconds: float) -> None:
        """Time passes from one timer to the next."""
        clock, end = self.clock.clock, self.clock.now() + seconds
        while any(call.getTime() <= end for call in clock.getDelayedCalls()):
            clock.advance(min(call.getTime() for call in clock.getDelayedCalls()) - clock.seconds())
        clock.advance(end - clock.seconds())


def test_nothing_is_read_while_no_uplink_is_up() -> None:
    """It costs nothing to be armed, and nothing after the hang-up."""
    bench = Bench(modem=10.0)
    bench.pass_(100.0)
    assert (bench.reads, bench.clock.clock.getDelayedCalls()) == ([], [])
    bench.up()
    bench.pass_(20.0)
    count = len(bench.reads)
    bench.pass_(100.0)
    assert (bench.due(), len(bench.reads), bench.clock.clock.getDelayedCalls()) == (None, count, [])


def test_it_is_read_at_once_and_five_times_in_the_time_of_quiet() -> None:
    """And once more just before the hang-up."""
    bench = Bench(modem=10.0)
    bench.up()
    assert bench.reads == [0.0]
    bench.pass_(9.95)
    assert [round(when, 1) for when in bench.reads] == [0.0, 2.0, 4.0, 6.0, 8.0, round(10.0 - LAST_LOOK, 1)]


def test_long_times_of_quiet_are_measured_to_five_seconds_and_short_ones_to_half_a_second() -> None:
    """The shortest of several decides."""
    for idle, pause in ((3600.0, 5.0), (1.0, 0.5)):
        bench = Bench(modem=idle, other=7200.0)
        bench.up()
        bench.up("other")
        bench.reads.clear()
        bench.pass_(pause + 0.05)
        assert len(bench.reads) == 1


def test_a_counter_that_moved_keeps_its_uplink_up() -> None:
    """And no other; traffic before the first reading after a dial counts as well."""
    bench = Bench(modem=10.0, other=10.0)
    bench.up()
    bench.up("other")
    bench.counts["keep_modem"] = 3
    bench.pass_(2.05)
    assert [round(bench.due(name) or 0, 1) for name in ("modem", "other")] == [12.0, 10.0]
    bench.pass_(8.0)
    assert bench.plugins["other"].calls == ["demand.wake", "-demand.idle: no traffic for 10s"]
    assert bench.plugins["modem"].calls == ["demand.wake"]


def test_what_begins_just_before_the_hang_up_keeps_it_up() -> None:
    """The last look sees it."""
    bench = Bench(modem=10.0)
    bench.up()
    bench.pass_(9.0)
    bench.counts["keep_modem"] = 1
    bench.pass_(2.0)
    assert round(bench.due() or 0, 1) == 19.8


def test_a_counter_that_begins_anew_has_moved() -> None:
    """The rules were loaded again: what it counted between is not known."""
    bench = Bench(modem=10.0)
    bench.counts["keep_modem"] = 7
    bench.up()
    bench.counts["keep_modem"] = 0
    bench.pass_(2.05)
    assert round(bench.due() or 0, 1) == 12.0


def test_a_call_begins_with_what_the_counter_shows_then() -> None:
    """What another call carried is not this one's."""
    bench = Bench(modem=10.0)
    bench.up()
    bench.pass_(11.0)
    bench.counts["keep_modem"] = 50
    bench.up()
    began = bench.clock.now()
    bench.pass_(5.0)
    assert round(bench.due() or 0, 1) == round(began + 10.0, 1)


def test_counters_that_cannot_be_read_hang_nobody_up() -> None:
    """It is told once, until they can be read again."""
    bench = Bench(modem=10.0)
    bench.up()
    bench.answer = lambda: fail(NftError("nft is gone"))
    bench.pass_(30.0)
    told = "cannot see whether uplinks are used, so none is hung up for quiet: nft is gone"
    assert (bench.plugins["modem"].calls, bench.log.warnings) == (["demand.wake"], [told])
    bench.answer = lambda: succeed(dict(bench.counts))
    bench.pass_(4.0)
    bench.answer = lambda: fail(NftError("nft is gone"))
    bench.pass_(4.0)
    assert bench.log.warnings == [told] * 2


def test_a_counter_that_is_missing_hangs_nobody_up_either() -> None:
    """Nor does one that was missing and comes."""
    bench = Bench(modem=10.0)
    del bench.counts["keep_modem"]
    bench.up()
    bench.pass_(4.05)
    assert round(bench.due() or 0, 1) == 14.0
    assert bench.log.warnings == [
        "cannot see whether uplinks are used, so none is hung up for quiet: the packet filter has no counter keep_modem"
    ]
    bench.counts["keep_modem"] = 0
    bench.pass_(30.0)
    assert bench.plugins["modem"].calls[-1] == "-demand.idle: no traffic for 10s"


def test_one_reading_at_a_time() -> None:
    """A slow packet filter is not asked again meanwhile, whatever happens."""
    bench = Bench(modem=100.0, other=100.0)
    reading: Deferred[dict[str, int]] = Deferred()
    bench.answer = lambda: reading
    bench.up()
    bench.up("other")
    bench.pass_(60.0)
    assert len(bench.reads) == 1
    bench.answer = lambda: succeed(dict(bench.counts))
    reading.callback(dict(bench.counts))
    bench.pass_(6.0)
    assert len(bench.reads) == 2


def test_who_stopped_looks_no_more() -> None:
    """Also when a reading ends later, or an uplink changes."""
    bench = Bench(modem=100.0)
    reading: Deferred[dict[str, int]] = Deferred()
    bench.answer = lambda: reading
    bench.up()
    bench.activity.stop()
    reading.callback({"keep_modem": 5})
    bench.plugins["modem"].report(Down())
    bench.pass_(1.0)
    bench.up()
    assert len(bench.reads) == 1
