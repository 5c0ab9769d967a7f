"""``before.json``: what ics did to this machine and how it was before, for a clean stop and for ``ics cleanup``.

It is written before the first change and whenever a later change touches
something new.  A start that finds one (after kill -9 or a handover) goes on
with it, so that what counts as "before" is the time before the *first* start.
It says in which boot and network namespace it is true; elsewhere, it is void: so
it is written for who comes after this process, and not for after a loss of power.
"""

from pathlib import Path
from typing import Protocol

from icsframework.errors import StoreError
from icsframework.host.owned import Owned, from_document, to_document
from icsframework.store.files import VolatileFiles, require_closed
from icsframework.store.snapshot import read, write_atomic

__all__ = ["VERSION", "Before", "BeforeFile", "place"]

VERSION = 1
"""Format of the document."""

RUN_MODE = 0o755
"""Of gateway.run, where it is not there yet: members of group ics must reach the control socket in it."""


class Before(Protocol):
    """Where ``Owned`` is kept.  Blocks: called from the worker thread.  Raises StoreError."""

    def load(self) -> Owned:
        """What was saved last, or an empty one."""

    def save(self, owned: Owned) -> None:
        """Returns when it is safe."""

    def clear(self) -> None:
        """The machine is as it was."""


def place(proc: Path = Path("/proc")) -> str:
    """Names this boot and this network namespace."""
    boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {(proc / 'thread-self/ns/net').readlink()}"


class BeforeFile:
    """The file in the directory ``gateway.run``."""

    def __init__(self, path: Path, here: str) -> None:
        self.path = path
        self._here = here

    def load(self) -> Owned:
        """See Before.  What was written in another boot or namespace is void, and a directory open to all is refused."""
        if self.path.parent.is_dir():
            require_closed(self.path.parent)
        document = read(self.path, VERSION)
        if document is None:
            return Owned()
        if not isinstance(document, dict) or not {"place", "owned"} <= document.keys():
            raise StoreError(f"{self.path} is not a record of the machine's previous state; move it away.")
        return from_document(document["owned"]) if document["place"] == self._here else Owned()

    def save(self, owned: Owned) -> None:
        """See Before.  Makes the directory: on a fresh machine the first start comes before anybody made /run/ics."""
        try:
            if not self.path.parent.is_dir():
                self.path.parent.mkdir(parents=True)
                self.path.parent.chmod(RUN_MODE)  # mkdir's mode would be cut by the umask
        except OSError as error:
            raise StoreError(
                f"{self.path.parent} cannot be made: {error.strerror}; see gateway.run."
            ) from error
        write_atomic(self.path, {"place": self._here, "owned": to_document(owned)}, VERSION, VolatileFiles())

    def clear(self) -> None:
        """See Before."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be removed ({error.strerror}); remove it, or the next start takes it for true."
            ) from error
