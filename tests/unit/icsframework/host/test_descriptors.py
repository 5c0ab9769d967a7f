"""The count of descriptors."""

import os
import resource

from icsframework.host.descriptors import Descriptors, read_descriptors


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
