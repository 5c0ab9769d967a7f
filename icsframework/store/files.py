"""The system calls that the store makes, as an interface, so that a test can lose power between any two of them."""

import os
import stat
from pathlib import Path
from typing import Protocol

from icsframework.errors import StoreError

FILE_MODE = 0o640
"""Journals name clients and destinations: not for everybody on the machine."""

DIRECTORY_MODE = 0o750


class Files(Protocol):
    """Exactly the system calls of the store.  Each may raise OSError; all run in the worker thread."""

    def make_directory(self, path: Path) -> None:
        """Create the directory (0750) and its parents; one that exists stays as it is, see require_closed."""

    def read(self, path: Path) -> bytes:
        """The whole file; FileNotFoundError if it is not there."""

    def create(self, path: Path) -> int:
        """Open for writing, empty, mode 0640; a file of that name is emptied."""

    def open_append(self, path: Path) -> int:
        """Open an existing file so that each write goes to its end."""

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write some of ``data``; how many bytes."""

    def truncate(self, descriptor: int, length: int) -> None:
        """Cut the file to ``length`` bytes."""

    def fdatasync(self, descriptor: int) -> None:
        """Return when what was written is on the disk, with the length."""

    def close(self, descriptor: int) -> None:
        """Give the descriptor back."""

    def rename(self, source: Path, target: Path) -> None:
        """Replace ``target`` by ``source``, atomically."""

    def remove(self, path: Path) -> None:
        """Remove the file."""

    def sync_directory(self, path: Path) -> None:
        """Return when the names in the directory are on the disk."""


class RealFiles:
    """The kernel."""

    def make_directory(self, path: Path) -> None:
        if path.is_dir():
            require_closed(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True)
        path.chmod(DIRECTORY_MODE)  # mkdir's mode would be cut by the umask

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)

    def open_append(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, length: int) -> None:
        os.ftruncate(descriptor, length)

    def fdatasync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        source.replace(target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class VolatileFiles(RealFiles):
    """For what is true in this boot only: it outlives the process, and need not outlive a loss of power.

    So nobody waits for the disk: a few hundredths of a second of every change of a link.
    """

    def fdatasync(self, descriptor: int) -> None:
        """See Files: not needed."""

    def sync_directory(self, path: Path) -> None:
        """See Files: not needed."""


def require_closed(path: Path) -> None:
    """StoreError if everybody on the machine may write into the directory: they could put other files in place of ours.

    Its mode is not changed: it may be somebody else's, with other things in it.  Looking into it gains nobody much,
    for our files are closed themselves.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWOTH:
        raise StoreError(
            f"Everybody on this machine may write into {path} (mode {mode:04o}), and so change what ics remembers; "
            f"chmod o-w {path}, or choose another directory. Nothing was changed."
        )


def write_all(files: Files, descriptor: int, data: bytes) -> None:
    """Write every byte: a full disk may take a part and refuse the rest only at the next call."""
    rest = memoryview(data)
    while rest:
        rest = rest[files.write(descriptor, rest) :]


def replace_file(files: Files, path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` so that a reader sees the old file or the new one, whole.

    The new one is on the disk before it gets the name.  The *name* is durable only after
    ``files.sync_directory(path.parent)``, which the caller makes: it must know that the name already points
    to the new file if that last call fails.
    """
    aside = path.with_name(path.name + ".new")
    descriptor = files.create(aside)
    try:
        try:
            write_all(files, descriptor, data)
            files.fdatasync(descriptor)
        finally:
            files.close(descriptor)
        files.rename(aside, path)
    except OSError:
        _remove_quietly(files, aside)
        raise


def _remove_quietly(files: Files, path: Path) -> None:
    """Give the space of a failed file back; if even that fails, the error that led here is the one to tell."""
    try:
        files.remove(path)
    except OSError:
        return  # the next attempt empties it
