"""The only module that runs nft.

Everything waits in one queue, so that an inventory is still true when the text
made from it is loaded, and transactions never overtake each other.  Rule sets
are loaded by a child process (``nft -f -``): libnftables 1.0 can abort the
process on a text that looks right, and that must not be the gateway.  A few
elements of a set or map, whose text is made by render.py only, go through
libnftables inside this process (0.2 ms instead of 4); where the library is
missing, and for many elements, the child does that too.  Counters are asked of the
kernel directly.
"""

import ctypes
import os
import re
import shutil
from collections.abc import Callable, Generator, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, fail, inlineCallbacks, succeed
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from icsframework.dataplane import filters_nft, render
from icsframework.dataplane.counters import ICounters
from icsframework.dataplane.filters import Filters
from icsframework.dataplane.inventory import Inventory, parse
from icsframework.dataplane.ruleset import TABLE, Element, Set, Table
from icsframework.errors import HostError, NftError, NoPrivilege
from icsframework.host.machine import ITable
from icsframework.host.rulecounters import read_counters

PATIENCE = 15.0
"""Seconds the child may take; a full load takes 0.02, tens of thousands of elements less than one."""

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes of a listing that we read; a full map of 65535 elements is about a fifth of it."""

MAX_IN_PROCESS = 64
"""Elements that libnftables may take on the reactor's time: about a millisecond."""

_NOT_THERE = "No such file or directory"


class NothingThere(NftError):
    """nft found no such table, set or element."""


