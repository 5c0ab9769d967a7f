"""Helpers of the host room's tests."""

import gc
from pathlib import Path

import pytest


def _open_descriptors():
    gc.collect()
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@pytest.fixture
def open_descriptors():
    """A function that lists the descriptors of this process."""
    return _open_descriptors
