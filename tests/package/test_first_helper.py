"""The page "Your first helper in an hour" is typed as it stands, block by block, and says what is seen."""

import ast
import os
import re
import subprocess
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest

from icsframework.lab.privilege import find_program, why_unavailable

PAGE = Path(__file__).resolve().parents[2] / "docs/first-helper.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"\*\*`([^`]+)`\*\*(?:, (.+):)?")
PIP = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # this is how pip spells --no-build-isolation in the environment
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
"""A reader's pip may download the build backend; ours must not."""


def blocks():
    """Each block of the page: its language, its text, and the line that stands above it."""
    text = PAGE.read_text()
    for block in BLOCK.finditer(text):
        yield block[1], block[2], text[: block.start()].rstrip().splitlines()[-1]


def commands(text):
    """The commands of a console block, each with what is to be seen."""
    return [part.partition("\n")[::2] for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]


class Reader:
    """Somebody who does what the page says, in a directory of his own."""

    def __init__(self, directory, environment):
        self.directory = directory
        path = f"{environment.bin}{os.pathsep}{os.environ['PATH']}"
        self.variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.variables |= {"PATH": path, "COLUMNS": "80", **PIP}

    def types(self, command):
        """Type a command; what is seen then."""
        if command.startswith("cd "):
            self.directory /= command[3:]
            return ""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.directory,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=100,
            check=False,
        )
        return done.stdout

    def writes(self, path, how, text):
        """Write a file, or what the page says that becomes of it."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not how:
            assert not file.exists(), f"{path} is there already: say what becomes of it"
            file.write_text(text)
        elif how == "at its end":
            file.write_text(f"{file.read_text()}\n\n{text}")
        elif how.startswith("in place of "):
            names = re.findall(r"`(\w+)`", how)
            file.write_text(replaced(file.read_text(), names, text))
        else:
            (line,) = re.fullmatch(r"with this at its end instead of `(.*)`", how).groups()
            assert line in file.read_text()
            file.write_text(file.read_text().replace(f"{line}\n", "") + text)


def replaced(source, names, text):
    """A module in which ``text`` stands in place of the functions of these names, which follow one another."""
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name in names
    ]
    found.sort(key=lambda node: node.lineno)
    assert [node.name for node in found[: len(names)]] == names
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: found[0].lineno - 1], text, *lines[found[len(names) - 1].end_lineno :]])


@pytest.mark.timeout(300)
def test_everything_on_the_page_works(make_environment, tmp_path):
    """Files are written and commands typed in their order; each shows what the page says."""
    lab = why_unavailable() or ("" if find_program("nuttcp") else "nuttcp is not installed")
    reader = Reader(tmp_path, make_environment())
    typed = 0
    for language, text, above in blocks():
        if language == "console":
            for command, expected in commands(text):
                if command.startswith("ics lab") and lab:
                    continue
                seen = reader.types(command)
                typed += 1
                assert OutputChecker().check_output(expected, seen, ELLIPSIS | NORMALIZE_WHITESPACE), (
                    f"{command}\n--- the page says:\n{expected}\n--- seen is:\n{seen}"
                )
            continue
        title = TITLE.fullmatch(above)
        assert title, f"a block of {language} that belongs to no file, below: {above}"
        reader.writes(title[1], title[2], text)
    assert typed > 8
    if lab:
        pytest.skip(f"all but the lab works: {lab}")
