"""The real parts put together, without being started."""

from pathlib import Path

from twisted.internet import reactor

from icsframework.gateway.assemble import make_gateway
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
    checked = check(str(path), registry, privileged=True)
    before = {one for one in descriptors() if not one.startswith("socket:")}
    gateway = make_gateway(
        reactor, checked, str(path), registry, lambda: checked.config, lambda error: None, lambda: None
    )
    assert {one for one in descriptors() if not one.startswith("socket:")} - before == set()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gateway.yaml"]
    assert not gateway.running
    assert gateway.config.lans[0].device == "eth1"
