"""pydantic's complaints in words for people."""

from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from icsframework.config.messages import explain, fields_at, nearest, unknown_key
from icsframework.fields import Duration, Section


class Shade(Enum):
    """A choice."""

    DARK = "dark"


class Inner(Section):
    """A section below."""

    depth: int = 0


class Model(Section):
    """A key for each complaint."""

    whole: int = 0
    real: float = 0.0
    flag: bool = False
    word: str = ""
    short: str = Field(default="", max_length=3)
    long: str = Field(default="abc", min_length=3)
    form: str = Field(default="a", pattern="^a+$")
    choice: Literal["always", "demand", "manual"] = "always"
    shade: Shade = Shade.DARK
    few: tuple[int, ...] = Field(default=(), max_length=1)
    many: tuple[int, ...] = Field(default=(1,), min_length=1)
    more_than_one: tuple[int, ...] = Field(default=(1, 2), min_length=2)
    one_of: list[int] = Field(default=[])
    some: set[int] = Field(default=set())
    table: dict[str, int] = Field(default={})
    inner: Inner = Inner()
    maybe: Annotated[tuple[Inner, ...] | None, "x"] = None
    named: dict[str, Inner] = Field(default={})
    least: int = Field(default=5, ge=5)
    most: int = Field(default=5, le=5)
    more: int = Field(default=5, gt=4)
    less: int = Field(default=5, lt=6)
    money: Decimal = Decimal(0)
    wait: Duration = 1.0
    own: int = 0

    @field_validator("most")
    @classmethod
    def _even(cls, value):
        if not value % 2:
            raise AssertionError("must be odd")
        return value

    @field_validator("least")
    @classmethod
    def _lucky(cls, value):
        if value == 13:
            raise ValueError("13 brings bad luck")
        return value


def complaint(key, value):
    """The sentence for one wrong value."""
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({key: value})
    message, advice = explain(caught.value.errors()[0])
    return f"{message}; {advice}" if advice else message


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("whole", "x", "'x' is not a whole number; write for example 5"),
        ("whole", 5.5, "'5.5' is not a whole number; write for example 5"),
        ("whole", None, "'nothing' is not a whole number; write for example 5"),
        ("real", "x", "'x' is not a number; write for example 1.5"),
        ("flag", "yes", "'yes' is not true or false; write true or false"),
        ("word", 5, 'this would be read as a number, but text is wanted; put it in quotes: "..."'),
        ("word", True, 'this would be read as true or false, but text is wanted; put it in quotes: "..."'),
        ("word", [], "this is not text; write a word or a quoted text"),
        ("short", "abcd", "the text is too long; it takes at most 3 characters"),
        ("long", "a", "the text is too short; it takes at least 3 characters"),
        ("form", "b", "the text has the wrong form; it must match ^a+$"),
        ("choice", "demnad", "'demnad' is not one of the choices; did you mean demand?"),
        ("choice", 5, "'5' is not one of the choices; write always, demand or manual"),
        ("shade", "x", "'x' is not one of the choices; write dark"),
        ("few", [1, 2], "has the wrong number of entries; it takes at most 1"),
        ("many", [], "is empty; leave it out, or write an entry"),
        ("more_than_one", [1], "has the wrong number of entries; it takes at least 2"),
        ("many", "x", "'x' is not a list; write [a, b], or entries that begin with - below it"),
        ("one_of", {}, "a mapping is not a list; write [a, b], or entries that begin with - below it"),
        ("some", 5, "'5' is not a list; write [a, b], or entries that begin with - below it"),
        ("table", [], "a list is not a mapping; write key: value lines below it, or {key: value}"),
        ("inner", "x", "'x' is not a mapping; write key: value lines below it, or {key: value}"),
        ("least", 4, "'4' is out of range; it must be at least 5"),
        ("most", 7, "'7' is out of range; it must be at most 5"),
        ("more", 4, "'4' is out of range; it must be more than 4"),
        ("less", 6, "'6' is out of range; it must be less than 6"),
        ("most", 4, "must be odd"),
        ("least", 13, "13 brings bad luck"),
        ("wait", "x", "'x' is not a duration; write for example 90s, 12h, 1h30m or 7d"),
    ],
)
def test_each_complaint_has_a_sentence(key, value, sentence):
    """What is wrong with the value, and what to write."""
    assert complaint(key, value) == sentence


def test_a_complaint_without_translation_keeps_its_own_words():
    """A type of pydantic's that nobody here uses."""
    assert complaint("money", []) == "Decimal input should be an integer, float, string or Decimal object"


def test_unknown_keys_are_named_with_the_nearest_known_one():
    """Or with all that are known."""
    assert unknown_key("leese", {"lease", "range"}) == ("unknown key 'leese'", "did you mean lease?")
    assert unknown_key("Billing-Day", {"billing_day", "time"}) == (
        "unknown key 'Billing-Day'",
        "did you mean billing_day?",
    )
    assert unknown_key("zzz", {"b", "a"}) == ("unknown key 'zzz'", "known here: a, b")
    assert unknown_key("zzz", ()) == ("unknown key 'zzz'", "known here: nothing")


def test_a_long_word_is_compared_in_part():
    """The comparison takes time by the square of the length."""
    assert nearest("x" * 10**6, ["xxxx"]) is None


def test_the_keys_known_at_a_path():
    """Through optional values, lists and mappings; the core's own field for the plugin's keys is not one of them."""
    assert {"whole", "inner"} <= fields_at(Model, ())
    assert "own" not in fields_at(Model, ())
    for path in (("inner",), ("maybe", 3), ("named", "any")):
        assert fields_at(Model, path) == {"depth"}
    for path in (("whole",), ("whole", "x"), ("inner", "depth"), ("nothing",), ("table", "x")):
        assert fields_at(Model, path) == set()
