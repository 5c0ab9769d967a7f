"""The real parts put together, without being started."""

import gc
import os
import stat
from pathlib import Path

import pytest
from twisted.internet import reactor

from icsframework.errors import HostError
from icsframework.gateway.assemble import RUN_MODE, look_for_garbage_again, make_gateway, make_run_directory
from icsframework.gateway.preflight import check
from icsframework.registry import Registry

FILE = "lans: [{interface: eth1}]\nuplinks: [{plugin: ethernet, interface: eth0}]\n"


def descriptors() -> set[str]:
    """What this process has open."""
    return {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}


def test_a_gateway_that_is_not_started_has_touched_nothing(tmp_path: Path) -> None:
    """No file is made and no socket opened before startService (libnftables' own netlink socket apart)."""
    path = tmp_path / "gateway.yaml"
    path.write_text(f"gateway: {{state: {tmp_path}/state, run: {tmp_path}/run}}\n{FILE}")
    registry = Registry.installed()
    config = check(str(path), registry, privileged=True)
    before = {one for one in descriptors() if not one.startswith("socket:")}
    gateway = make_gateway(
        reactor, config, str(path), registry, lambda: config, lambda error: None, lambda: None
    )
    assert {one for one in descriptors() if not one.startswith("socket:")} - before == set()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gateway.yaml"]
    assert not gateway.running
    assert gateway.config.lans[0].device == "eth1"


def test_garbage_is_looked_for_again_when_the_gateway_has_started() -> None:
    """The start had switched that off (tap.py); what is there by then is passed over from now on."""
    gc.disable()
    try:
        look_for_garbage_again()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()


def test_group_ics_reaches_the_socket_of_a_daemon(tmp_path: Path) -> None:
    """Whatever the umask, which twistd makes 077; a directory that is there already is left as it is."""
    run, before = tmp_path / "a" / "run", os.umask(0o077)
    try:
        make_run_directory(run)
    finally:
        os.umask(before)
    assert stat.S_IMODE(run.stat().st_mode) == RUN_MODE
    run.chmod(0o700)
    make_run_directory(run)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700


def test_a_run_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """With its key, the reason and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        HostError, match=r"gateway.run: the directory .*/file/run cannot be made: Not a directory; make"
    ):
        make_run_directory(tmp_path / "file" / "run")
