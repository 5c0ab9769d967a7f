"""The first stranger: a helper that is a distribution of its own is installed, listed, configured and tested as such."""

import ast
import json
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/ics-helper-nuttcp"
CONFIG = """\
lans: [{interface: eth1}]
uplinks: [{plugin: ethernet, interface: eth0}]
helpers:
  - plugin: nuttcp
    ports: PORTS
    clients: [192.168.0.0/24]
"""


@pytest.fixture(scope="module")
def environment(make_environment):
    """Our wheel and the stranger's, and no checkout."""
    return make_environment(EXAMPLE)


def check(environment, directory, ports):
    """`ics check` of a configuration that names the stranger: its status, and its words."""
    file = directory / "gateway.yaml"
    file.write_text(CONFIG.replace("PORTS", ports))
    script = f"ics check {file} 2>&1; echo $?"
    *words, status = environment.run("python", "-c", f"import os; os.system({script!r})").splitlines()
    return int(status), "\n".join(words)


def imported(directory):
    """What the modules of a directory import of ics: package and first name below."""
    trees = [ast.parse(path.read_text()) for path in directory.rglob("*.py")]
    names = [node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[1] for name in names if name.startswith("icsframework.")}


def test_it_uses_what_a_stranger_may():
    """The helper knows the contracts and nothing else of ics; its tests know the test kit and the values."""
    assert imported(EXAMPLE / "src") == {"fields", "interfaces", "values"}
    assert imported(EXAMPLE / "tests") == {"testing"}


def test_its_wheel_holds_its_package(build_wheel):
    """Modules, the mark that they are typed, metadata; no tests."""
    names = zipfile.ZipFile(build_wheel(EXAMPLE)).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "ics_helper_nuttcp",
        "ics_helper_nuttcp-1.0.dist-info",
    }
    modules = {path.name for path in (EXAMPLE / "src/ics_helper_nuttcp").glob("*.py")}
    assert {name.rpartition("/")[2] for name in names if name.startswith("ics_helper_nuttcp/")} == {
        *modules,
        "py.typed",
    }


def test_it_is_listed(environment):
    """`ics plugins` knows whose it is, and `--check` that it is ready."""
    listed = json.loads(environment.run("ics", "plugins", "--check", "--json"))
    (entry,) = [one for one in listed if one["name"] == "nuttcp"]
    assert entry == {
        "name": "nuttcp",
        "kind": "nat_helper",
        "distribution": "ics-helper-nuttcp",
        "version": "1.0",
        "state": "ready",
        "reason": "",
    }
    assert "nuttcp" in environment.run("ics", "plugins")


def test_it_is_configured_by_name(environment, tmp_path):
    """`ics check` reads its keys with its own model, and names the line of a wrong one."""
    assert check(environment, tmp_path, "[5000, 5010]")[0] == 0
    assert check(environment, tmp_path, "5000")[0] == 0
    status, words = check(environment, tmp_path, "[5000, 99999]")
    assert status == 2
    assert "gateway.yaml:5" in words
    assert "helpers[0].ports[1]" in words


def test_it_is_in_the_schema(environment):
    """An editor that completes the file by `ics schema` knows its keys."""
    assert "TCP ports on which servers take control connections." in environment.run("ics", "schema")


def test_its_own_tests_pass(environment, tmp_path):
    """They find all they need in the installed wheels, wherever they are run."""
    printed = environment.run(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, EXAMPLE / "tests", cwd=tmp_path,
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    assert " passed" in printed
    assert "skipped" not in printed
