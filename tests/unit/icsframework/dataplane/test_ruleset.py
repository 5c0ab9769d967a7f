"""A table as a value."""

import pytest

from icsframework.dataplane.ruleset import Map, Set, Table


def test_sets_are_found_by_name():
    """A set or map is found by its name; a name that is not there is a KeyError."""
    things, ways = Set("things", ("mark",)), Map("ways", ("mark",), data=("mark",))
    table = Table("ics", (), (things, ways))
    assert (table.set("things"), table.set("ways")) == (things, ways)
    assert table.address == "inet ics"
    with pytest.raises(KeyError):
        table.set("other")


def test_equal_tables_are_equal_and_hashable():
    """The reconciler compares tables and puts them into sets."""
    assert len({Table("ics", (), (Set("a", ("mark",)),)), Table("ics", (), (Set("a", ("mark",)),))}) == 1
