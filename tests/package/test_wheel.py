"""The wheel holds our packages and nothing else, and works in a clean environment."""

import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = {
    "icsframework.uplink": {"ethernet"},
    "icsframework.lan_service": {"dhcp", "dns"},
    "icsframework.nat_helper": {"games", "pptp"},
}


@pytest.fixture(scope="module")
def wheel(build_wheel):
    """The wheel, built from this checkout."""
    return build_wheel(ROOT)


@pytest.fixture(scope="module")
def names(wheel):
    """The paths in the wheel."""
    return [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]


@pytest.fixture(scope="module")
def clean(make_environment):
    """A new virtual environment with the wheel installed."""
    return make_environment()


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
    where = clean.run("python", "-c", "import icsframework; print(icsframework.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(clean.home)


def test_twistd_lists_ics(clean, tmp_path):
    """`twistd --help` of an installed wheel shows our command, and `twistd ics --help` its options."""
    listed = clean.run("twistd", "--help", cwd=tmp_path)
    assert [line.split()[0] for line in listed.splitlines() if line.split()[:1] == ["ics"]] == ["ics"]
    assert "--config" in clean.run("twistd", "ics", "--help", cwd=tmp_path)


def test_the_ics_command_works(clean, tmp_path):
    """The console script is installed and explains itself."""
    text = clean.run("ics", "--help", cwd=tmp_path)
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
    found = [line.split() for line in clean.run("python", "-c", script, cwd=tmp_path).splitlines()]
    assert {version for _, _, version in found} == {"1"}
    for group, expected in ENTRY_POINTS.items():
        assert {name for g, name, _ in found if g == group} >= expected
