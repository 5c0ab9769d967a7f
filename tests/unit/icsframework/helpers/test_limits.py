"""What a client may take of a helper."""

import pytest

from icsframework.helpers.limits import Limits


@pytest.mark.parametrize(
    ("sessions", "share"), [(1, 1), (10, 10), (16, 16), (40, 16), (64, 16), (1000, 250), (100_000, 25_000)]
)
def test_the_share_of_one_client(sessions, share):
    """A quarter, and where there are few, all."""
    assert Limits(sessions).per_client == share
