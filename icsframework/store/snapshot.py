"""Small documents that are replaced as a whole: what the machine was before we came, and the like.

The file is one JSON object that a person or ``jq`` can read; ``data`` is the document, ``crc`` covers its
name, version and data (as compact JSON with sorted keys).  A reader finds the old document or the new one,
never a mixture.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from icsframework import __version__
from icsframework.errors import JournalDamaged, StoreError, StoreVersionError
from icsframework.store.file import explain
from icsframework.store.files import Files, RealFiles, replace_file

Upgrade = Callable[[Any, int], Any]


def write_atomic(path: Path, data: Any, version: int = 1, files: Files | None = None) -> None:
    """Replace the document at ``path``; returns when it is on the disk (so it blocks: not in a busy reactor).

    The directory must exist.  Raises StoreError if ``data`` is not JSON-able or the disk refuses; the old
    document is then still there.
    """
    files = files or RealFiles()
    document = {
        "ics-snapshot": path.stem,
        "format": version,
        "writer": f"ics {__version__}",
        "crc": _checksum(path.stem, version, data),
        "data": data,
    }
    try:
        replace_file(files, path, json.dumps(document, indent=1).encode("ascii") + b"\n")
        files.sync_directory(path.parent)
    except OSError as error:
        raise explain(error, "write", path) from error


def read(path: Path, version: int = 1, upgrade: Upgrade | None = None, files: Files | None = None) -> Any:
    """The document at ``path``, or None if there is none.

    An older version goes through ``upgrade(data, from_version)``; the file stays as it is.
    Raises StoreVersionError for a newer one, JournalDamaged if the CRC is wrong, StoreError if it cannot be
    read or is something else.
    """
    try:
        content = (files or RealFiles()).read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain(error, "read", path) from error
    document = _parse(content, path)
    found, data = document["format"], document["data"]
    if found > version:
        raise StoreVersionError(
            f"{path} has format version {found}, written by {document.get('writer', 'somebody')}; this ics knows "
            f"versions up to {version}. It was left untouched: start the newer ics, or move the file away."
        )
    if document.get("crc") != _checksum(path.stem, found, data):
        raise JournalDamaged(
            f"{path} is damaged: its checksum is wrong; restore it from a backup or remove it."
        )
    if found == version:
        return data
    if upgrade is None:
        raise StoreVersionError(
            f"{path} has format version {found}, and this ics can no longer read versions below {version}; "
            f"move the file away."
        )
    return upgrade(data, found)


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise JournalDamaged(
            f"{path} is damaged: it is not JSON; restore it from a backup or remove it."
        ) from error
    if (
        not isinstance(document, dict)
        or document.get("ics-snapshot") != path.stem
        or type(document.get("format")) is not int
        or "data" not in document
    ):
        raise StoreError(f"{path} is no snapshot of ics named {path.stem!r}; move the file away.")
    return document


def _checksum(name: str, version: int, data: Any) -> str:
    try:
        text = json.dumps([name, version, data], separators=(",", ":"), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"The snapshot {name} cannot be written as JSON ({error}); use plain JSON values."
        ) from error
    return f"{crc32(text.encode('ascii')):08x}"
