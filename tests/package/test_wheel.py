"""The wheel holds our packages and nothing else, and works in a clean environment."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = {
    "icsframework.uplink": {"ethernet"},
    "icsframework.lan_service": {"dhcp", "dns"},
    "icsframework.nat_helper": {"games", "pptp"},
}


def run(*command, cwd):
    """Run a command to its end and return what it printed; fail with its errors if it does not end well."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this checkout while Twisted's cache lies about in it."""
    dropin = ROOT / "twisted/plugins/dropin.cache"
    there = dropin.exists()
    if not there:
        dropin.write_bytes(b"a cache that Twisted would write here")
    try:
        out = tmp_path_factory.mktemp("dist")
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    finally:
        if not there:
            dropin.unlink()
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel):
    """The paths in the wheel."""
    return [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory):
    """The bin directory of a new virtual environment with the wheel installed.

    The libraries come from the environment that runs the tests, through a path file that is read
    after site-packages, so that nothing is downloaded. Path files in there, our own editable
    install among them, are not read.
    """
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin/python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    twistd = home / "bin/twistd"
    twistd.write_text(f"#!{python}\nfrom twisted.scripts.twistd import run\nrun()\n")
    twistd.chmod(0o755)
    return home / "bin"


def test_top_level_names(names):
    """Only our two packages, our file among Twisted's plugins and the metadata are installed."""
    tops = {name.parts[0] for name in names}
    metadata = {top for top in tops if top.startswith("icsframework-") and top.endswith(".dist-info")}
    assert len(metadata) == 1
    assert tops - metadata == {"icsframework", "ics_plugins", "twisted"}
    assert [str(name) for name in names if name.parts[0] == "twisted"] == ["twisted/plugins/ics_plugin.py"]


def test_nothing_generated_or_of_the_tests_is_packed(names):
    """Caches, compiled files and tests stay at home."""
    assert [
        str(n) for n in names if n.name == "dropin.cache" or n.suffix == ".pyc" or "tests" in n.parts
    ] == []


def test_every_module_is_packed(names):
    """No module of the checkout is forgotten."""
    sources = [*ROOT.joinpath("icsframework").rglob("*.py")]
    expected = {str(path.relative_to(ROOT)) for path in sources}
    plugins = ROOT / "plugins"
    expected |= {str(path.relative_to(plugins)) for path in plugins.joinpath("ics_plugins").rglob("*.py")}
    assert expected - {str(name) for name in names} == set()


def test_the_data_files_of_the_plugins_are_packed(names):
    """A profile of a game, for example, is not forgotten because it is no code."""
    plugins = ROOT / "plugins"
    data = {
        str(path.relative_to(plugins))
        for path in plugins.joinpath("ics_plugins").rglob("*.*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert "ics_plugins/helpers/games/profiles/ident.json" in data
    assert data - {str(name) for name in names} == set()


def test_the_licence_is_packed(names):
    """The licence text travels with the code."""
    assert [name.name for name in names if "licenses" in name.parts] == ["LICENSE"]


def test_it_is_the_wheel_that_is_tested(clean, tmp_path):
    """The clean environment imports from itself, not from the checkout."""
    where = run(clean / "python", "-c", "import icsframework; print(icsframework.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(clean.parent)


def test_twistd_lists_ics(clean, tmp_path):
    """`twistd --help` of an installed wheel shows our command, and `twistd ics --help` its options."""
    listed = run(clean / "twistd", "--help", cwd=tmp_path)
    assert [line.split()[0] for line in listed.splitlines() if line.split()[:1] == ["ics"]] == ["ics"]
    assert "--config" in run(clean / "twistd", "ics", "--help", cwd=tmp_path)


def test_the_ics_command_works(clean, tmp_path):
    """The console script is installed and explains itself."""
    text = run(clean / "ics", "--help", cwd=tmp_path)
    assert "status" in text
    assert "check" in text


def test_entry_points_load(clean, tmp_path):
    """Every plugin that the wheel announces can be imported and is a factory of this contract version."""
    script = (
        "from importlib.metadata import distribution\n"
        "for e in distribution('icsframework').entry_points:\n"
        "    if e.group.startswith('icsframework.'):\n"
        "        print(e.group, e.name, e.load().api_version)\n"
    )
    found = [line.split() for line in run(clean / "python", "-c", script, cwd=tmp_path).splitlines()]
    assert {version for _, _, version in found} == {"1"}
    for group, expected in ENTRY_POINTS.items():
        assert {name for g, name, _ in found if g == group} >= expected
