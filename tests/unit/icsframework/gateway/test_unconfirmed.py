"""The record of a trial on disk, and what a start makes of it."""

import stat
from pathlib import Path
from typing import Any

import pytest

from icsframework.errors import StoreError
from icsframework.gateway.preflight import check
from icsframework.gateway.unconfirmed import FILE, Trial, UnconfirmedFile, digest, instead
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.registry import FixedRegistry
from icsframework.testing.uplink import ScriptedUplinkFactory

TEXT = """
gateway: {{run: {run}}}
lans: [{{name: {name}, interface: eth1, services: [{{plugin: service}}]}}]
uplinks: [{{plugin: uplink, interface: eth0}}]
"""


@pytest.fixture
def registry() -> FixedRegistry:
    """Two plugins."""
    return FixedRegistry(
        {("uplink", "uplink"): ScriptedUplinkFactory(), ("lan_service", "service"): ScriptedLanFactory()}
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The file on trial."""
    path = tmp_path / "gateway.yaml"
    path.write_text(TEXT.format(run=tmp_path, name="new"))
    return path


@pytest.fixture
def record(tmp_path: Path, config: Path) -> UnconfirmedFile:
    """The record, not written."""
    return UnconfirmedFile(tmp_path / FILE, str(config))


@pytest.fixture
def trial(tmp_path: Path, config: Path) -> Trial:
    """That file instead of another one."""
    return Trial(TEXT.format(run=tmp_path, name="old"), digest(config.read_text()))


def started(config: Path, registry: Any) -> str:
    """The LAN that a start would serve."""
    chosen = instead(check(str(config), registry, privileged=True), str(config), registry)
    return chosen.lans[0].name


def test_a_start_during_a_trial_takes_what_was_before(
    config: Path, registry: Any, record: UnconfirmedFile, trial: Trial
) -> None:
    """Until the file is edited, or there is no trial."""
    assert started(config, registry) == "new"
    record.save(trial)
    assert record.load() == trial
    assert started(config, registry) == "old"
    config.write_text(config.read_text() + "# edited")
    assert record.load() is None
    assert started(config, registry) == "new"


def test_the_record_is_for_its_owner_only(record: UnconfirmedFile, trial: Trial) -> None:
    """The text may hold a password; also where another file was left under the name that is written first."""
    aside = record.path.with_name(record.path.name + ".new")
    aside.write_text("left by somebody")
    aside.chmod(0o644)
    record.save(trial)
    assert stat.S_IMODE(record.path.stat().st_mode) == 0o600


def test_cleared_is_gone(record: UnconfirmedFile, trial: Trial) -> None:
    """Twice is no error."""
    record.save(trial)
    record.clear()
    record.clear()
    assert record.load() is None
    assert not record.path.exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"ics-snapshot": "unconfirmed"}'])
def test_garbage_does_not_keep_the_gateway_from_starting(
    config: Path, registry: Any, record: UnconfirmedFile, content: str
) -> None:
    """The file is taken; who looks for the record is told."""
    record.path.write_text(content)
    with pytest.raises(StoreError):
        record.load()
    assert started(config, registry) == "new"


def test_what_is_no_configuration_any_more_is_not_taken(
    config: Path, registry: Any, record: UnconfirmedFile, trial: Trial
) -> None:
    """A plugin was removed meanwhile: better the file than nothing."""
    record.save(Trial("lans: 7", trial.digest))
    assert started(config, registry) == "new"


def test_a_directory_that_cannot_be_written_is_told(record: UnconfirmedFile, trial: Trial) -> None:
    """With the path."""
    record.path.mkdir()
    with pytest.raises(StoreError, match=FILE):
        record.save(trial)
    with pytest.raises(StoreError, match=FILE):
        record.clear()
