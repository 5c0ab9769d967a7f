"""One journal's file, as the worker thread sees it: opening, appending, replacing, and what to do when the disk says no.

Invariant: the first ``_good`` bytes of the file at ``path`` are on the disk and hold every acknowledged
record; what follows them is rubbish of a failed write and is cut off before the next one.  A failed write or
sync therefore fails exactly the requests it was for, and the journal is usable again as soon as the disk is.

A file that must be changed when it is opened (old version, damage) is first copied aside under another name
(NAME.v1.bak, NAME.damaged), then replaced as a whole.  A crash between any two system calls leaves the old
file or the new one under the journal's name.
"""

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from icsframework.errors import JournalDamaged, StoreError, StoreVersionError
from icsframework.frozen import dataclass
from icsframework.interfaces import Upgrade
from icsframework.store.files import Files, replace_file, write_all
from icsframework.store.format import FRAMING, Header, Scan, decode, encode, frames, header_line, scan

SUFFIX = ".journal"

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space, ics then goes on by itself",
    errno.EDQUOT: "the disk quota is used up; free some space, ics then goes on by itself",
    errno.EROFS: "the file system is read-only; remount it writable (dmesg says why the kernel did that)",
    errno.EIO: "the disk reports an input/output error; look at dmesg and replace the disk",
    errno.EMFILE: "no file descriptor is left; raise LimitNOFILE= of the unit (or ulimit -n), ics then goes on by itself",
    errno.EACCES: "no permission; the state directory must belong to the user that runs ics",
    errno.EPERM: "no permission; the state directory must belong to the user that runs ics",
}


@dataclass(frozen=True, slots=True)
class Open:
    """Read the file, upgrade or repair it, make it if it is missing.  Outcome: `Opened`."""

    upgrade: Upgrade | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Write one record.  Outcome: its number."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Compact:
    """Replace everything by these records.  Outcome: `Contents`."""

    records: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Close:
    """Give the descriptor back.  Outcome: None."""


Request = Open | Append | Compact | Close


@dataclass(frozen=True, slots=True)
class Contents:
    """The records of a journal, the first numbered ``first``."""

    first: int
    payloads: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event to emit in the reactor: id of the catalogue and fields."""

    id: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening found, and what there is to tell about it."""

    contents: Contents
    happenings: tuple[Happening, ...] = ()


def explain(error: OSError, doing: str, path: Path) -> StoreError:
    """The error of a system call as a sentence: what, where, what to do."""
    advice = _ADVICE.get(
        error.errno or 0, f"{error.strerror or error}; check the disk and the state directory"
    )
    return StoreError(f"Cannot {doing} {path}: {advice}.")


