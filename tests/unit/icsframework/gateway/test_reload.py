"""Reloads on trial: kept, or gone back from by themselves; and reloads at odd moments."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from icsframework.errors import IcsError, NftError, NotRunning, StoreError
from icsframework.gateway.reload import RETRY
from icsframework.gateway.unconfirmed import Trial, digest
from icsframework.status import to_json


@pytest.fixture
def bench(stand: Any, tmp_path: Path) -> Any:
    """The whole gateway on a machine in memory, not started."""
    return stand.Bench(tmp_path)


def result(deferred: Deferred[Any]) -> Any:
    """What it fired with, or the error; "waiting" if it has not."""
    got: list[Any] = []
    deferred.addCallbacks(got.append, lambda failure: got.append(failure.value))
    return got[0] if got else "waiting"


def said(bench: Any) -> list[str]:
    """The events of reloads so far."""
    return [e.id.removeprefix("gateway.") for e in bench.events if e.id.startswith("gateway.reload")]


@pytest.fixture
def old(stand: Any) -> str:
    """The file that it starts with."""
    return str(stand.FILE)


@pytest.fixture
def new(old: str) -> str:
    """The file that is tried."""
    return old.replace("services", "address: 192.168.7.1/24, services")


@pytest.fixture
def tried(bench: Any, new: str) -> Any:
    """A gateway with a new configuration on trial for 60 s."""
    bench.start()
    bench.write(new)
    assert result(bench.gateway.reload(60)) == "LAN home changed"
    return bench


def served(bench: Any) -> str:
    """The address that LAN home is served with."""
    return str(bench.gateway.lans.states["home"].served.address)


def test_a_trial_shows_and_goes_back_by_itself(tried: Any, old: str, new: str) -> None:
    """With the time left; then what was before is in force by the same difference, and the file is named as not in force."""
    tried.clock.clock.advance(18.5)
    pending = to_json(tried.gateway.status())["gateway"]["pending"]
    assert (pending["changes"], pending["seconds_left"]) == ("LAN home changed", 41.5)
    assert served(tried) == "192.168.7.1/24"
    assert tried.unconfirmed.trial == Trial(old, digest(new))
    assert not any("not in force" in text for text in tried.gateway.status().warnings)
    tried.clock.clock.advance(41.5)
    assert served(tried) == "192.168.0.1/24"
    assert tried.plugins.made["cable"].calls == ["always"]
    assert said(tried) == ["reloaded", "reload_on_trial", "reload_rolled_back"]
    status = tried.gateway.status()
    assert status.gateway.pending is None
    assert any(
        "gateway.yaml is not in force, because nobody confirmed it" in text for text in status.warnings
    )
    assert tried.unconfirmed.trial == Trial(old, digest(new))


def test_a_trial_that_is_kept_stays(tried: Any) -> None:
    """Nothing is left that could go back, now or at the next start."""
    assert result(tried.gateway.keep()) == "LAN home changed"
    tried.clock.clock.advance(1000)
    assert served(tried) == "192.168.7.1/24"
    assert tried.unconfirmed.trial is None
    assert said(tried)[-1] == "reload_confirmed"
    error = result(tried.gateway.keep())
    assert str(error) == "No reload waits to be confirmed; what is in force stays."


def test_a_second_reload_meanwhile_is_refused(tried: Any, old: str) -> None:
    """With the sentence that helps, by command or by signal; the trial goes on."""
    tried.write(old)
    tried.clock.clock.advance(20)
    for confirm in (None, 5):
        error = result(tried.gateway.reload(confirm))
        assert isinstance(error, IcsError)
        assert "confirm it with ics reload --keep, or wait the 40 s" in str(error)
    assert served(tried) == "192.168.7.1/24"
    assert said(tried)[2:] == ["reload_failed", "reload_failed"]


def test_going_back_is_tried_again_until_the_machine_lets_us(tried: Any) -> None:
    """Until then what is on trial stays in force, whole, and can still be kept."""
    tried.tables.error = NftError("nft refused the rules")
    tried.clock.clock.advance(60)
    assert served(tried) == "192.168.7.1/24"
    assert said(tried)[-1] == "reload_failed"
    assert to_json(tried.gateway.status())["gateway"]["pending"]["seconds_left"] == 0
    tried.tables.error = None
    tried.clock.clock.advance(RETRY)
    assert served(tried) == "192.168.0.1/24"
    assert said(tried)[-1] == "reload_rolled_back"


def test_a_trial_that_cannot_be_recorded_does_not_begin(bench: Any, new: str) -> None:
    """A restart could not go back, so nothing is changed; without --confirm it is taken."""
    bench.start()
    bench.write(new)
    bench.unconfirmed.error = StoreError("the disk is full")
    assert str(result(bench.gateway.reload(60))) == "the disk is full"
    assert served(bench) == "192.168.0.1/24"
    assert result(bench.gateway.reload()) == "LAN home changed"


def test_a_trial_that_fails_leaves_no_record(bench: Any, new: str) -> None:
    """There is nothing to confirm."""
    bench.start()
    bench.write(new)
    bench.tables.error = NftError("no")
    assert isinstance(result(bench.gateway.reload(60)), NftError)
    assert bench.unconfirmed.trial is None
    assert bench.gateway.status().gateway.pending is None


def test_nothing_to_try_is_no_trial(bench: Any) -> None:
    """A file that means the same needs no confirmation."""
    bench.start()
    assert result(bench.gateway.reload(60)) == "nothing has changed"
    assert (bench.gateway.status().gateway.pending, bench.unconfirmed.trial) == (None, None)


def test_a_start_says_that_the_file_is_not_in_force(bench: Any, old: str, new: str) -> None:
    """The process before us ended during a trial; a reload takes the file as it is."""
    bench.unconfirmed.trial = Trial(old, digest(new))
    bench.start()
    assert said(bench) == ["reload_rolled_back"]
    assert any("is not in force" in text for text in bench.gateway.status().warnings)
    bench.write(new)
    assert result(bench.gateway.reload()) == "LAN home changed"
    assert bench.unconfirmed.trial is None
    assert not any("is not in force" in text for text in bench.gateway.status().warnings)


def test_a_start_with_a_record_that_is_not_valid_any_more_says_so(bench: Any, new: str) -> None:
    """What was kept is no configuration: the file is in force although nobody confirmed it."""
    bench.unconfirmed.trial = Trial("lans: 7", digest(new))
    bench.start()
    told = [event.fields["problem"] for event in bench.events if event.id == "config.warning"]
    assert any("although nobody confirmed it" in problem for problem in told)
    assert bench.unconfirmed.trial is None


def test_a_reload_before_the_start_is_complete_waits_for_it(bench: Any, new: str) -> None:
    """SIGHUP comes while nft works: it is not lost, and carried out when the start has come to its end."""
    loading: list[Deferred[Any]] = []

    def slowly(table: object) -> Deferred[Any]:
        loading.append(Deferred())
        bench.tables.loaded.append(table)
        return loading[-1]

    bench.tables.publish = slowly
    bench.gateway.startService()
    bench.write(new)
    reloading = bench.gateway.reload()
    assert result(reloading) == "waiting"
    del bench.tables.publish
    loading[0].callback(None)
    assert result(reloading) is None or served(bench) == "192.168.7.1/24"
    assert bench.ids().index("gateway.ready") < bench.ids().index("gateway.reloaded")


def test_a_reload_meets_a_stop(bench: Any, new: str) -> None:
    """It is refused: nothing is configured any more while the machine is given back."""
    bench.start()
    bench.gateway.stopService()
    bench.write(new)
    assert isinstance(result(bench.gateway.reload()), NotRunning)
    assert isinstance(result(bench.gateway.keep()), NotRunning)
    assert isinstance(result(bench.gateway.preview()), NotRunning)


def test_a_reload_after_a_start_that_failed_is_refused(bench: Any) -> None:
    """The process is about to end."""
    bench.tables.error = NftError("no")
    bench.gateway.startService()
    assert isinstance(result(bench.gateway.reload()), NotRunning)


def test_a_stop_ends_the_trial_and_leaves_its_record(tried: Any) -> None:
    """No timer is left; the next start has to know of it."""
    tried.gateway.stopService()
    assert tried.clock.clock.getDelayedCalls() == []
    assert tried.unconfirmed.trial is not None
    assert tried.machine.everything() == tried.original


def test_two_reloads_at_once_are_done_one_after_the_other(bench: Any, stand: Any, old: str) -> None:
    """The second begins when the first has ended, with the file as it is then."""
    bench.start()
    loading: list[Deferred[Any]] = []

    def slowly(table: object) -> Deferred[Any]:
        loading.append(Deferred())
        bench.tables.loaded.append(table)
        return loading[-1]

    bench.tables.publish = slowly
    bench.write(old.replace("services", "address: 192.168.7.1/24, services"))
    first = bench.gateway.reload()
    bench.write(old.replace("services", "address: 192.168.8.1/24, services"))
    second = bench.gateway.reload()
    assert (result(first), result(second), len(loading)) == ("waiting", "waiting", 1)
    del bench.tables.publish
    loading[0].callback(None)
    assert served(bench) == "192.168.8.1/24"
    assert said(bench) == ["reloaded", "reloaded"]


def test_a_defect_while_the_file_is_loaded_is_told_as_well(bench: Any) -> None:
    """Whoever sent SIGHUP hears of it only by the event; the old configuration stays in force."""

    def defect() -> None:
        raise ValueError("a defect")

    bench.start()
    bench.gateway.reloads._load = defect
    assert str(result(bench.gateway.reload())) == "a defect"
    assert said(bench)[-1] == "reload_failed"
    assert bench.events[-1].fields["reason"] == "ValueError: a defect"
