"""What the pages say is there: commands, targets, files, links, tests, keys, and the parts that follow from the code."""

import importlib.util
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from icsframework.config.loader import load
from icsframework.config.not_yet import NOT_YET
from icsframework.registry import Registry
from icsframework.uplinks.quiet import Quiet

ROOT = Path(__file__).resolve().parents[2]
ICS = Path(sys.executable).parent / "ics"
EXAMPLE = ROOT / "examples/ics-helper-nuttcp"
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "plugins/README.md",
    EXAMPLE / "README.md",
]
TOP = ("icsframework", "plugins", "tests", "tools", "etc", "docs", "newsfragments", "twisted", "ics_plugins")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(text, *languages):
    """The contents of the fenced blocks in one of these languages."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    return [block for language, block in fenced if language in languages]


def spans(text):
    """The code spans outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))


def typed(text):
    """Everything that a reader may type, a line each, without comments: spans, shell blocks, and lines after a prompt."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    lines += [
        line[2:] for block in blocks(text, "console") for line in block.splitlines() if line.startswith("$ ")
    ]
    return [line.split(" #")[0] for line in (*spans(text), *lines)]


def commands(text):
    """(command, long options) of every `ics COMMAND`."""
    found = []
    for line in typed(text):
        for words in re.findall(r"(?:^|[ /])ics(?: --socket \S+)? ([a-z]+\b[^|;]*)", line):
            if "twist" not in line and not re.search(r"\b(systemctl|man) ", line):
                command = words.split()[0]
                found.append((command, frozenset(re.findall(r" (--[a-z-]+)", words))))
    return set(found)


def targets(text):
    """Every `make TARGET`."""
    return {word for line in typed(text) for word in re.findall(r"(?:^| )make ([a-z]+)", line)}


def paths(text):
    """Every file or directory of the checkout that a span names; {a,b} stands for several."""
    found = set()
    for span in spans(text):
        path, _, test = span.partition("::")
        if re.fullmatch(rf"(?:{'|'.join(TOP)})/[\w./{{}},-]*", path):
            parts = [
                part[1:-1].split(",") if part[0] == "{" else [part]
                for part in re.findall(r"{[^}]*}|[^{]+", path)
            ]
            found |= {("".join(way), test) for way in product(*parts)}
    return found


def anchors(text):
    """What headings can be linked to."""
    headings = re.findall(
        r"^#+ (.*)", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page, text):
    """Relative links that lead nowhere."""
    dead = []
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith(("http:", "https:")):
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text() if file else text)):
            dead.append(target)
    return dead


def usage(*words):
    """What the `ics` command says of itself."""
    return subprocess.run(
        [ICS, *words, "--help"], capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.fixture(scope="module")
def known():
    """Every command of `ics`, with its long options."""
    return {
        command: frozenset(re.findall(r"--[a-z-]+", usage(command)))
        for command in re.findall(r"^    ([a-z]+) ", usage(), re.MULTILINE)
    }


@every_page
def test_commands_exist(page, known):
    """Each `ics` command on the page exists, with the options that stand behind it."""
    named = commands(page.read_text())
    assert [f"ics {c} {' '.join(o)}" for c, o in named if c not in known or not o <= known[c]] == []


@every_page
def test_targets_exist(page):
    """Each `make` target on the page is one of the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split())
    assert targets(page.read_text()) - phony == set()


@every_page
def test_files_and_tests_exist(page):
    """Each path on the page exists, and each file::test is a test in that file."""
    wrong = []
    for path, test in paths(page.read_text()):
        roots = (ROOT, ROOT / "plugins", ROOT / "plugins/ics_plugins", EXAMPLE)
        file = next((root / path for root in roots if (root / path).exists()), None)
        if file is None or (test and f"def {test}(" not in file.read_text()):
            wrong.append(f"{path}::{test}")
    assert wrong == []


@every_page
def test_links_lead_somewhere(page):
    """Each relative link has its file and its heading."""
    assert dead_links(page, page.read_text()) == []


@every_page
def test_configurations_are_correct(page, tmp_path):
    """Each whole configuration on the page passes `ics check`, without a word about keys that have no function."""
    file = tmp_path / "gateway.yaml"
    for block in blocks(page.read_text(), "yaml"):
        if "lans:" in block and "uplinks:" in block:
            file.write_text(block)
            result = load(file, Registry.installed())
            assert [str(problem) for problem in (*result.errors, *result.warnings)] == []


@pytest.mark.parametrize("name", ["gateway", "dialup", "cellular", "demand"])
def test_the_examples_are_correct(name):
    """Each of etc/ passes without a word."""
    result = load(ROOT / f"etc/{name}.yaml", Registry.installed())
    assert (list(result.errors), list(result.warnings)) == ([], [])