class JournalFile:
    """The file of one journal.  Every method runs in the worker thread; nothing here is shared with the reactor."""

    def __init__(self, files: Files, path: Path, name: str, version: int, writer: str) -> None:
        self._files = files
        self._path = path
        self._header = Header(name, version, writer)
        self._descriptor: int | None = None
        self._good = 0
        self._next = 1
        self._clean = True
        """False while bytes may follow the good ones."""
        self._named = True
        """False while the directory entry of a new file may not be on the disk yet."""

    def commit(self, requests: Sequence[Request]) -> list[object]:
        """Carry out in order; neighbouring appends become one write and one fdatasync."""
        outcomes: list[object] = []
        appends: list[bytes] = []
        for request in requests:
            if isinstance(request, Append):
                appends.append(request.payload)
                continue
            outcomes += self._append(appends)
            appends = []
            outcomes.append(self._perform(request))
        return outcomes + self._append(appends)

    def _perform(self, request: Open | Compact | Close) -> object:
        try:
            if isinstance(request, Open):
                return self._open(request.upgrade)
            if isinstance(request, Compact):
                return self._compact([encode(record) for record in request.records])
            self._drop_descriptor()
        except StoreError as error:
            return error
        except OSError as error:
            return explain(error, "open" if isinstance(request, Open) else "write", self._path)
        return None

    # --- appending

    def _append(self, payloads: Sequence[bytes]) -> list[object]:
        if not payloads:
            return []
        try:
            first = self._append_durably(payloads)
        except OSError as error:
            self._drop_descriptor()
            return [explain(error, "write", self._path)] * len(payloads)
        return list(range(first, self._next))

    def _append_durably(self, payloads: Sequence[bytes]) -> int:
        """Write and sync; the number of the first.  The state moves only when all of it is on the disk."""
        descriptor = self._ready()
        first = self._next
        data = frames(first, payloads)
        self._clean = False
        write_all(self._files, descriptor, data)
        self._files.fdatasync(descriptor)
        self._clean = True
        self._good += len(data)
        self._next += len(payloads)
        return first

    def _ready(self) -> int:
        """A descriptor at the end of the good bytes of a file whose name is durable."""
        if not self._named:
            self._files.sync_directory(self._path.parent)
            self._named = True
        if self._descriptor is None:
            self._descriptor = self._files.open_append(self._path)
        if not self._clean:
            self._files.truncate(self._descriptor, self._good)
            self._clean = True
        return self._descriptor

    def _drop_descriptor(self) -> None:
        """Close it; the next append opens anew, so that an old error of the file is not reported twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            try:
                self._files.close(descriptor)
            except OSError:
                return  # what was acknowledged is synced already; the descriptor is gone either way

    # --- replacing

    def _compact(self, payloads: Sequence[bytes]) -> Contents:
        first = self._next + 1  # one number is left out: the jump tells followers to start afresh
        self._replace(first, payloads)
        return Contents(first, payloads)

    def _replace(self, first: int, payloads: Sequence[bytes]) -> None:
        data = header_line(replace(self._header, first=first)) + frames(first, payloads)
        replace_file(self._files, self._path, data)
        # From here on the name stands for the new file, whatever the next call says.
        self._drop_descriptor()
        self._good, self._next, self._clean, self._named = len(data), first + len(payloads), True, False
        self._files.sync_directory(self._path.parent)
        self._named = True

    def _keep_aside(self, suffix: str, data: bytes) -> Path:
        """A durable copy of what the file was; one of each kind is kept."""
        copy = self._path.with_name(self._path.name.removesuffix(SUFFIX) + suffix)
        replace_file(self._files, copy, data)
        self._files.sync_directory(copy.parent)
        return copy

    # --- opening

    def _open(self, upgrade: Upgrade | None) -> Opened:
        self._files.make_directory(self._path.parent)
        try:
            data = self._files.read(self._path)
        except FileNotFoundError:
            self._replace(1, ())
            return Opened(Contents(1, ()))
        found = scan(data)
        self._refuse_foreign(found)
        if (found.damage and not found.torn) or self._found_version(found) < self._header.version:
            return self._rewrite(data, found, upgrade)
        self._good, self._clean, self._next = found.good_length, not found.torn, found.last + 1
        self._named = False
        payloads = [entry.payload for entry in found.entries]
        return Opened(Contents(self._next - len(payloads), payloads), self._settle(found.torn))

    def _settle(self, torn: bool) -> tuple[Happening, ...]:
        """Put on the disk what the process before us may have left in the page cache: the owner will rely on it.

        A disk that cannot be written does not keep anybody from reading the journal; it is told once.
        """
        happenings = [Happening("store.torn", {"file": str(self._path)})] if torn else []
        try:
            self._files.fdatasync(self._ready())
        except OSError as error:
            self._drop_descriptor()
            reason = str(explain(error, "write", self._path))
            happenings.append(Happening("store.failed", {"file": str(self._path), "reason": reason}))
        return tuple(happenings)

    def _found_version(self, found: Scan) -> int:
        """The version of the records; of a file that has lost its header we believe that it is ours."""
        return found.header.version if found.header else self._header.version

    def _refuse_foreign(self, found: Scan) -> None:
        """Raise for a file that is not ours to touch."""
        header = found.header
        if header is None:
            return
        if header.framing > FRAMING or header.version > self._header.version:
            raise StoreVersionError(
                f"{self._path} has format version {header.version}, written by {header.writer or 'somebody'}; this "
                f"ics knows versions up to {self._header.version}. It was left untouched: start the newer ics, or "
                f"move the file away to begin with an empty one."
            )
        if not header.intact and header.version != self._header.version:
            raise JournalDamaged(
                f"The first line of {self._path} is damaged, and so the version in it ({header.version}) cannot be "
                f"believed. The file was left untouched: correct the line by hand, or move the file away."
            )
        if header.intact and header.name != self._header.name:
            raise StoreError(
                f"{self._path} is the journal {header.name!r}, not {self._header.name!r}; "
                f"move it back to {header.name}{SUFFIX}."
            )

    def _rewrite(self, data: bytes, found: Scan, upgrade: Upgrade | None) -> Opened:
        """Keep what was, then write what could be read, in today's version, as a new file."""
        happenings = []
        payloads = self._upgraded(found, upgrade)
        if found.damage:
            happenings.append(self._damage_event(found, self._keep_aside(".damaged", data)))
        version = self._found_version(found)
        if version < self._header.version:
            copy = self._keep_aside(f".v{version}.bak", data)
            fields = {
                "file": str(self._path),
                "found": version,
                "version": self._header.version,
                "copy": str(copy),
            }
            happenings.append(Happening("store.upgraded", fields))
        first = found.last + 2
        self._replace(first, payloads)
        return Opened(Contents(first, payloads), tuple(happenings))

    def _upgraded(self, found: Scan, upgrade: Upgrade | None) -> list[bytes]:
        version = self._found_version(found)
        if version == self._header.version:
            return [entry.payload for entry in found.entries]
        if upgrade is None:
            raise StoreVersionError(
                f"{self._path} has format version {version}, and this ics can no longer read versions below "
                f"{self._header.version}. It was left untouched: start an ics in between, or move the file away."
            )
        try:
            renewed = [upgrade(decode(entry.payload), version) for entry in found.entries]
        except Exception as error:
            raise StoreError(
                f"{self._path} could not be upgraded from version {version} to {self._header.version} "
                f"({type(error).__name__}: {error}). It was left untouched: report this, or move the file away."
            ) from error
        return [encode(record) for record in renewed if record is not None]

    def _damage_event(self, found: Scan, copy: Path) -> Happening:
        fields = {
            "file": str(self._path),
            "offset": found.damage[0].offset,
            "bytes": sum(damage.length for damage in found.damage),
            "missing": sum(damage.missing for damage in found.damage),
            "records": len(found.entries),
            "copy": str(copy),
        }
        return Happening("store.damaged", fields)
