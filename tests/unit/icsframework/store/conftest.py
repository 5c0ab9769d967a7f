"""A reactor of one queue, so that the real thread runs in tests without a real reactor and without sleeping."""

from queue import SimpleQueue

import pytest

TIMEOUT = 30.0
"""Seconds until a test that waits for the worker thread gives up; it normally waits for milliseconds."""


class QueueReactor:
    """What the worker thread hands over runs when the test says so."""

    def __init__(self):
        self._calls = SimpleQueue()
        self._starting = []
        self.running = True
        self.turns = 0

    def callFromThread(self, function, *args):
        self._calls.put((function, args))

    def callWhenRunning(self, function):
        if self.running:
            function()
        else:
            self._starting.append(function)

    def run(self):
        """From now on it runs."""
        self.running = True
        for function in self._starting:
            function()

    def turn(self):
        """Wait for one call from the thread, and make it."""
        function, args = self._calls.get(timeout=TIMEOUT)
        self.turns += 1
        function(*args)

    def wait(self, deferred):
        """Turn until ``deferred`` fires; its result, or raises its failure."""
        found = []
        deferred.addBoth(found.append)
        while not found:
            self.turn()
        return result_of(found[0])


def result_of(outcome):
    """Return it, or raise it if it is a Failure."""
    if hasattr(outcome, "raiseException"):
        outcome.raiseException()
    return outcome


@pytest.fixture
def reactor():
    return QueueReactor()
