"""A broken stranger's helper is named, with its distribution and its fault, and harms nobody who did not ask for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ICS = Path(sys.executable).with_name("ics")
CONFIG = """\
lans: [{interface: eth1}]
uplinks: [{plugin: ethernet, interface: eth0}]
helpers:
  - plugin: PLUGIN
"""
UNUSABLE = {
    "import-error": "cannot be imported: ModuleNotFoundError: No module named 'acme_library_that_is_not_there'",
    "missing": "cannot be imported: AttributeError: module 'acme_broken.helpers' has no attribute 'missing'",
    "wrong-version": "cannot be used: it is written for API version 99, this is version 1",
    "a-class": "cannot be used: acme_broken.helpers:a_class is a class; the entry point must name an object of it",
    "no-factory": "NoFactory object",
    "no-model": "cannot be used: its Config is no subclass of fields.PluginConfig",
}
"""What is seen without a configuration."""
UNPREPARED = {
    "prepare-raises": "cannot be prepared: Defect: prepare has a bug",
    "prepare-talks": "cannot be prepared: TypeError: prepare answered 'ready', not a Readiness",
}
"""What is seen when it is configured."""


@pytest.fixture(scope="module")
def ics(broken_site):
    """Runs the `ics` command with the broken distribution installed."""

    def run(*words):
        done = subprocess.run(
            [ICS, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PYTHONPATH": str(broken_site), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def check(ics, directory, text):
    """`ics check` of a configuration."""
    file = directory / "gateway.yaml"
    file.write_text(text)
    return ics("check", file)


def test_listing_imports_nothing(ics):
    """`ics plugins` shows them all, with whose they are."""
    done = ics("plugins", "--json")
    rows = [row for row in json.loads(done.stdout) if row["distribution"] == "acme-broken"]
    assert done.returncode == 0
    assert {row["version"] for row in rows} == {"0.9"}
    assert {*UNUSABLE, *UNPREPARED} <= {row["name"] for row in rows}


def test_the_check_of_plugins_tells_each(ics):
    """`ics plugins --check` says in one sentence what is wrong with each, and its status that something is."""
    done = ics("plugins", "--check", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert {name for name, row in rows.items() if row["state"] == "broken"} == set(UNUSABLE)
    for name, fault in UNUSABLE.items():
        reason = rows[name]["reason"]
        assert reason.startswith(f"NAT helper plugin '{name}' of acme-broken 0.9 cannot be")
        assert fault in reason
        assert "\n" not in reason
    assert rows["dhcp"]["state"] == "ready"


@pytest.mark.parametrize("name", UNUSABLE)
def test_one_that_is_configured_is_an_error_with_its_line(ics, tmp_path, name):
    """`ics check` names plugin, distribution and fault, where it stands in the file."""
    done = check(ics, tmp_path, CONFIG.replace("PLUGIN", name))
    assert done.returncode == 2
    assert "gateway.yaml:4" in done.stdout + done.stderr
    assert f"NAT helper plugin '{name}' of acme-broken 0.9" in done.stdout + done.stderr
    assert UNUSABLE[name] in done.stdout + done.stderr


@pytest.mark.parametrize("name", UNPREPARED)
def test_one_that_cannot_be_prepared_is_an_error(ics, tmp_path, name):
    """Whatever `prepare` does, `ics check` says it."""
    done = check(ics, tmp_path, CONFIG.replace("PLUGIN", name))
    assert done.returncode == 2
    whose = f"helper {name}: NAT helper plugin '{name}' of acme-broken 0.9"
    assert f"{whose} {UNPREPARED[name]}" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["create-raises", "create-talks", "attachments-raise", "attachments-talk"])
def test_the_rules_are_shown_without_it(ics, tmp_path, name):
    """`ics render` shows what the others make, and says what of the broken one is missing."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIG.replace("PLUGIN", name))
    done = ics("render", file)
    assert done.returncode == 0
    assert "table inet ics" in done.stdout
    assert name in done.stdout + done.stderr


def test_unconfigured_ones_harm_nobody(ics, tmp_path):
    """A correct configuration is correct, whatever is installed beside."""
    assert check(ics, tmp_path, CONFIG.partition("helpers")[0]).returncode == 0
    assert check(ics, tmp_path, CONFIG.replace("PLUGIN", "session-raises")).returncode == 0
