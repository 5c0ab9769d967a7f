"""Names for what the file leaves unnamed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from icsframework.addresses import NAME
from icsframework.config.naming import fit_name, free_name


def test_names_are_made_to_fit():
    """Lower-case, a letter first, at most ten characters, no hyphen at the ends."""
    texts = ["eth1", "enp0s31f6", "br-lan.10", "WLAN 0", "3com", "---", "", "very-long-interface", "tcp-80"]
    assert [fit_name(text, "lan") for text in texts] == [
        "eth1",
        "enp0s31f6",
        "br-lan-10",
        "wlan-0",
        "com",
        "lan",
        "lan",
        "very-long",
        "tcp-80",
    ]


@given(st.text(max_size=50))
def test_every_made_name_is_a_name(text):
    """Whatever it is made of."""
    assert re.fullmatch(NAME, fit_name(text, "x"))


def test_a_taken_name_is_numbered():
    """The number shortens what stands before it; numbers that are taken are passed over."""
    assert free_name("eth1", set()) == "eth1"
    assert free_name("eth1", {"eth1", "eth1-2"}) == "eth1-3"
    assert free_name("abcdefghij", {"abcdefghij"}) == "abcdefgh-2"
    assert free_name("a", {"a", *(f"a-{n}" for n in range(2, 12))}, 4) == "a-12"
