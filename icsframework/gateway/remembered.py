"""``links.json``: what the next process must know of the uplinks (uplinks/saved.py), kept while the gateway runs.

It is written before the machine is changed for what it says: a kill in between
makes the next start put in force, or ask about, what was announced last.  A
clean stop removes it, first of all: what is being ended is not to be adopted.
Like before.json it says in which boot and network namespace it is true.

What was left is part of the wanted state until each uplink has said whether it goes
on, so that no address is gone for a moment: the kernel would end every flow that
is translated to it.

It is a convenience for the next start.  One that cannot be written or read
costs a new connect, and is told, but stops nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure

from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.errors import IcsError, StoreError
from icsframework.interfaces import IEvents
from icsframework.status import cause_to_json
from icsframework.store.files import VolatileFiles
from icsframework.store.snapshot import read, write_atomic
from icsframework.uplinks.saved import SavedUplink, from_document, to_document
from icsframework.uplinks.telling import DEVICE
from icsframework.values import InterfaceInfo, Link

__all__ = ["VERSION", "LinksFile", "Remembered", "SavedLinks"]

VERSION = 1
"""Format of the document."""

Saved = Mapping[str, SavedUplink]


class SavedLinks(Protocol):
    """Where the record is kept.  Blocks: called from the worker thread.  Raises StoreError."""

    def load(self) -> Saved | None:
        """What was saved last here; None if no gateway has run here since its last clean stop."""

    def save(self, uplinks: Saved) -> None:
        """Returns when it is safe."""

    def clear(self) -> None:
        """Nothing is to be adopted."""


class LinksFile:
    """The file in the directory ``gateway.run``."""

    def __init__(self, path: Path, here: str) -> None:
        """``here`` names boot and network namespace (host/before.place)."""
        self.path = path
        self._here = here

    def load(self) -> Saved | None:
        """See SavedLinks.  What was written in another boot or namespace is void."""
        document = read(self.path, VERSION)
        if document is None:
            return None
        if not isinstance(document, dict) or not {"place", "uplinks"} <= document.keys():
            raise StoreError(f"{self.path} is not a record of links; move it away.")
        return from_document(document["uplinks"]) if document["place"] == self._here else None

    def save(self, uplinks: Saved) -> None:
        """See SavedLinks."""
        write_atomic(
            self.path, {"place": self._here, "uplinks": to_document(uplinks)}, VERSION, VolatileFiles()
        )

    def clear(self) -> None:
        """See SavedLinks."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be removed: {error.strerror}; remove it.") from error


class Remembered:
    """What an earlier process left, and what is kept for the next one.

    ``found`` holds what was there at the start and can still be true.  All work on
    ``file`` is done by ``in_thread``, in order.
    """

    def __init__(self, file: SavedLinks, in_thread: Callable[..., Deferred[Any]], events: IEvents) -> None:
        self.found: dict[str, SavedUplink] = {}
        self._file = file
        self._in_thread = in_thread
        self._events = events
        self._kept: Saved | None = None

    @inlineCallbacks
    def load(self, interfaces: Callable[[], Sequence[InterfaceInfo]]) -> Any:
        """Read what is there; Deferred of True if a gateway has left something here.

        A link whose interface is gone, or another one of the same name, is not kept.
        """
        try:
            saved = yield self._in_thread(self._file.load)
        except StoreError as error:
            self._events.emit("store.unreadable", reason=str(error))
            return False
        here = {(info.name, info.ifindex) for info in interfaces()}
        self.found = {name: _possible(one, here) for name, one in (saved or {}).items()}
        return saved is not None

    def links(self) -> dict[str, Link]:
        """The links found."""
        return {name: one.link for name, one in self.found.items() if one.link is not None}

    def indices(self) -> dict[str, int]:
        """The mark indices found."""
        return {name: one.index for name, one in self.found.items()}

    def plane(self, marks: Marks) -> DataPlane:
        """What was in force, as far as running flows are concerned."""
        return DataPlane(
            uplinks=tuple(
                UplinkSide(name, one.index, one.link.interface if one.link else "", one.link)
                for name, one in self.found.items()
            ),
            marks=marks,
        )

    def expect(self, uplinks: Collection[UplinkSection]) -> None:
        """Only what is configured can go on, and only on the interface that it is configured for."""
        sections = {uplink.name: uplink for uplink in uplinks}
        self.found = {
            name: one if _is_of(sections[name], one.link) else replace(one, link=None)
            for name, one in self.found.items()
            if name in sections
        }

    def take_up(self, settle: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """The first settle: with the links found, and without them if the machine does not take them back."""

        def without_links(failure: Failure) -> Deferred[Any]:
            failure.trap(IcsError)
            for name in self.links():
                why = cause_to_json(self.found[name].cause or DEVICE)
                self._events.emit(
                    "uplink.not_adopted", uplink=name, why=why, reason=failure.getErrorMessage()
                )
            self.found = {name: replace(one, link=None) for name, one in self.found.items()}
            return settle()

        settled = settle()
        return settled.addErrback(without_links) if self.links() else settled

    def keep(self, uplinks: Saved) -> None:
        """Write down what the next process must know, if it is something new."""
        if uplinks != self._kept:
            self._kept = dict(uplinks)
            self._in_thread(self._file.save, self._kept).addErrback(self._told)

    def clear(self) -> Deferred[None]:
        """Nothing is to be adopted; Deferred, which never fails."""
        self._kept = None
        cleared: Deferred[None] = self._in_thread(self._file.clear).addErrback(self._told)
        return cleared

    def _told(self, failure: Failure) -> None:
        failure.trap(StoreError)
        self._kept = None
        self._events.emit("store.failed", file="links.json", reason=failure.getErrorMessage())


def _possible(saved: SavedUplink, here: set[tuple[str, int]]) -> SavedUplink:
    if saved.link is None or (saved.link.interface, saved.link.ifindex) in here:
        return saved
    return replace(saved, link=None)


def _is_of(section: UplinkSection, link: Link | None) -> bool:
    """A device that is found otherwise than by its name may be called anything."""
    by_name = section.interface if section.vlan is None else None
    return link is None or by_name is None or link.interface == by_name
