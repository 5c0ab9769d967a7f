"""The front door: pins, targets and scripts agree with the metadata."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {"tools/setup.sh": "sh", "tools/lock.sh": "sh", ".ci/run": "bash"}


@pytest.fixture(scope="module")
def project():
    """The project table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins():
    """The pinned packages: normalized name to version."""
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line[:1] != "#"]
    return {normalized(name): version for name, _, version in (line.partition("==") for line in lines)}


def normalized(name):
    """A package name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required(project):
    """The names of all packages that pyproject.toml asks for, extras included, ourselves excluded."""
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    wanted = [*project["dependencies"], *extras]
    names = {normalized(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in wanted}
    return names - {normalized(project["name"])}


def test_every_dependency_is_pinned(project, pins):
    """Whatever pyproject.toml asks for has its version in requirements.lock; `make lock` writes it."""
    assert required(project) - set(pins) == set()


def test_pins_are_names_and_versions(pins):
    """The lock file names no host: where packages come from is the machine's business."""
    assert [
        name for name, version in pins.items() if not re.fullmatch(r"[0-9][A-Za-z0-9.+!]*", version)
    ] == []


def test_the_installed_plugins_are_those_of_the_metadata(project):
    """Entry points are frozen when the project is installed; after a change of them, `make venv` installs it again."""
    wanted = {
        (group, name, where)
        for group, names in project["entry-points"].items()
        for name, where in names.items()
        if group.startswith("icsframework.")
    }
    found = {(e.group, e.name, e.value) for e in distribution(project["name"]).entry_points}
    assert wanted - found == set()


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_parse(script):
    """Every shell script can be run and is understood by its shell, and by shellcheck where it is installed."""
    path = ROOT / script
    assert os.access(path, os.X_OK)
    subprocess.run([SCRIPTS[script], "-n", path], check=True, timeout=20)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", path], check=True, timeout=60)


def test_make_help_lists_every_target():
    """`make help` names each target that a person would call."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split())
    told = subprocess.run(
        ["make", "--no-print-directory", "-s", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    ).stdout
    assert phony - {line.split()[0] for line in told.splitlines()} == {"help", "lint", "types", "fast"}


def test_hooks_are_local():
    """Committing downloads nothing: the hooks are the programs of .venv."""
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: *(\S+)", text) == ["local"]
