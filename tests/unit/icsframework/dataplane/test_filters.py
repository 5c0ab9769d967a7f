"""Packet filters as values."""

import pytest

from icsframework.dataplane.filters import Filters, FoundChain, FoundRule, Verdict


def test_nothing_is_said_where_nothing_is_known():
    """No tables, no hook, a rule that only counts."""
    assert (Filters().tables, Filters().sets) == ({}, {})
    chain = FoundChain("ip", "filter", "MINE")
    assert (chain.hook, chain.policy, chain.legacy) == ("", "", False)
    assert FoundRule().verdict is None


def test_they_are_values():
    """Equal by content, and not to be changed."""
    assert Verdict("jump", "a") == Verdict("jump", "a") != Verdict("goto", "a")
    with pytest.raises(AttributeError):
        Verdict("accept").kind = "drop"
