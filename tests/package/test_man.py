"""The manual pages are well formed and say what the program does."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

MAN = Path(__file__).resolve().parents[2] / "docs/man"
PAGES = sorted(MAN.glob("*.[1-9]"))
ICS = Path(sys.executable).parent / "ics"
SECTIONS = ["NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"]


def ics(*words):
    """Run the `ics` command."""
    return subprocess.run([ICS, *words], capture_output=True, text=True, timeout=60, check=False)


def words_of(page, macro):
    """The words that a page marks with a macro, for example every command (Cm) or key (Ic)."""
    lines = (MAN / page).read_text().splitlines()
    marked = [line.partition(f"{macro} ")[2] for line in lines if re.search(rf"(^\.|\s){macro}\s", line)]
    return set(re.findall(r"[a-z][a-z0-9_-]*", " ".join(marked)))


def commands_of_the_page():
    """The commands that ics.8 explains, each with the long options it names."""
    items = re.findall(r"^\.It Cm ([a-z]+)(.*)", (MAN / "ics.8").read_text(), re.MULTILINE)
    return {command: set(re.findall(r"Fl -([a-z-]+)", rest)) for command, rest in items}


def commands_of_the_program():
    """The commands that `ics --help` lists."""
    return set(re.findall(r"^    ([a-z]+) ", ics("--help").stdout, re.MULTILINE))


def examples(page):
    """The literal displays of a page."""
    text = (MAN / page).read_text()
    return [
        textwrap.dedent(block)
        for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL)
    ]


def keys_of(schema):
    """Every key that a configuration file may have anywhere, by its JSON schema."""
    found = set()
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            found |= set(schema["properties"])
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            found |= keys_of(part)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_its_sections(page):
    """Each page names itself and has what a reader looks for, in the usual order."""
    text = page.read_text()
    sections = [name for name in re.findall(r"^\.Sh (.*)", text, re.MULTILINE) if name in SECTIONS]
    assert sections == SECTIONS
    assert f".Dt {page.stem.upper()} {page.suffix[1:]}" in text


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_accepts_the_page(page):
    """The formatter has no warning."""
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("command", commands_of_the_page())
def test_a_command_has_the_options_of_the_page(command):
    """A command that the manual explains is one that the program knows, with the same options."""
    done = ics(command, "--help")
    assert done.returncode == 0, done.stderr
    options = set(re.findall(r"--([a-z-]+)", done.stdout)) - {"help"}
    if command == "lab":  # its options are its own affair: the manual sends to its help
        options = set()
    assert options == commands_of_the_page()[command]


def test_the_page_has_each_command():
    """No command of the program is missing in the manual, and none is there that the program lacks."""
    assert commands_of_the_program() == set(commands_of_the_page())


def test_each_key_is_on_the_page():
    """Every key that the schema allows is explained in gateway.yaml(5)."""
    done = ics("schema")
    assert done.returncode == 0, done.stderr
    keys = keys_of(json.loads(done.stdout))
    assert {"lans", "uplinks", "interface"} <= keys
    assert keys - words_of("gateway.yaml.5", "Ic") - words_of("gateway.yaml.5", "It") == set()


def test_the_example_is_a_valid_configuration(tmp_path):
    """The example of gateway.yaml(5) passes the checker as it stands."""
    (example,) = examples("gateway.yaml.5")
    (tmp_path / "gateway.yaml").write_text(example)
    done = ics("check", str(tmp_path / "gateway.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_smallest_configuration_is_valid(tmp_path):
    """So does the two-line file of ics(8)."""
    (tmp_path / "gateway.yaml").write_text(examples("ics.8")[0])
    done = ics("check", str(tmp_path / "gateway.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
