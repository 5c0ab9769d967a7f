"""The section helpers:."""

import pytest
from pydantic import ValidationError

from icsframework.config.helpers import HelperLimits, HelperSection, parse_helper_name
from icsframework.fields import FieldError


def test_defaults():
    """For all LANs, clients, servers and uplinks; what happens when it fails is the plugin's choice."""
    helper = HelperSection(plugin="ftp", name="ftp")
    assert (helper.lans, helper.clients, helper.servers, helper.uplinks, helper.fail) == (
        (),
        (),
        (),
        (),
        None,
    )
    assert helper.limits == HelperLimits(sessions=1000, expectations=32, idle="1d")


@pytest.mark.parametrize("key", ["lans", "clients", "servers", "uplinks"])
def test_a_scope_of_nothing_is_a_mistake(key):
    """It would read as nobody and mean everybody."""
    with pytest.raises(ValidationError, match="at least 1"):
        HelperSection(plugin="ftp", name="ftp", **{key: []})


def test_a_session_has_a_moment():
    """With no time at all each connection would end as it begins."""
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        HelperLimits(idle="0s")


def test_names_are_as_free_as_those_of_plugins():
    """Capital letters and underscores too, but no blanks and not without end."""
    assert parse_helper_name("Acme_chess-2") == "Acme_chess-2"
    for value in (5, "", "a b", "x" * 65, ".a"):
        with pytest.raises(FieldError, match="is not the name of a helper; use letters"):
            parse_helper_name(value)
