"""A look ahead: what a reload would change, and that it changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from icsframework.errors import ConfigurationError
from icsframework.gateway.forecast import table_difference
from icsframework.status import ReloadPreview
from icsframework.values import Up


@pytest.fixture
def bench(stand: Any, tmp_path: Path) -> Any:
    """The whole gateway on a machine in memory, not started."""
    return stand.Bench(tmp_path)


def preview(bench: Any) -> Any:
    """The look ahead, or the error."""
    got: list[Any] = []
    bench.gateway.preview().addCallbacks(got.append, lambda failure: got.append(failure.value))
    return got[0]


def test_it_tells_what_the_reload_does(bench: Any, stand: Any) -> None:
    """Parts, machine and packet filter; the reload that follows makes exactly that."""
    bench.start()
    bench.plugins.made["cable"].report(Up(stand.link("eth0", "203.0.113.5/24")))
    before, loaded, events = bench.machine.everything(), list(bench.tables.loaded), bench.ids()
    bench.write(stand.FILE.replace("services", "address: 192.168.7.1/24, services"))
    seen = preview(bench)
    assert seen.changes == "LAN home changed"
    assert any("192.168.7.1/24" in line for line in seen.machine)
    assert any("192.168.0.1/24" in line for line in seen.machine)
    changed = [line for line in seen.nft.splitlines() if line[0] in "+-" and "192.168." in line]
    assert {line[0] for line in changed} == {"+", "-"}
    assert seen.nft.startswith("--- in force\n+++ to come\n")
    assert (bench.machine.everything(), bench.tables.loaded, bench.ids()) == (before, loaded, events)
    bench.gateway.reload()
    assert table_difference(loaded[-1], bench.tables.loaded[-1]) == seen.nft
    assert preview(bench) == ReloadPreview("nothing has changed", (), "")


def test_an_uplink_that_starts_anew_has_no_link_at_first(bench: Any, stand: Any) -> None:
    """Its address goes; one that is only told its new settings keeps it."""
    bench.start()
    bench.plugins.made["cable"].report(Up(stand.link("eth0", "203.0.113.5/24")))
    bench.write(stand.FILE.replace("interface: eth0", "interface: eth0, colour: blue"))
    assert preview(bench).machine == ()
    bench.write(stand.FILE.replace("interface: eth0", "interface: eth0, weight: 2"))
    assert any("203.0.113.5" in line for line in preview(bench).machine)


def test_errors_of_the_file_are_those_of_the_reload(bench: Any, stand: Any) -> None:
    """With status 2; also of keys that only a restart changes."""
    bench.start()
    for text in (stand.FILE.replace("lans", "lanz"), "gateway: {mark: 0x0ff00000}\n" + stand.FILE):
        bench.write(text)
        error = preview(bench)
        assert isinstance(error, ConfigurationError)
        assert error.exit_status == 2
    assert "gateway.reload_failed" not in bench.ids()


def test_nothing_in_force_is_an_empty_text() -> None:
    """No table, no difference."""
    assert table_difference(None, None) == ""