@implementer(ITable, ICounters)
class Nft:
    """nft as one queue.

    All methods return Deferreds that fail with NftError (the old rules are still
    in force), NoPrivilege, or HostError if nft is not installed.
    """

    def __init__(
        self,
        reactor: Any,
        program: str | None = None,
        library: "Library | None" = None,
        count: Callable[[str], dict[str, int]] = read_counters,
    ) -> None:
        """``reactor`` starts processes and counts time; ``program`` is the path of nft (None: search for it).

        ``library`` takes single elements; without one the child does.  ``count`` reads the counters of a table from the
        kernel; where it cannot, the child does.
        """
        self._count = count
        self._reactor = reactor
        self._program = program
        self._library = library
        self._queue = DeferredLock()

    def apply(self, table: Table) -> Deferred[None]:
        """Make ``table`` what the kernel has, in one transaction; dynamic elements of an earlier load are kept.

        What the inventory did not tell and nft will not change in place is tried once more by replacing the table.
        """
        return self._queue.run(self._apply, table)

    @inlineCallbacks
    def _apply(self, table: Table) -> Generator[Deferred[Any], Any, None]:
        # Elements are read only where they have to be put back: a full map takes nft and us half a second.
        present: Inventory | None = yield self._inventory(table.family, table.name, elements=False)
        if present is None or render.can_keep(table, present):
            try:
                yield self._load(render.render(table, present))
                return
            except NftError:
                if present is None:
                    raise
        present = yield self._inventory(table.family, table.name, elements=True)
        yield self._load(render.replace(table, present or Inventory()))

    def publish(self, table: object | None) -> Deferred[Any]:
        """What the reconciler calls: ``table`` (a ruleset.Table) into force, or ours removed (None)."""
        if table is None:
            return self.remove("inet", TABLE)
        assert isinstance(table, Table), f"not a table: {table!r}"
        return self.apply(table)

    def remove(self, family: str, name: str) -> Deferred[None]:
        """Delete the table with all it holds; nothing happens if it is not there."""
        return self._queue.run(self._load, f"add table {family} {name}\ndelete table {family} {name}\n")

    def check(self, text: str) -> Deferred[None]:
        """Let nft and the kernel try the text without changing anything."""
        return self._queue.run(self._load, text, "-c")

    def inventory(self, family: str, name: str) -> Deferred[Inventory | None]:
        """What the kernel has of the table, elements included; None if it is not there."""
        return self._queue.run(self._inventory, family, name, elements=True)

    @inlineCallbacks
    def _inventory(
        self, family: str, name: str, elements: bool
    ) -> Generator[Deferred[Any], Any, Inventory | None]:
        terse = [] if elements else ["-t"]
        try:
            listing: bytes = yield self._child(["-j", *terse, "list", "table", family, name], "")
        except NothingThere:
            return None
        return parse(listing)

    def everything(self) -> Deferred[Filters]:
        """The tables of all programs, without the elements of their sets."""
        return self._queue.run(self._child, ["-j", "-t", "list", "ruleset"], "").addCallback(
            filters_nft.parse
        )

    def look(self, family: str, name: str) -> Deferred[Filters]:
        """One table as it is in the kernel by now, without elements; empty if it is not there."""
        return self._queue.run(self._look, family, name)

    @inlineCallbacks
    def _look(self, family: str, name: str) -> Generator[Deferred[Any], Any, Filters]:
        try:
            listing: bytes = yield self._child(["-j", "-t", "list", "table", family, name], "")
        except NothingThere:
            return Filters()
        return filters_nft.parse(listing)

    def counters(self) -> Deferred[dict[str, int]]:
        """ICounters.  It waits for nothing: whatever is being loaded, counters stay."""
        try:
            return succeed(self._count(TABLE))
        except NoPrivilege:
            return fail()
        except HostError:
            return self._queue.run(self._counters)

    @inlineCallbacks
    def _counters(self) -> Generator[Deferred[Any], Any, dict[str, int]]:
        try:
            listing: bytes = yield self._child(["-j", "list", "counters", "table", "inet", TABLE], "")
        except NothingThere:
            return {}
        return {counter.name: counter.packets for counter in parse(listing).counters.values()}

    def list(self, family: str, name: str) -> Deferred[str]:
        """The table as ``nft list table`` shows it to people."""
        listing = self._queue.run(self._child, ["list", "table", family, name], "")
        return listing.addCallback(lambda output: output.decode("utf-8", "replace"))

    def add(self, table: Table, item: Set, elements: Sequence[Element]) -> Deferred[None]:
        """Add elements to a set or map, all or none; one that is there already stays as it is."""
        return self._queue.run(self._elements, render.add_elements(table, item, elements), len(elements))

    def delete(self, table: Table, item: Set, elements: Sequence[Element]) -> Deferred[None]:
        """Remove the elements with these keys; those whose time ran out meanwhile are no error."""
        return self._queue.run(self._delete, table, item, elements)

    def change(
        self, table: Table, add: Sequence[tuple[str, Element]], delete: Sequence[tuple[str, Element]]
    ) -> Deferred[None]:
        """Delete, then add elements of several sets of the table (by name), in one transaction.

        What is to be deleted and is gone already is no error; one that is to be added and is there with other data is.
        """
        commands = render.change_elements(table, add, delete)
        return self._queue.run(self._elements, commands, len(add) + 2 * len(delete))

    @inlineCallbacks
    def _delete(
        self, table: Table, item: Set, elements: Sequence[Element]
    ) -> Generator[Deferred[Any], Any, None]:
        try:
            yield self._elements(render.delete_elements(table, item, elements), len(elements))
        except NothingThere:
            # All or none: the others are still there.
            for element in elements if len(elements) > 1 else ():
                yield self._delete(table, item, [element])

    def _elements(self, commands: Sequence[str], count: int) -> Deferred[Any]:
        text = "\n".join([*commands, ""])
        if not commands:
            return _called(lambda: None)
        if self._library is not None and count <= MAX_IN_PROCESS:
            run = self._library.run
            return _called(lambda: run(text))
        return self._load(text)

    def _load(self, text: str, option: str = "") -> Deferred[None]:
        options = [option] if option else []
        return self._child([*options, "-f", "-"], text).addCallback(lambda _: None)

    def _child(self, arguments: Sequence[str], text: str) -> Deferred[bytes]:
        if self._program is None:
            self._program = find_program()
        child = _Child(self._reactor, text)
        words = [self._program, *arguments]
        try:
            self._reactor.spawnProcess(child, self._program, words, env={**os.environ, "LC_ALL": "C.UTF-8"})
        except OSError as error:  # no pipe or no process to be had
            child.never_began(error)
        return child.done


def _called(work: Callable[[], None]) -> Deferred[Any]:
    """``work`` called now, its outcome as a Deferred."""
    done: Deferred[Any] = Deferred()
    try:
        work()
    except NftError:
        done.errback(Failure())
    else:
        done.callback(None)
    return done


