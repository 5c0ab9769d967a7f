import pytest

from icsframework.lab.machine import Machine
from icsframework.lab.namespace import KINDS


class Here(Machine):
    """A machine without namespaces of its own: programs run where the test runs, so no rights are needed."""

    def inside(self, work, kinds=KINDS):
        return work()


@pytest.fixture
def here(tmp_path):
    """A machine called `here` whose programs run beside the test."""
    with_directory = Here("here", tmp_path / "here")
    with_directory.directory.mkdir()
    yield with_directory
    with_directory.close()
