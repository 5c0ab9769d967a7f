"""Plugins by entry point: found, verified, and named when they are unusable."""

import sys
from pathlib import Path
from shutil import rmtree
from types import ModuleType
from typing import Any

import pytest

from icsframework.errors import PluginError
from icsframework.registry import PluginEntry, Registry, create, prepare, verify_product
from icsframework.testing.lan import ScriptedLanFactory
from icsframework.testing.uplink import ScriptedUplink, ScriptedUplinkFactory
from icsframework.values import SystemInfo


class Broken(ScriptedUplinkFactory):
    """Another version of the contracts."""

    api_version = 2


class Incomplete:
    """Says that it is an uplink factory, and is not."""

    api_version = 1


def entry(
    name: str, target: str = "strangers:factory", distribution: str = "acme", version: str = "1.2"
) -> PluginEntry:
    """An installed uplink plugin."""
    return PluginEntry("uplink", name, target, distribution, version)


@pytest.fixture
def strangers() -> Any:
    """A stranger's module."""
    module: Any = ModuleType("strangers")
    module.factory = ScriptedUplinkFactory()
    module.broken = Broken()
    module.incomplete = Incomplete()
    module.a_class = ScriptedUplinkFactory
    module.lan = ScriptedLanFactory()
    sys.modules["strangers"] = module
    yield module
    del sys.modules["strangers"]


def reason(registry: Registry, name: str, kind: str = "uplink") -> str:
    """The sentence of the refusal."""
    with pytest.raises(PluginError) as caught:
        registry.get(kind, name)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_first_party_plugins_are_found_like_any_other() -> None:
    """They are installed under their names, and all of them can be used."""
    registry = Registry.installed()
    assert {"ethernet"} <= set(registry.names("uplink"))
    assert {"dhcp", "dns"} <= set(registry.names("lan_service"))
    assert [report for report in registry.check() if report.state != "ready"] == []


def test_listing_imports_nothing() -> None:
    """A module that cannot even be imported is listed."""
    registry = Registry([entry("chess", "no_such_module:factory")])
    assert registry.names("uplink") == ["chess"]
    assert "no_such_module" not in sys.modules


def test_a_plugin_is_imported_once(strangers: Any) -> None:
    """The same factory for everybody."""
    registry = Registry([entry("chess")])
    assert registry.get("uplink", "chess") is strangers.factory
    assert registry.get("uplink", "chess") is strangers.factory


def test_module_and_attribute_name_a_plugin_too(strangers: Any) -> None:
    """Code that is on the path without being installed."""
    assert Registry().get("uplink", "strangers:factory") is strangers.factory


def test_a_missing_plugin_suggests_the_nearest() -> None:
    """A typo is told so; otherwise what is installed."""
    registry = Registry([entry("chess")])
    assert reason(registry, "ches") == "there is no uplink plugin 'ches'; did you mean 'chess'?"
    assert reason(registry, "xyz") == "there is no uplink plugin 'xyz'; installed are: chess"
    assert reason(registry, "xyz", "nat_helper") == "there is no NAT helper plugin 'xyz'; installed are: none"


def test_a_title_says_whose_a_plugin_is() -> None:
    """Kind, name, distribution and version; without the latter for one that is only on the path, or is two."""
    registry = Registry([entry("chess"), entry("twin"), entry("twin", distribution="other")])
    assert registry.title("uplink", "chess") == "uplink plugin 'chess' of acme 1.2"
    assert registry.title("nat_helper", "chess") == "NAT helper plugin 'chess'"
    assert registry.title("uplink", "mine:factory") == "uplink plugin 'mine:factory'"
    assert registry.title("uplink", "twin") == "uplink plugin 'twin'"


def test_what_cannot_be_created_is_named_with_its_distribution(strangers: Any) -> None:
    """Whether its factory raises or makes something else."""
    strangers.factory.create = lambda *arguments: 1 / 0
    with pytest.raises(PluginError) as caught:
        create(Registry([entry("chess")]), "uplink", "chess")
    assert str(caught.value) == (
        "uplink plugin 'chess' of acme 1.2 cannot be created: ZeroDivisionError: division by zero; "
        "update or remove that plugin"
    )
    strangers.factory.create = lambda *arguments: object()
    with pytest.raises(
        PluginError, match=r"^uplink plugin 'chess' of acme 1\.2 created an object that does not"
    ):
        create(Registry([entry("chess")]), "uplink", "chess")


def test_what_prepare_answers_is_looked_at() -> None:
    """A Readiness and nothing else."""
    system = SystemInfo(True, "6.1", lambda name: None)
    factory: Any = ScriptedUplinkFactory()
    assert prepare(factory, factory.Config(), system).is_ready
    factory.prepare = lambda config, system: "ready"
    with pytest.raises(TypeError, match="prepare answered 'ready', not a Readiness"):
        prepare(factory, factory.Config(), system)


