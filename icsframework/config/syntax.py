"""YAML's syntax errors in words for people.

libyaml says precisely where it stopped and tersely why.  Here each of its usual
complaints becomes a sentence with the way out, placed where the cause is: an
open quote or bracket is reported where it was opened, a tab where it stands.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from icsframework.config.problem import Place, Problem
from icsframework.config.source import Source

__all__ = ["explain_syntax", "misleading_tabs"]

_ANY_TAB = re.compile(r" *\t")
_TAB_BEFORE_WORD = re.compile(r" *\t[ \t]*(?=[^\s#])")

_CLAUSES: tuple[tuple[str, str, str], ...] = (
    ("unexpected end of stream", "a quote is opened here and never closed", "close the quote"),
    (
        "mapping values are not allowed",
        "a colon makes this look like a second key",
        "put the value in quotes, or check the indentation",
    ),
    ("exceeded maximum nesting depth", "the file nests far too deep", "name the configuration file itself"),
    ("found a tab character", "a tab is used for indentation", "indent with blanks"),
    ("cannot start any token", "a value cannot begin with this character", "put the value in quotes"),
    ("could not find expected ':'", "this line is no key: value pair", "write key: value, with a blank after the colon"),
    ("expected ',' or ']'", "the list [...] that begins here does not end properly", "separate with commas, close with ]"),
    ("expected ',' or '}'", "the mapping {...} that begins here does not end properly", "separate with commas, close with }"),
    ("expected node content", "a value, ] or } is missing before this place", "close what is open, or add the value"),
    ("did not find expected '-' indicator", "this line is indented like a list but does not begin with -", "begin it with -, or check the indentation"),
    ("did not find expected key", "this line does not fit the section above it", "check its indentation"),
    ("block sequence entries are not allowed", "a list entry (-) is not allowed here", "put it on a line of its own, below its key"),
    ("unknown escape character", "this backslash escape does not exist", "use single quotes, or write \\\\"),
    ("incompatible YAML document", "this version of YAML is not supported", "remove the %YAML line"),
    ("special characters are not allowed", "the text holds characters that YAML does not allow", "remove them"),
)  # fmt: skip
_AT_OPENING = (
    "could not find expected ':'",
    "unexpected end of stream",
    "expected ',' or ']'",
    "expected ',' or '}'",
)


def explain_syntax(source: Source, error: Any) -> Problem:
    """A Problem for a yaml.YAMLError."""
    found = str(getattr(error, "problem", "") or error)
    mark = getattr(error, "problem_mark", None)
    if any(clause in found for clause in _AT_OPENING):
        mark = getattr(error, "context_mark", None) or mark
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place()
    stopped = getattr(error, "problem_mark", None) or mark
    tab = _first_tab(source, _ANY_TAB, ())
    if tab is not None and stopped is not None and tab.line <= stopped.line + 1:
        return _tab_problem(source, tab)
    for clause, message, advice in _CLAUSES:
        if clause in found:
            return Problem(source.file, place.line, place.column, (), message, advice)
    return Problem(
        source.file, place.line, place.column, (), f"this is not YAML: {found}", "correct this line"
    )


def misleading_tabs(source: Source, text_lines: Collection[int]) -> Iterator[Problem]:
    """The first line that is indented with a tab, except those (counted from 0) inside quoted or block text."""
    tab = _first_tab(source, _TAB_BEFORE_WORD, text_lines)
    if tab is not None:
        yield _tab_problem(source, tab)


def _first_tab(source: Source, pattern: re.Pattern[str], text_lines: Collection[int]) -> Place | None:
    for number, line in enumerate(source.lines()) if "\t" in source.text else ():
        if number not in text_lines and pattern.match(line):
            return Place(number + 1, line.index("\t") + 1)
    return None


def _tab_problem(source: Source, tab: Place) -> Problem:
    return Problem(
        source.file, tab.line, tab.column, (), "a tab is used for indentation", "indent with blanks"
    )
