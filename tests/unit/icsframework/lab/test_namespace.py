import os
import threading

import pytest

from icsframework.lab.errors import LabError
from icsframework.lab.namespace import visit


def test_work_is_done_in_a_thread_of_its_own():
    """The answer comes back, the thread is gone, the caller's thread is another."""
    threads = threading.active_count()
    assert visit({}, threading.get_ident) != threading.get_ident()
    assert threading.active_count() == threads


def test_errors_come_out():
    """What the work raises is raised for the caller."""
    with pytest.raises(ZeroDivisionError):
        visit({}, lambda: 1 / 0)


@pytest.mark.parametrize("kind", ["net", "mnt"])
def test_what_is_no_namespace_is_refused(kind):
    """A descriptor of something else gives a sentence, and the work is not done."""
    done = []
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        with pytest.raises(LabError, match=f"cannot enter the {kind} namespace of a host: "):
            visit({kind: descriptor}, lambda: done.append(1))
    finally:
        os.close(descriptor)
    assert done == []