def find_program(path: str | None = None) -> str:
    """The path of nft, searched for in ``path`` (None: PATH, and the sbin directories that an ordinary user's lacks).

    Raises HostError if it is not installed.
    """
    found = shutil.which("nft", path=path or f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise HostError("The program nft is not installed on this machine; install the package nftables.")
    return found


class _Child(ProcessProtocol):
    """One run of nft: text in, output or an error out, bounded in size and time."""

    transport: IProcessTransport

    def __init__(self, reactor: Any, text: str) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._text = text
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._size = 0
        self._late = False
        self._timer: IDelayedCall = reactor.callLater(PATIENCE, self._give_up)

    def never_began(self, error: OSError) -> None:
        self._timer.cancel()
        why = error.strerror or str(error)
        self.done.errback(NftError(f"nft cannot be started: {why}; the old rules are still in force."))

    def connectionMade(self) -> None:
        self.transport.write(self._text.encode("utf-8", "surrogateescape"))
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._keep(self._output, data)

    def errReceived(self, data: bytes) -> None:
        self._keep(self._errors, data)

    def _keep(self, where: list[bytes], data: bytes) -> None:
        self._size += len(data)
        if self._size <= MAX_OUTPUT:
            where.append(data)

    def _give_up(self) -> None:
        self._late = True
        self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        if self._timer.active():
            self._timer.cancel()
        if self._late:
            self.done.errback(NftError(f"nft did not end within {PATIENCE:g} s and was stopped."))
        elif self._size > MAX_OUTPUT:
            self.done.errback(
                NftError(f"nft said more than {MAX_OUTPUT} bytes; our table is not as we left it.")
            )
        elif reason.check(ProcessDone):
            self.done.callback(b"".join(self._output))
        else:
            said = b"".join(self._errors).decode("utf-8", "replace")
            self.done.errback(explain(said or str(reason.value), self._text))


class Library:
    """libnftables in this process, for text that render.py made of elements and nothing else.

    The network namespace is that of the moment when it was opened.  Not to be used by several threads.
    """

    def __init__(self) -> None:
        """Raises HostError if the library cannot be loaded."""
        try:
            self._nft = ctypes.CDLL("libnftables.so.1")
        except OSError as error:
            raise HostError(
                f"libnftables cannot be loaded ({error}); install the package nftables."
            ) from error
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        self._declare("nft_ctx_new", pointer, ctypes.c_uint32)
        for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error"):
            self._declare(name, ctypes.c_int, pointer)
        for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
            self._declare(name, text, pointer)
        self._declare("nft_run_cmd_from_buffer", ctypes.c_int, pointer, text)
        self._context = self._nft.nft_ctx_new(0)
        if not self._context:
            raise HostError("libnftables gave no context; is there no memory left?")
        self._nft.nft_ctx_buffer_output(self._context)
        self._nft.nft_ctx_buffer_error(self._context)

    def _declare(self, name: str, result: Any, *arguments: Any) -> None:
        function = getattr(self._nft, name)
        function.restype, function.argtypes = result, arguments

    def run(self, text: str) -> None:
        """Carry out the commands in one transaction.  Raises NftError."""
        failed = self._nft.nft_run_cmd_from_buffer(self._context, text.encode())
        self._nft.nft_ctx_get_output_buffer(self._context)  # reading empties it
        errors: bytes = self._nft.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise explain(errors.decode("utf-8", "replace"), text)


def open_library() -> Library | None:
    """The library, or None where the child has to do (the same result, some milliseconds later)."""
    try:
        return Library()
    except HostError:
        return None


_MESSAGE = re.compile(r"^(?:\S+?:(?P<line>\d+):\d+-\d+: )?(?:netlink: )?Error: (?P<what>.*)$", re.MULTILINE)


def explain(said: str, text: str) -> HostError | NoPrivilege:
    """nft's complaint about ``text`` as an error of ours: what it said, about which line, and what it means now."""
    if "Operation not permitted" in said:
        return NoPrivilege()
    match = _MESSAGE.search(said)
    if match is None:
        return NftError(
            f"nft failed: {' '.join(said.split()) or 'it gave no reason'}; the old rules are still in force."
        )
    lines = text.splitlines()
    number = int(match["line"] or 0)
    # The library counts from the text, the child calls it /dev/stdin; without a number the next line of its
    # complaint repeats the command.
    about = (
        lines[number - 1].strip()
        if 0 < number <= len(lines)
        else said[match.end() :].strip().partition("\n")[0]
    )
    where = f" at line {number}" if number else ""
    kind = NothingThere if _NOT_THERE in match["what"] else NftError
    return kind(
        f"nft refused the rules{where}, {match['what'].removeprefix('Could not process rule: ')}: "
        f"{about[:200]}; the old rules are still in force."
    )
