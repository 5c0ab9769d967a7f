"""The count of descriptors."""

import os
import resource

import pytest

from icsframework.host.descriptors import Descriptors, Room, read_descriptors


def test_each_open_file_counts() -> None:
    """And the limit is the soft one."""
    before = read_descriptors()
    opened = os.open("/dev/null", os.O_RDONLY)
    try:
        assert read_descriptors() == Descriptors(before.used + 1, before.limit)
    finally:
        os.close(opened)
    assert before.limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert Descriptors(120, 100).left == 0


def test_none_left_to_look_with() -> None:
    """Then all are used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        assert read_descriptors().left == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def limits():
    """A soft limit of 300 until the test is over; the result reads it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
    yield lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_room_is_made_for_all_that_ask(limits) -> None:
    """Beside what there was; who asks again has one need, and nothing is taken back."""
    room = Room()
    room.make("ftp", 100)
    assert limits() == 400
    room.make("chess", 50)
    room.make("ftp", 120)
    assert limits() == 470
    room.make("ftp", 10)
    assert limits() == 470


def test_room_ends_at_the_hard_limit(limits) -> None:
    """Nobody can have more than that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    Room().make("ftp", 10**9)
    assert limits() == (300 + 10**9 if hard == resource.RLIM_INFINITY else hard)
