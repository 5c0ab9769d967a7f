"""The one thread for the machine."""

import threading
from typing import Any

import pytest_twisted
from twisted.internet import reactor

from icsframework.gateway.worker import Worker


@pytest_twisted.ensureDeferred
async def test_everything_runs_in_one_other_thread() -> None:
    """Results and exceptions come back to the reactor; the thread is the same for all and not the reactor's."""
    worker = Worker(reactor)
    threads = [await worker.run(threading.get_ident) for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    errors: list[Any] = []
    await worker.run(lambda: 1 / 0).addErrback(lambda failure: errors.append(failure.type))
    assert errors == [ZeroDivisionError]
    worker.stop()
    assert not any(thread.ident == threads[0] for thread in threading.enumerate())


def test_a_worker_that_did_nothing_has_no_thread() -> None:
    """Opening nothing before it is needed; stopping twice is harmless."""
    before = threading.active_count()
    worker = Worker(reactor)
    assert threading.active_count() == before
    worker.stop()
    worker.stop()
