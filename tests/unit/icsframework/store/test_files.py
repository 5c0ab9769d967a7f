"""The system calls, on the kernel and in memory: the fake must answer as the kernel does."""

import errno
import os
from pathlib import Path

import pytest

from icsframework.errors import StoreError
from icsframework.store.files import RealFiles, VolatileFiles, replace_file, write_all
from icsframework.testing.files import MemoryFiles


@pytest.fixture(params=[RealFiles, MemoryFiles], ids=["kernel", "memory"])
def files(request):
    return request.param()


def written(files, path, data):
    """Create the file with this content, the usual way."""
    descriptor = files.create(path)
    write_all(files, descriptor, data)
    files.fdatasync(descriptor)
    files.close(descriptor)


def test_a_file_is_created_appended_to_and_cut(files, tmp_path):
    """create empties, append goes to the end also after a cut."""
    path = tmp_path / "a"
    written(files, path, b"old old old")
    written(files, path, b"hello")
    descriptor = files.open_append(path)
    write_all(files, descriptor, b" world")
    assert files.read(path) == b"hello world"
    files.truncate(descriptor, 4)
    write_all(files, descriptor, b"!")
    files.close(descriptor)
    assert files.read(path) == b"hell!"


@pytest.mark.parametrize("call", ["read", "open_append", "remove"])
def test_what_is_not_there_is_file_not_found(files, tmp_path, call):
    """The same error with the same number from both."""
    with pytest.raises(FileNotFoundError) as caught:
        getattr(files, call)(tmp_path / "absent")
    assert caught.value.errno == errno.ENOENT


def test_rename_replaces_and_an_open_file_stays_itself(files, tmp_path):
    """A descriptor follows its file, not the name."""
    written(files, tmp_path / "old", b"old")
    written(files, tmp_path / "new", b"new")
    descriptor = files.open_append(tmp_path / "old")
    files.rename(tmp_path / "new", tmp_path / "old")
    write_all(files, descriptor, b"!")
    files.close(descriptor)
    assert files.read(tmp_path / "old") == b"new"
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "new")


def test_a_closed_descriptor_is_given_back(tmp_path):
    """No call of the real ones leaves a descriptor open."""
    files, before = RealFiles(), len(list(Path("/proc/self/fd").iterdir()))
    written(files, tmp_path / "a", b"a")
    files.sync_directory(tmp_path)
    replace_file(files, tmp_path / "a", b"b")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_link_planted_under_the_temporary_name_is_not_followed(tmp_path):
    """Whoever can write into the directory cannot make us overwrite a file elsewhere."""
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "a.new").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        RealFiles().create(tmp_path / "a.new")
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_write_all_goes_on_after_a_short_write(tmp_path):
    """The kernel may take a part: the rest follows, and a full disk is an error at the call that takes nothing."""
    files = MemoryFiles()
    files.space = 7
    descriptor = files.create(tmp_path / "a")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write_all(files, descriptor, b"0123456789")
    assert files.read(tmp_path / "a") == b"0123456"
    assert files.calls.count("write") == 2


def test_a_failed_replacement_gives_its_space_back(tmp_path):
    """The temporary file goes; if even that fails, the first error is the one that is raised."""
    files = MemoryFiles()
    written(files, tmp_path / "a", b"old")
    for broken in ({"rename"}, {"rename", "remove"}):
        files.failing = {call: OSError(errno.EIO, call) for call in broken}
        with pytest.raises(OSError, match="rename"):
            replace_file(files, tmp_path / "a", b"new")
        assert files.read(tmp_path / "a") == b"old"
        assert files.names() == (["a", "a.new"] if "remove" in broken else ["a"])


def test_a_new_directory_is_closed_and_an_old_one_left_as_it_is(tmp_path):
    """0750 whatever the umask; one that is there may be shared with others."""
    files, old_mask = RealFiles(), os.umask(0o077)
    try:
        files.make_directory(tmp_path / "a" / "state")
    finally:
        os.umask(old_mask)
    assert (tmp_path / "a" / "state").stat().st_mode & 0o7777 == 0o750
    (tmp_path / "a" / "state").chmod(0o755)
    files.make_directory(tmp_path / "a" / "state")
    assert (tmp_path / "a" / "state").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o752])
def test_a_directory_that_everybody_may_write_into_is_refused(tmp_path, mode):
    """Others could put a journal of theirs in place of ours; the sentence says what to do."""
    tmp_path.chmod(mode)
    with pytest.raises(StoreError, match=rf"may write into {tmp_path} \(mode {mode:04o}\).*chmod o-w"):
        RealFiles().make_directory(tmp_path)
    assert tmp_path.stat().st_mode & 0o7777 == mode


def test_what_dies_with_this_boot_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    """The file is whole for every process that looks; no call asks the disk for anything."""
    for call in ("fsync", "fdatasync"):
        monkeypatch.delattr(os, call)  # calling one would be an error
    files = VolatileFiles()
    replace_file(files, tmp_path / "a", b"whole")
    files.sync_directory(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"whole"