@pytest.mark.parametrize("name", ["dialup", "cellular", "demand"])
def test_what_the_examples_show_commented_out_is_correct(name, tmp_path):
    """With every default written out, and every further uplink, the file still passes."""
    lines = (ROOT / f"etc/{name}.yaml").read_text().splitlines()
    at = lines.index("lans:")
    shown = [re.sub(r"^( +)# (?=(- )?[a-z_]+:|  +[a-z-])", r"\1", line) for line in lines[at:]]
    assert sum(a != b for a, b in zip(shown, lines[at:], strict=True)) > 5
    file = tmp_path / "gateway.yaml"
    file.write_text("\n".join(shown))
    result = load(file, Registry.installed())
    assert [str(error) for error in result.errors if "secret" not in str(error)] == []


def test_the_guarantees_name_their_tests():
    """Every row of README's table of guarantees names a test."""
    table = (
        (ROOT / "README.md")
        .read_text()
        .partition("| Guarantee | Test |\n|---|---|\n")[2]
        .partition("\n\n")[0]
    )
    rows = table.splitlines()
    assert len(rows) > 10
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+` \|$", row)] == []


def test_the_comparison_claims_what_a_test_shows():
    """Each row of README's comparison either names the test of what we claim, or says that we lack it."""
    table = (ROOT / "README.md").read_text().partition("| | ics | ")[2].partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]
    assert len(rows) > 20
    claimed = [row for row in rows if row[1].startswith("✓")]
    assert [row for row in claimed if not re.fullmatch(r"`tests/[\w/]+\.py::test_\w+`", row[-1])] == []
    assert [
        row for row in rows if row not in claimed and not (row[1].startswith("✗") and row[-1] == "")
    ] == []


def test_what_has_no_function_yet_is_said():
    """The operator guide lists exactly the keys that the checker warns of."""
    text = (ROOT / "docs/operator.md").read_text()
    paragraph = text.partition("**Checked, but without function yet.**")[2].partition("The list in the code")[
        0
    ]
    listed = set(re.findall(r"`([\w.\[\]]+)`", paragraph)) - {"standby"}
    assert listed == {".".join(idle.path).replace(".[]", "[]") for idle in NOT_YET}


def tool():
    """tools/docs.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools/docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_follows_from_the_code_is_up_to_date():
    """The policy's diagram, the catalogue of events and the automaton of PPP are those of the code."""
    docs = tool()
    old = [
        page.name
        for page, block in docs.PAGES.items()
        if docs.insert(page.read_text(), block()) != page.read_text()
    ]
    assert old == [], "run: .venv/bin/python tools/docs.py --write"


@pytest.mark.parametrize(
    ("mode", "quiet", "own", "way", "words"),
    [
        ("always", Quiet(), {"failed", "down"}, ("up", "cooling"), ["failed or lost"]),
        ("demand", Quiet(60.0), {"armed"}, ("armed", "connecting"), ["ics connect", "ics connect --override", "traffic"]),
        ("manual", Quiet(), {"failed", "down"}, ("connecting", "failed"), ["failed or lost"]),
    ],
)  # fmt: skip
def test_the_diagram_is_explored(mode, quiet, own, way, words):
    """Every state that the mode can show is reached, and each edge says what happened."""
    ways = tool().edges(mode, quiet)
    names = {name for way in ways for name in way} - {"[*]"}
    assert names == {"absent", "connecting", "up", "cooling", "refused", "hanging up"} | own
    assert all(ways.values())
    assert ways[way] == words
    assert ("quiet" in ways["up", "hanging up"]) == (quiet.idle > 0)


def test_these_checks_can_fail(tmp_path, known):
    """Each check sees a page that is wrong in its way."""
    page = tmp_path / "page.md"
    text = (
        "# A page\n`ics frobnicate`, `ics status --colour`, `make gold`, `icsframework/gone.py`, `tests/{a,b}.py::test_x`,\n"
        "[here](nowhere.md), [there](#missing), [fine](#a-page)\n```sh\nsudo .venv/bin/ics vanish  # ics comment\n```\n"
    )
    page.write_text(text)
    assert commands(text) == {
        ("frobnicate", frozenset()),
        ("status", frozenset({"--colour"})),
        ("vanish", frozenset()),
    }
    assert "--colour" not in known["status"]
    assert targets(text) == {"gold"}
    assert paths(text) == {("icsframework/gone.py", ""), ("tests/a.py", "test_x"), ("tests/b.py", "test_x")}
    assert dead_links(page, text) == ["nowhere.md", "#missing"]
    with pytest.raises(ValueError, match="lacks"):
        tool().insert("no marks", "x")
