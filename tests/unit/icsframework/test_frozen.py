"""Frozen values behave as those of the standard library."""

import copy
import dataclasses
import inspect
import pickle
from typing import ClassVar

import pytest

from icsframework.frozen import dataclass

PLAIN = {"frozen": True, "slots": True}


@dataclass(frozen=True, slots=True)
class Point:
    """At module level, so that it can be pickled."""

    x: int
    y: int = 0


def define(decorator):
    """One class with everything that a field can be."""

    @decorator(frozen=True, slots=True)
    class Value:
        """A value."""

        LIMIT: ClassVar[int] = 7
        first: int
        second: str = "two"
        made: list[int] = dataclasses.field(default_factory=list)
        secret: str = dataclasses.field(default="", repr=False, compare=False)
        fixed: int = dataclasses.field(default=3, init=False)
        own: dict[str, int] = dataclasses.field(default_factory=dict, init=False, compare=False)
        named: int = dataclasses.field(default=9, kw_only=True)

    return Value


def define_with_methods(decorator):
    """One class with methods of its own."""

    @decorator(frozen=True, slots=True)
    class Value:
        """A value."""

        size: int
        seen: list[int] = dataclasses.field(default_factory=list, compare=False)

        def __post_init__(self):
            self.seen.append(self.size)

        def __eq__(self, other):
            return self.size % 10 == other.size % 10

        def __repr__(self):
            return "mine"

    return Value


@pytest.fixture(params=[dataclasses.dataclass, dataclass], ids=["theirs", "ours"])
def decorator(request):
    return request.param


def test_construction_and_representation(decorator):
    """Defaults, factories called each time, keyword-only fields, fields that are no arguments, class variables."""
    Value = define(decorator)
    one = Value(1)
    assert repr(one).endswith("Value(first=1, second='two', made=[], fixed=3, own={}, named=9)")
    assert (one.secret, Value.LIMIT, one.LIMIT) == ("", 7, 7)
    assert Value(1).made is not one.made
    assert repr(Value(1, "x", [2], "y", named=5)).endswith(
        "Value(first=1, second='x', made=[2], fixed=3, own={}, named=5)"
    )


@pytest.mark.parametrize("arguments", [(), (1, "a", [], "b", 5), (1, "a", [], "b", "c")])
def test_wrong_arguments(decorator, arguments):
    """Too few or too many."""
    with pytest.raises(TypeError):
        define(decorator)(*arguments)


def test_signatures_are_equal():
    """For help() and for tools."""
    ours, theirs = (inspect.signature(define(one)) for one in (dataclass, dataclasses.dataclass))
    assert list(ours.parameters) == list(theirs.parameters)
    assert [p.kind for p in ours.parameters.values()] == [p.kind for p in theirs.parameters.values()]
    assert [p.annotation for p in ours.parameters.values()] == [
        p.annotation for p in theirs.parameters.values()
    ]


def test_equality_and_hash(decorator):
    """By the fields that are compared, of the same class only."""
    Value = define(decorator)
    assert Value(1, secret="a") == Value(1, secret="b")
    assert Value(1) != Value(2)
    assert Value(1) != (1, "two", [], 3, 9)
    assert define(decorator)(1) != Value(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Value(1))
    assert hash(Value(1, made=())) == hash(Value(1, made=(), secret="x"))


def test_it_is_frozen(decorator):
    """Fields can be neither set nor deleted, others do not exist."""
    one = define(decorator)(1)
    for name in ("first", "fixed", "other"):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(one, name, 2)
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            delattr(one, name)
    assert not hasattr(one, "__dict__")


def test_own_methods_stay(decorator):
    """What the class defines is not replaced; with an own __eq__ there is still a hash; __post_init__ is called."""
    Value = define_with_methods(decorator)
    assert (Value(1) == Value(11), repr(Value(1)), Value(5).seen) == (True, "mine", [5])
    assert isinstance(hash(Value(1)), int)


def test_the_tools_of_the_standard_library(decorator):
    """fields, replace, asdict, match."""
    Value = define(decorator)
    one = Value(1, named=2)
    assert [field.name for field in dataclasses.fields(one)] == [
        "first", "second", "made", "secret", "fixed", "own", "named",
    ]  # fmt: skip
    assert dataclasses.replace(one, first=5) == Value(5, named=2)
    assert dataclasses.asdict(one)["named"] == 2
    assert dataclasses.is_dataclass(Value)
    match one:
        case Value(1, second):
            assert second == "two"
        case _:
            pytest.fail("no match")


def test_copies():
    """copy and pickle make equal ones."""
    one = Point(1, 2)
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_a_class_derived_from_one(decorator):
    """By either decorator, with a field more."""

    @decorator(frozen=True, slots=True)
    class Place(Point):
        """A point with a name."""

        name: str = ""

    assert Place(1, 2, "a") == Place(1, 2, "a")
    assert Place(1, 2, "a") != Place(1, 2, "b")
    assert Place(1) != Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Place(1).x = 2


def test_a_plain_class_derived_from_one():
    """It may have attributes of its own, the fields stay frozen."""

    class Mutable(Point):
        pass

    one = Mutable(1)
    one.other = 5
    del one.other
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.x


@pytest.mark.parametrize("options", [{}, {"slots": True}, PLAIN | {"order": True}, PLAIN | {"eq": False}])
def test_other_options_are_the_standard_librarys(options):
    """They do what they say there."""

    @dataclass(**options)
    class Value:
        """A value."""

        size: int

    assert (Value(1) == Value(1)) == options.get("eq", True)
    if options.get("order"):
        assert Value(1) < Value(2)
    if not options.get("frozen"):
        Value(1).size = 2


def test_names():
    """Tracebacks and profiles say whose method it is."""
    assert Point.__init__.__qualname__ == "Point.__init__"
    assert Point.__module__ == __name__
    assert Point.__match_args__ == ("x", "y")
    assert define(dataclass).__eq__.__qualname__.endswith("Value.__eq__")
