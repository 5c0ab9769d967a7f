"""A disk in memory that can be full, broken, or lose power between any two system calls.

What was written is visible at once, and durable only after ``fdatasync``; a name is durable only after
``sync_directory``.  `MemoryFiles.power_loss` forgets what was not, or a part of it, as a real disk may.
"""

import errno
import os
from pathlib import Path

__all__ = ["MemoryFiles", "PowerLoss"]


class PowerLoss(BaseException):
    """The machine stops before this system call.  No ``except Exception`` or ``OSError`` may survive it."""


class _Inode:
    """A file without its name: what a reader sees now, and what the platter holds."""

    def __init__(self) -> None:
        self.data = b""
        self.durable = b""

    def after_power_loss(self, kept: float) -> bytes:
        """``kept`` (0 to 1) is the part of the unsynced end that happened to reach the disk."""
        if not self.data.startswith(self.durable):
            return self.data if kept >= 1 else self.durable
        unsynced = len(self.data) - len(self.durable)
        return self.data[: len(self.durable) + int(unsynced * kept)]


class MemoryFiles:
    """Provides ``icsframework.store.files.Files``.

    ``calls`` lists the names of all system calls made.  ``fail`` is raised by every call that writes, those
    in ``failing`` by the call of that name.  ``space`` bounds the bytes of all files; a write takes what
    still fits.  ``lose_power_at`` stops the machine before the call of that index.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fail: Exception | None = None
        self.failing: dict[str, Exception] = {}
        self.space: int | None = None
        self.lose_power_at: int | None = None
        self._names: dict[Path, _Inode] = {}
        self._durable_names: dict[Path, _Inode] = {}
        self._open: dict[int, _Inode] = {}

    # --- for tests

    def power_loss(self, kept: float = 0.0, names: bool = False) -> None:
        """Lose what is not on the disk, but ``kept`` of the unsynced data and, with ``names``, the unsynced names."""
        self._names = dict(self._names if names else self._durable_names)
        self._durable_names = dict(self._names)
        for inode in set(self._names.values()):
            inode.data = inode.durable = inode.after_power_loss(kept)
        self._open.clear()
        self.lose_power_at = None

    def put(self, path: Path, data: bytes) -> None:
        """A file that is there, durably."""
        inode = _Inode()
        inode.data = inode.durable = data
        self._names[path] = self._durable_names[path] = inode

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        return sorted(path.name for path in self._names)

    @property
    def open_descriptors(self) -> int:
        """How many are open."""
        return len(self._open)

    # --- the system calls

    def make_directory(self, path: Path) -> None:
        self._called("make_directory")

    def read(self, path: Path) -> bytes:
        self._called("read", writes=False)
        return self._find(path).data

    def create(self, path: Path) -> int:
        self._called("create")
        inode = self._names.setdefault(path, _Inode())
        inode.data = b""
        return self._descriptor(inode)

    def open_append(self, path: Path) -> int:
        self._called("open_append")
        return self._descriptor(self._find(path))

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        self._called("write")
        fits = len(data) if self.space is None else min(len(data), self.space - self._used())
        if fits <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._open[descriptor].data += bytes(data[:fits])
        return fits

    def truncate(self, descriptor: int, length: int) -> None:
        self._called("truncate")
        inode = self._open[descriptor]
        inode.data = inode.data[:length].ljust(length, b"\0")

    def fdatasync(self, descriptor: int) -> None:
        self._called("fdatasync")
        inode = self._open[descriptor]
        inode.durable = inode.data

    def close(self, descriptor: int) -> None:
        self._called("close", writes=False)
        del self._open[descriptor]

    def rename(self, source: Path, target: Path) -> None:
        self._called("rename")
        self._names[target] = self._find(source)
        del self._names[source]

    def remove(self, path: Path) -> None:
        self._called("remove")
        self._find(path)
        del self._names[path]

    def sync_directory(self, path: Path) -> None:
        self._called("sync_directory")
        kept = {name: inode for name, inode in self._durable_names.items() if name.parent != path}
        now = {name: inode for name, inode in self._names.items() if name.parent == path}
        self._durable_names = kept | now

    # --- inside

    def _called(self, name: str, writes: bool = True) -> None:
        if self.lose_power_at == len(self.calls):
            raise PowerLoss(name)
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]
        if writes and self.fail is not None:
            raise self.fail

    def _find(self, path: Path) -> _Inode:
        if path not in self._names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return self._names[path]

    def _descriptor(self, inode: _Inode) -> int:
        descriptor = max(self._open, default=2) + 1
        self._open[descriptor] = inode
        return descriptor

    def _used(self) -> int:
        return sum(len(inode.data) for inode in set(self._names.values()))
