"""Stream shells in memory."""

import pytest

from icsframework.testing.stream import StreamBench


@pytest.fixture
def bench():
    """Makes benches, each stopped and found empty at the end of the test."""
    made = []

    def make(*args, **kwargs):
        made.append(StreamBench(*args, **kwargs))
        return made[-1]

    yield make
    for one in made:
        assert one.stop()
        assert one.idle