def test_what_was_installed_since_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again finds a distribution that came, and misses one that went; one that is loaded stays loaded."""
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry.installed()
    assert "chess" not in registry.names("nat_helper")
    (tmp_path / "late_chess.py").write_text(
        "from icsframework.testing.helper import ScriptedHelperFactory\nfactory = ScriptedHelperFactory()\n"
    )
    metadata = tmp_path / "late_chess-3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: late-chess\nVersion: 3\n")
    (metadata / "entry_points.txt").write_text("[icsframework.nat_helper]\nchess = late_chess:factory\n")
    registry.look_again()
    assert registry.title("nat_helper", "chess") == "NAT helper plugin 'chess' of late-chess 3"
    factory = registry.get("nat_helper", "chess")
    rmtree(metadata)
    registry.look_again()
    assert "chess" not in registry.names("nat_helper")
    assert registry.get("nat_helper", "chess") is factory
    sys.modules.pop("late_chess")


def test_a_registry_of_given_entries_looks_at_nothing_else() -> None:
    """What a test gives is all there is."""
    registry = Registry([entry("chess")])
    registry.look_again()
    assert registry.names("uplink") == ["chess"]


def test_duplicates_are_refused_with_both_origins() -> None:
    """Which of two plugins runs is never decided by accident; the same one seen twice is one."""
    twice = Registry([entry("chess"), entry("chess", distribution="other", version="3")])
    assert reason(twice, "chess") == (
        "uplink plugin 'chess' is installed twice, by acme 1.2 and other 3; uninstall one of them"
    )
    assert len(Registry([entry("chess"), entry("chess")]).entries()) == 1


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:factory", "of acme 1.2 cannot be imported: ModuleNotFoundError"),
        ("strangers:nothing", "of acme 1.2 cannot be imported: AttributeError"),
        ("strangers:broken", "it is written for API version 2, this is version 1; update it"),
        ("strangers:a_class", "strangers:a_class is a class; the entry point must name an object of it"),
        ("strangers:incomplete", "Incomplete"),
        ("strangers:lan", "ScriptedLanFactory"),
    ],
)
def test_an_unusable_plugin_is_named_with_its_fault(strangers: Any, target: str, words: str) -> None:
    """One sentence: which plugin, whose, what is wrong."""
    sentence = reason(Registry([entry("chess", target)]), "chess")
    assert words in sentence
    assert sentence.startswith("uplink plugin 'chess' of acme 1.2")
    assert "\n" not in sentence


def test_check_reports_every_plugin_and_keeps_the_traceback(strangers: Any) -> None:
    """A broken one does not hide the others."""
    reports = Registry([entry("bad", "no_such_module:f"), entry("good")]).check()
    assert [(r.entry.name, r.state) for r in reports] == [("bad", "broken"), ("good", "ready")]
    assert "ModuleNotFoundError" in reports[0].traceback


def test_what_a_factory_creates_is_verified() -> None:
    """An object that lacks a method is refused by name."""
    verify_product("uplink", "chess", ScriptedUplink(lambda state: None))
    with pytest.raises(
        PluginError, match="uplink plugin 'chess' created an object that does not keep its contract"
    ):
        verify_product("uplink", "chess", object())


def test_a_module_that_exits_is_named(
    strangers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that was never meant to be imported does not end the gateway without a word."""
    (tmp_path / "leaver.py").write_text("raise SystemExit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert reason(Registry([entry("a", "leaver:factory")]), "a") == (
        "uplink plugin 'a' of acme 1.2 cannot be imported: SystemExit: 3; update or remove it"
    )


def test_a_factory_without_a_config_of_ours_is_refused(strangers: Any) -> None:
    """``ics plugins --check`` does not call ready what no configuration could use."""
    strangers.factory.Config = dict
    assert "its Config is no subclass of fields.PluginConfig" in reason(Registry([entry("a")]), "a")


def test_attributes_that_raise_are_a_refusal(strangers: Any) -> None:
    """Whatever a stranger's object does when it is looked at."""

    class Trap(ScriptedUplinkFactory):
        @property
        def api_version(self) -> int:  # type: ignore[override]
            raise RuntimeError("boom")

    strangers.factory = Trap()
    assert "cannot be used: boom" in reason(Registry([entry("a")]), "a")


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (OSError(24, "Too many open files"), r"cannot be looked for \(Too many open files\); try again"),
        ([], "none is found any more"),
    ],
)
def test_what_cannot_be_seen_is_not_taken_for_gone(seen: object, sentence: str) -> None:
    """A reload without file descriptors is refused with the reason, and the plugins known before are still known."""
    known = PluginEntry("uplink", "ethernet", "a:factory", "ics", "1")

    def look() -> list[PluginEntry]:
        if isinstance(seen, OSError):
            raise seen
        return []

    registry = Registry([known], look)
    with pytest.raises(PluginError, match=sentence):
        registry.look_again()
    assert registry.entries() == (known,)
