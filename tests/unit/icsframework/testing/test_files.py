"""The disk in memory: what a power loss takes.  Its system calls: store/test_files.py."""

from pathlib import Path

import pytest

from icsframework.store.files import write_all
from icsframework.testing.files import MemoryFiles, PowerLoss

HERE = Path("/d")


def disk():
    """Synced "abc" under a durable name, then "defg" that is not synced."""
    files = MemoryFiles()
    descriptor = files.create(HERE / "a")
    write_all(files, descriptor, b"abc")
    files.fdatasync(descriptor)
    files.sync_directory(HERE)
    write_all(files, descriptor, b"defg")
    return files


@pytest.mark.parametrize(("kept", "content"), [(0.0, b"abc"), (0.5, b"abcde"), (1.0, b"abcdefg")])
def test_unsynced_data_may_be_lost_in_part(kept, content):
    """Synced bytes stay; of the others as much as the test asks for."""
    files = disk()
    files.power_loss(kept)
    assert files.read(HERE / "a") == content


@pytest.mark.parametrize(("names", "there"), [(False, ["a"]), (True, ["b"])])
def test_unsynced_names_may_be_lost(names, there):
    """A rename without sync_directory is undone, or not."""
    files = disk()
    files.rename(HERE / "a", HERE / "b")
    files.power_loss(names=names)
    assert files.names() == there
    assert files.open_descriptors == 0


def test_a_rename_before_the_sync_can_leave_an_empty_file():
    """The classic mistake shows: the name is there, the data is not."""
    files = disk()
    write_all(files, files.create(HERE / "b"), b"new")
    files.rename(HERE / "b", HERE / "a")
    files.power_loss(names=True)
    assert files.read(HERE / "a") == b""


def test_power_is_lost_before_the_call_asked_for():
    """Calls up to there are made; PowerLoss is no Exception, so nothing catches it by the way."""
    files = MemoryFiles()
    files.lose_power_at = 1
    files.create(HERE / "a")
    with pytest.raises(PowerLoss):
        files.create(HERE / "b")
    assert files.names() == ["a"]
    assert not issubclass(PowerLoss, Exception)
