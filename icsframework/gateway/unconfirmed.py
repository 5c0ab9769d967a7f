"""``unconfirmed.json``: a configuration that was put in force on trial, and the one before it.

`ics reload --confirm N` writes it before anything changes.  As long as it is
there and the configuration file still is the one that was tried, a start takes
the configuration from before: what locked its operator out does not come back
with a restart.  A file that was edited since is nobody's trial; it is taken.

The text may hold secrets, so the record is for its owner's eyes only and lies in
gateway.run (in memory), never in gateway.state.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from icsframework.config.configuration import Configuration
from icsframework.config.loader import interpret
from icsframework.config.plugins import Plugins
from icsframework.config.source import Source, SourceError, read_source
from icsframework.errors import StoreError
from icsframework.store.files import RealFiles
from icsframework.store.snapshot import read, write_atomic

__all__ = ["FILE", "VERSION", "Trial", "Unconfirmed", "UnconfirmedFile", "instead"]

FILE = "unconfirmed.json"
"""Its name in gateway.run."""
VERSION = 1
"""Format of the document."""
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Trial:
    """``kept`` is the text of the configuration that was confirmed last, ``digest`` that of the one on trial."""

    kept: str
    digest: str


def digest(text: str) -> str:
    """Names a text without telling it."""
    return sha256(text.encode()).hexdigest()


class Unconfirmed(Protocol):
    """Where the trial is kept.  Blocks: called from the worker thread.  Raises StoreError."""

    def load(self) -> Trial | None:
        """The trial whose configuration is still what the file says; None if there is none."""

    def save(self, trial: Trial) -> None:
        """Returns when it is safe."""

    def clear(self) -> None:
        """What the file says is what is wanted."""


class _OwnersFiles(RealFiles):
    """Files that nobody else can read."""

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        os.fchmod(descriptor, OWNER_ONLY)  # also where a file of that name was left
        return descriptor


class UnconfirmedFile:
    """The file in the directory ``gateway.run``; ``config`` is the path of the configuration file."""

    def __init__(self, path: Path, config: str) -> None:
        self.path = path
        self._config = config

    def load(self) -> Trial | None:
        """See Unconfirmed."""
        document = read(self.path, VERSION)
        if document is None:
            return None
        if not isinstance(document, dict) or not {"kept", "digest"} <= document.keys():
            raise StoreError(f"{self.path} is not the record of a trial; remove it.")
        try:
            same = digest(read_source(self._config).text) == document["digest"]
        except SourceError:
            return None
        return Trial(document["kept"], document["digest"]) if same else None

    def save(self, trial: Trial) -> None:
        """See Unconfirmed."""
        write_atomic(self.path, {"kept": trial.kept, "digest": trial.digest}, VERSION, _OwnersFiles())

    def clear(self) -> None:
        """See Unconfirmed."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be removed: {error.strerror}; remove it.") from error


def instead(config: Configuration, path: str, plugins: Plugins) -> Configuration:
    """What to start with: the configuration from before a trial that nobody confirmed, else ``config`` as it is.

    A record that cannot be read, or no longer makes a configuration, does not keep the gateway from starting with the
    file; the gateway tells of it when it looks for itself.
    """
    try:
        trial = UnconfirmedFile(config.gateway.run / FILE, path).load()
    except StoreError:
        return config
    if trial is None:
        return config
    return interpret(Source(path, trial.kept), plugins).config or config
