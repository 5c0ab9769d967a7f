"""Pieces that several sections share."""

import pytest

from icsframework.config.common import Bridge, Match, parse_plugin_name, parse_tag
from icsframework.fields import FieldError


def test_plugins_are_named_by_entry_point_or_module():
    """Underscores and any length are fine."""
    names = ["ethernet", "acme_chess", "acme_chess:factory", "a.b.c:d.e", "battle.net", "x" * 150]
    assert [parse_plugin_name(name) for name in names] == names


@pytest.mark.parametrize("value", [None, 5, "", "a b", "a:", ":b", "a:b:c", "a/b", "x" * 201, "a\n"])
def test_what_names_no_plugin_is_refused(value):
    """With what to write."""
    with pytest.raises(FieldError, match="is not the name of a plugin; write a name that ics plugins lists"):
        parse_plugin_name(value)


def test_tags():
    """Short labels without blanks."""
    assert parse_tag("guest-1.x_y") == "guest-1.x_y"
    for value in (5, "", "A", "a b", "x" * 33):
        with pytest.raises(FieldError, match="is not a tag; use up to 32"):
            parse_tag(value)


def test_where_a_network_is():
    """By the address of the interface, or as a bridge to be made."""
    assert Match(mac="02-00-5E-00-53-01").mac == "02:00:5e:00:53:01"
    assert Bridge(name="br-home", ports=["eth1", "wlan0"]).ports == ("eth1", "wlan0")
