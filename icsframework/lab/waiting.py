"""Wait for something to become true, with a limit and a sentence for when it does not."""

import time
from collections.abc import Callable
from typing import TypeVar

from icsframework.lab.errors import LabError

__all__ = ["LabTimeout", "wait_for"]

T = TypeVar("T")

POLL = 0.01
"""Seconds between two looks: short against anything a person notices, long against the cost of a look."""


class LabTimeout(LabError):
    """The lab waited too long."""


def wait_for(predicate: Callable[[], T], timeout: float = 5.0, what: str = "the condition") -> T:
    """Call ``predicate`` until it answers something true, and return that.

    ``timeout`` is in seconds; ``what`` completes the sentence "waited 5 s for ...".
    An exception of the predicate is not caught.  Raises LabTimeout.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise LabTimeout(f"waited {timeout:g} s for {what}")
        time.sleep(POLL)
