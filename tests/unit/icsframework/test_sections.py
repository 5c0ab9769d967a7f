"""The base classes of configuration models."""

from enum import Enum

import pytest
from pydantic import ValidationError

from icsframework.fields import (
    CheckContext,
    Finding,
    LanServiceConfig,
    NatHelperConfig,
    PluginConfig,
    Section,
    UplinkConfig,
)

RESERVED = {
    UplinkConfig: "name plugin enabled interface match connect demand limits wake keep probe metered weight mtu mac dns ipv6 vlan shaping tags",
    LanServiceConfig: "plugin enabled ipv6 tags",
    NatHelperConfig: "plugin name enabled lans clients servers limits fail uplinks tags",
}


class Colour(Enum):
    """A choice."""

    RED = "red"


class Inner(Section):
    """A section in a list."""

    count: int = 1


class Example(LanServiceConfig):
    """Plain types."""

    number: int = 1
    share: float = 0.5
    flag: bool = False
    word: str = ""
    colour: Colour = Colour.RED
    numbers: tuple[int, ...] = ()
    inner: tuple[Inner, ...] = ()


def test_values_of_the_file_are_taken_as_they_are():
    """Lists become tuples and words choices, since a file has neither."""
    model = Example(
        number=5, share=1, flag=True, word="x", colour="red", numbers=[1, 2], inner=[{"count": 2}]
    )
    assert model.numbers == (1, 2)
    assert model.colour is Colour.RED
    assert model.inner == (Inner(count=2),)


@pytest.mark.parametrize(
    "key_and_value",
    [
        ("number", "5"),
        ("number", 5.0),
        ("number", True),
        ("share", "0.5"),
        ("share", float("nan")),
        ("share", float("inf")),
        ("flag", 1),
        ("flag", "yes"),
        ("flag", "true"),
        ("word", 5),
        ("word", True),
        ("numbers", ["1"]),
        ("inner", [{"count": "2"}]),
    ],
)
def test_nothing_is_converted_silently(key_and_value):
    """A number in quotes is text, 1 is not true, and there is no number that is none."""
    with pytest.raises(ValidationError):
        Example(**dict([key_and_value]))


def test_a_section_is_frozen_and_knows_its_keys():
    """Nothing can be changed or added."""
    with pytest.raises(ValidationError):
        Example().number = 2
    with pytest.raises(ValidationError, match="unknown"):
        Example(unknown=1)


@pytest.mark.parametrize("base", sorted(RESERVED, key=lambda cls: cls.__name__))
def test_keys_of_the_core_are_refused_when_the_class_is_created(base):
    """Each key reserved for the core, for its kind of plugin, by name and also as an alias."""
    assert base.reserved == set(RESERVED[base].split())
    for key in base.reserved:
        with pytest.raises(TypeError, match=f"declares {key}, reserved for the core"):
            type("Mine", (base,), {"__annotations__": {key: int}, "__module__": __name__})


def test_keys_reserved_for_other_kinds_are_free():
    """A LAN service may have servers, an uplink may have lans."""

    class Service(LanServiceConfig):
        servers: int = 1

    class Link(UplinkConfig):
        lans: int = 1

    assert (Service().servers, Link().lans) == (1, 1)


def test_a_plugin_without_a_check_of_its_own_objects_to_nothing():
    """The default is to be content."""
    assert list(PluginConfig().check(CheckContext("uplink", "cable"))) == []
    assert list(UplinkConfig().networks()) == []


def test_findings_and_contexts_are_values():
    """They compare, so that tests can."""
    assert Finding(("a", 1), "wrong") == Finding(("a", 1), "wrong", "", False)
    assert CheckContext("uplink", "cable") == CheckContext("uplink", "cable", "", "", None)
