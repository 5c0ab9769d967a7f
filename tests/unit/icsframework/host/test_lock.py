"""One gateway per namespace."""

import os

import pytest

from icsframework.errors import AlreadyRunning
from icsframework.host.lock import NamespaceLock

NAME = f"ics-test-{os.getpid()}"


def test_the_second_is_refused():
    """It names the process that has the lock; after the release it may have it."""
    first, second = NamespaceLock(NAME), NamespaceLock(NAME)
    first.acquire()
    first.acquire()
    with pytest.raises(AlreadyRunning, match=rf"\(pid {os.getpid()}\).*Stop it first"):
        second.acquire()
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_child_keeps_it():
    """twistd goes to the background by forking: the lock goes with it, and its holder is the child."""
    lock = NamespaceLock(NAME)
    lock.acquire()
    release, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        os.read(release, 1)
        os._exit(0)
    os.close(release)
    lock.release()
    try:
        with pytest.raises(AlreadyRunning, match=rf"\(pid {child}\)"):
            NamespaceLock(NAME).acquire()
    finally:
        os.close(told)
        os.waitpid(child, 0)
    lock.acquire()
    lock.release()
