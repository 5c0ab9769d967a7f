"""YAML text to data with places."""

import pytest

from icsframework.config import marked
from icsframework.config.marked import MAX_DEPTH, MAX_NODES, MarkedError, parse_marked
from icsframework.config.problem import Place
from icsframework.config.source import Source


def read(text):
    """The document of a text."""
    return parse_marked(Source("g.yaml", text))


def refusals(text):
    """What is wrong with a text, without the name of the file."""
    with pytest.raises(MarkedError) as caught:
        read(text)
    return [str(problem).removeprefix("g.yaml:").strip() for problem in caught.value.problems]


TEXT = """\
# comment
lans:
- name: home
  reach: [attic,
          "guest"]
uplinks: {a: 1, b: {c: x}}
"""


def test_data_is_plain():
    """Mappings, lists, text, numbers and truth values; quotes make text."""
    assert read(TEXT).plain() == {
        "lans": [{"name": "home", "reach": ["attic", "guest"]}],
        "uplinks": {"a": 1, "b": {"c": "x"}},
    }
    assert read("a: '1'\nb: \"true\"\nc: |\n  1\nd: !!str 1\ne: ! 1\nf: 1").plain() == {
        "a": "1",
        "b": "true",
        "c": "1\n",
        "d": "1",
        "e": "1",
        "f": 1,
    }


def test_keys_are_text_whatever_they_look_like():
    """A key is never a number or a truth value."""
    assert read("1: a\ntrue: b\n~: c\n12:30: d").plain() == {"1": "a", "true": "b", "~": "c", "12:30": "d"}


def test_a_key_without_a_value_counts_as_left_out():
    """So a section whose keys are all commented out has its defaults; in a list an empty entry stays one."""
    assert read("a:\nb: ~\nc: [~, 1]\nd: {e: null}\nf: ''").plain() == {"c": [None, 1], "d": {}, "f": ""}


@pytest.mark.parametrize(
    ("path", "line", "column", "of_key"),
    [
        (("lans",), 2, 1, False),
        (("lans", 0), 3, 3, False),
        (("lans", 0, "name"), 3, 9, False),
        (("lans", 0, "name"), 3, 3, True),
        (("lans", 0, "reach"), 4, 3, False),
        (("lans", 0, "reach", 1), 5, 11, False),
        (("uplinks", "b", "c"), 6, 24, False),
        (("uplinks", "b"), 6, 17, False),
        (("lans", 0, "address"), 3, 3, False),
        (("lans", 7, "x"), 2, 1, False),
        (("helpers", 0), 2, 1, False),
    ],
)
def test_every_path_has_a_place(path, line, column, of_key):
    """A value's own place; for a section its key; for what is missing, the nearest thing around it."""
    assert read(TEXT).place(path, of_key=of_key) == Place(line, column)


def test_an_alias_stands_for_its_anchor_with_the_anchors_place():
    """An error in shared text is where the text is."""
    document = read("a: &x {b: 1}\nc: *x\nd: [*x, &y 5, *y]")
    assert document.plain() == {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}, 5, 5]}
    assert document.place(("c", "b")) == Place(1, 11)


def test_data_is_fresh_each_time():
    """Changing what plain() returned changes nothing else, also where an alias shares it."""
    document = read("a: &x {b: 1}\nc: *x")
    first = document.plain()
    first["a"]["b"] = 2
    assert (first["c"], document.plain()) == ({"b": 1}, {"a": {"b": 1}, "c": {"b": 1}})


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("a: 1\nb: {c: 1, c: 2}\na: 3", [
            "2:11: the key 'c' stands twice in the same section, first at line 2 column 5; remove one of them",
            "3:1: the key 'a' stands twice in the same section, first at line 1 column 1; remove one of them",
        ]),
        ("a: &x {b: 1}\nc:\n  <<: *x", ["3:3: merge keys (<<) are not supported; write the keys out"]),
        ("a: !!python/object/apply:os.system [x]", ["1:4: the tag 'tag:yaml.org,2002:python/object/apply:os...' is not supported; remove it"]),
        ("a: !mine x\n!mine b: {c: !!int '5'}", [
            "1:4: the tag '!mine' is not supported; remove it",
            "2:1: the tag '!mine' is not supported; remove it",
            "2:14: the tag 'tag:yaml.org,2002:int' is not supported; remove it",
        ]),
        ("a: 1\n---\nb: 2", ["2:1: a second document begins here; keep one document in the file"]),
        ("", ["the file is empty; it needs at least lans: and uplinks:"]),
        ("# nothing\n", ["the file is empty; it needs at least lans: and uplinks:"]),
        ("---\n", ["the file is empty; it needs at least lans: and uplinks:"]),
        ("- a", ["1:1: the top level is not a mapping; begin with lans: and uplinks:"]),
        ("just text", ["1:1: the top level is not a mapping; begin with lans: and uplinks:"]),
        ("a: *x", ["1:4: the alias '*x' refers to nothing before it; write the value out"]),
        ("a: &x [*x]", ["1:8: the alias '*x' refers to itself; write the value out"]),
        ("a: &x b\n*x : c", ["2:1: an alias cannot be a key; write the key out"]),
        ("? [a]\n: b", ["1:3: a list or mapping cannot be a key; use a plain word as key"]),
        ("? {a: b}\n: b", ["1:3: a list or mapping cannot be a key; use a plain word as key"]),
        ("a: " + "9" * 30, ['1:4: this number is too long; if it is text, put it in quotes: "..."']),
        ("a: b\n\tc", ["2:1: a tab is used for indentation; indent with blanks"]),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_in_one_sentence(text, sentences):
    """With line, column and the way out, all of them at once."""
    assert refusals(text) == sentences


def test_nesting_is_bounded():
    """The deepest nesting allowed is read; one level more is refused."""
    assert read("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)).plain()
    for text in (
        "a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 500_000,
        "? " * 500_000,
    ):
        assert len(refusals(text)) == 1


def test_nesting_by_aliases_is_bounded():
    """Aliases of aliases count as deep as they are."""
    levels = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH)]
    assert refusals("\n".join(levels)) == [
        f"1:1: the file nests deeper than {MAX_DEPTH} levels; make it flatter"
    ]


def test_what_aliases_expand_to_is_bounded():
    """The billion laughs end at the first line that goes too far, before anything is built."""
    lines = ["a0: &a0 [" + "x, " * 9 + "x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    (sentence,) = refusals("\n".join(lines))
    assert f"the file holds more than {MAX_NODES} values" in sentence


def test_a_large_honest_file_is_read():
    """Ten thousand values are no attack."""
    text = "a:\n" + "".join(f"- {{m: '{i}', b: {i}}}\n" for i in range(5000))
    assert len(read(text).plain()["a"]) == 5000


def test_the_parser_of_libyaml_is_used():
    """It is about ten times as fast as the one in Python, on the way to the first DNS answer."""
    assert marked._Loader.__name__ == "CSafeLoader"
