"""YAML's syntax errors in words for people."""

import pytest

from icsframework.config.marked import MarkedError, parse_marked
from icsframework.config.source import Source
from icsframework.config.syntax import misleading_tabs


def sentence(text):
    """The one problem of a text."""
    with pytest.raises(MarkedError) as caught:
        parse_marked(Source("g.yaml", text))
    (problem,) = caught.value.problems
    return str(problem).removeprefix("g.yaml:")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 'x\nb: 1\n", "1:4: a quote is opened here and never closed; close the quote"),
        (
            "a: b: c",
            "1:5: a colon makes this look like a second key; put the value in quotes, or check the indentation",
        ),
        (
            "a: 1\n b: 2",
            "2:3: a colon makes this look like a second key; put the value in quotes, or check the indentation",
        ),
        (
            "a: [1, 2\nb: 3\n",
            "1:4: the list [...] that begins here does not end properly; separate with commas, close with ]",
        ),
        (
            "a: {b: 1\nc: 3\n",
            "1:4: the mapping {...} that begins here does not end properly; separate with commas, close with }",
        ),
        ("a: @x", "1:4: a value cannot begin with this character; put the value in quotes"),
        ("a: `x", "1:4: a value cannot begin with this character; put the value in quotes"),
        ("a: %x", "1:4: a value cannot begin with this character; put the value in quotes"),
        (
            "a: 1\nb\nc: 2",
            "2:1: this line is no key: value pair; write key: value, with a blank after the colon",
        ),
        ("a: '1'\n\t# comment\nb: 2\n", "2:1: a tab is used for indentation; indent with blanks"),
        ("a: 1\n\t\nb: 2\n", "2:1: a tab is used for indentation; indent with blanks"),
        ("a: 1\nb\n", "2:1: this line is no key: value pair; write key: value, with a blank after the colon"),
        ("a:\n  b: 1\n c: 2", "3:2: this line does not fit the section above it; check its indentation"),
        (
            "- a\nb: 1",
            "2:1: this line is indented like a list but does not begin with -; begin it with -, or check the indentation",
        ),
        ("a: - b", "1:4: a list entry (-) is not allowed here; put it on a line of its own, below its key"),
        ('a: "\\q"', "1:5: this backslash escape does not exist; use single quotes, or write \\\\"),
        ("%YAML 1.3\n---\na: 1", "1:1: this version of YAML is not supported; remove the %YAML line"),
        ("a:\n\t- b\n", "2:1: a tab is used for indentation; indent with blanks"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1: a tab is used for indentation; indent with blanks"),
        ("a:\n  - b\n \t- c\n", "3:2: a tab is used for indentation; indent with blanks"),
    ],
)
def test_the_usual_mistakes_have_their_own_sentence(text, expected):
    """Placed where the cause is, with the way out."""
    assert sentence(text) == expected


def test_any_other_mistake_is_still_one_sentence_with_a_place():
    """libyaml's own words, when nothing better is known."""
    assert sentence("a: !<x").startswith("1:")
    assert (
        sentence('a: "\\ud800"')
        == "1:7: this is not YAML: found invalid Unicode character escape code; correct this line"
    )


@pytest.mark.parametrize("text", ["a: 'x\n\ty'\n", "a: |\n  x\n  \ty\n", "a:\t1\n", "a: 1\t# x\n"])
def test_tabs_that_mislead_nobody_are_fine(text):
    """Inside quoted and block text, and between words."""
    assert parse_marked(Source("g.yaml", text)).plain()


def test_lines_of_text_are_exempt():
    """Line numbers count from 0."""
    source = Source("g.yaml", "a\n\tb\n")
    assert [problem.place.line for problem in misleading_tabs(source, ())] == [2]
    assert list(misleading_tabs(source, {1})) == []
