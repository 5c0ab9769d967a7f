"""One mapping through one model."""

from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from icsframework.config.marked import parse_marked
from icsframework.config.problem import Place, Problem
from icsframework.config.reading import (
    MAX_MESSAGE,
    MAX_PROBLEMS,
    Part,
    Report,
    one_line,
    read_section,
    real_path,
)
from icsframework.config.source import Source
from icsframework.fields import HostName, Section


class Inner(Section):
    """Below."""

    depth: int = 0
    width: int = 0


class Model(Section):
    """A few keys."""

    name: str = "default"
    count: int = 1
    must: int
    inner: Inner = Inner()
    table: dict[HostName, int] = Field(default={})
    either: int | bool | Inner = 0
    some: tuple[int, ...] = Field(default=(1,), min_length=1)


@pytest.fixture
def read():
    """Read a text as one Model; returns the part and the errors."""

    def act(text, also_known=()):
        document = parse_marked(Source("g.yaml", text))
        report = Report(document)
        part = read_section(report, Model, document.plain(), (), also_known)
        return part, [str(problem).removeprefix("g.yaml:") for problem in Report.in_order(report.errors)]

    return act


def test_a_section_without_errors_is_sound(read):
    """With all its keys."""
    part, errors = read("must: 1\nname: x")
    assert (part, errors) == (Part((), Model(must=1, name="x")), [])
    assert part.sound() is part.value is part.sound("name", "must")


def test_what_is_sound_can_be_used_beside_errors(read):
    """The keys with errors have their defaults, and say so; all errors are reported, those further down too."""
    part, errors = read("must: 1\nname: 5\ncount: 7\ninner: {depth: x, widht: 2}\n")
    assert errors == [
        '2:7: name: this would be read as a number, but text is wanted; put it in quotes: "..."',
        "4:16: inner.depth: 'x' is not a whole number; write for example 5",
        "4:19: inner.widht: unknown key 'widht'; did you mean width?",
    ]
    assert part.value == Model(must=1, count=7)
    assert part.unsound == {"name", "inner"}
    assert (part.sound(), part.sound("name", "count"), part.sound("count", "must")) == (
        None,
        None,
        part.value,
    )


def test_the_key_that_was_probably_meant_is_not_sound_either(read):
    """A mistyped key leaves the right one at a default that nobody wanted."""
    part, errors = read("must: 1\ncuont: 7")
    assert errors == ["2:1: cuont: unknown key 'cuont'; did you mean count?"]
    assert part.unsound >= {"count"}


def test_keys_read_elsewhere_are_suggested_too(read):
    """The other half of an entry that names a plugin."""
    assert read("must: 1\nintreface: x", {"interface"})[1] == [
        "2:1: intreface: unknown key 'intreface'; did you mean interface?"
    ]


def test_without_a_required_key_there_is_no_value(read):
    """Nothing can stand in for it."""
    part, errors = read("name: 5")
    assert part.value is None
    assert part.sound("count") is None
    assert errors == [
        "1:1: must: is missing; add it",
        '1:7: name: this would be read as a number, but text is wanted; put it in quotes: "..."',
    ]


def test_an_error_in_a_key_is_placed_at_the_key(read):
    """Of a mapping whose keys have a type."""
    assert read("must: 1\ntable: {a_b: 1, c: x}")[1] == [
        "2:9: table.a_b: 'a_b' is not a host name; use letters, digits and -, such as printer",
        "2:20: table.c: 'x' is not a whole number; write for example 5",
    ]


def test_every_member_of_a_union_has_the_same_place(read):
    """A model should have none; if one has, the steps of pydantic do not appear in the path."""
    assert {error.split(": ")[0] + ":" + error.split(": ")[1] for error in read("must: 1\neither: x")[1]} == {
        "2:9:either"
    }


def test_what_is_no_mapping_is_refused():
    """With what to write instead."""
    document = parse_marked(Source("g.yaml", "a: [5]"))
    report = Report(document)
    assert read_section(report, Model, 5, ("a", 0)) == Part(("a", 0), None)
    assert [str(p) for p in report.errors] == [
        "g.yaml:1:5: a[0]: '5' is not a mapping; write key: value lines below it, or {key: value}"
    ]


def test_a_validator_that_refuses_the_rest_ends_the_reading(read):
    """The model is asked again once a key at most, and never for ever."""

    class Moody(Section):
        a: Annotated[int, BeforeValidator(lambda value: value)] = 1
        b: int = 1

    document = parse_marked(Source("g.yaml", "a: x\nb: y"))
    report = Report(document)
    assert read_section(report, Moody, document.plain(), ()).unsound == {"a", "b"}
    assert len(report.errors) == 2


@pytest.mark.parametrize(
    ("location", "raw", "missing", "path"),
    [
        (("a", 0, "b"), {"a": [{"b": 1}]}, False, ("a", 0, "b")),
        (("a", "function-before[f(), int]"), {"a": 1}, False, ("a",)),
        (("a", "Inner", "b"), {"a": {}}, True, ("a", "b")),
        (("a", "Inner", "b"), {"a": {"b": 1}}, False, ("a", "b")),
        (("a", "k", "[key]"), {"a": {"k": 1}}, False, ("a", "k")),
        (("a", 5), {"a": [1]}, False, ("a",)),
        ((), {}, False, ()),
    ],
)
def test_locations_become_paths_of_the_file(location, raw, missing, path):
    """Only what is in the file, and what is missing there."""
    assert real_path(location, raw, missing=missing)[0] == path


def test_problems_are_in_the_order_of_the_file_each_once_and_not_endless():
    """Nobody reads a thousand errors."""
    many = [Problem("f", line, 1, (), "x") for line in range(1000, 0, -1)]
    ordered = Report.in_order([*many, *many])
    assert [p.place for p in ordered] == [Place(line, 1) for line in range(1, MAX_PROBLEMS + 1)]


def test_a_message_is_one_printable_line():
    """Also one that a plugin wrote."""
    assert one_line("a\nb\t c\x1b[31m" + "x" * 1000) == "a b c?[31m" + "x" * (MAX_MESSAGE - len("a b c?[31m"))


def test_warnings_and_notes_are_kept_apart():
    """What concerns the file as a whole has no line."""
    report = Report(parse_marked(Source("g.yaml", "a: 1")))
    report.warn(("a",), "w", of_key=True)
    report.note((), "n")
    assert ([str(p) for p in report.warnings], [str(p) for p in report.notes], report.errors) == (
        ["g.yaml:1:1: a: w"],
        ["g.yaml: n"],
        [],
    )


def test_wrong_entries_are_not_missing_ones(read):
    """A list whose only entry is wrong has one error, that of the entry."""
    _, errors = read("must: 1\nsome: [x]")
    assert errors == ["2:8: some[0]: 'x' is not a whole number; write for example 5"]
