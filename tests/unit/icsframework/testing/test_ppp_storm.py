"""Mutated frames for PPP links."""

import pytest

from icsframework.protocols.ppp import link as module
from icsframework.testing.ppp_storm import storm


def test_most_frames_reach_the_parsers():
    """A storm is made of frames with a correct FCS, and is the same for the same seed."""
    good = storm(2000, seed=1)
    assert good > 1000
    assert storm(2000, seed=1) == good


def test_an_exception_leaves_the_storm(monkeypatch):
    """A parser that raises something else than it may is seen."""

    def broken(frame):
        raise KeyError(frame)

    monkeypatch.setattr(module, "split_frame", broken)
    with pytest.raises(KeyError):
        storm(200, seed=1)
