"""Tells the packet filter what names have led to, for rules of waking and keeping that are about names.

What a client was told by the DNS proxy goes into the set of each pattern that the name fits (dataplane/named.py), for as
long as the directory of names remembers it; an address that is told again by a name that does not fit is taken out.  So
the packet filter decides as Python would.  The sets stay in the kernel when the process ends, and run out there.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.named import named_element, patterns
from icsframework.dataplane.plane import DataPlane
from icsframework.errors import IcsError
from icsframework.interfaces import Unwatch
from icsframework.uplinks.traffic import fits_name
from icsframework.values import Address

__all__ = ["MOST", "MOST_WAITING", "NamedFlows"]

MOST = 16384
"""(client, address) pairs whose patterns we know, as many as the directory remembers; of older ones the kernel alone knows, until they run out."""
MOST_WAITING = 1024
"""Changes that wait for the kernel: what of a flood of lookups does not fit is not told, and judged without a name."""

Pair = tuple[Address, Address]
"""A client and an address that it was told."""


class Told(Protocol):
    """Where it is known what clients are told (directory.NameDirectory)."""

    def listen(self, observer: Callable[[Address, str, Address, float], None]) -> Unwatch:
        """See NameDirectory."""
        ...


class NamedFlows:
    """``in_force`` says which patterns there are; before it nothing is told, and without patterns nobody listens."""

    def __init__(self, names: Told, elements: IElements, log: Logger, most: int = MOST) -> None:
        """``most``: how many pairs to know."""
        self._most = most
        self._names = names
        self._elements = elements
        self._log = log
        self._patterns: tuple[str, ...] = ()
        self._unwatch: Unwatch | None = None
        self._fitting: OrderedDict[Pair, tuple[str, ...]] = OrderedDict()
        self._waiting: dict[tuple[str, Pair], float | None] = {}
        """What the kernel is to be told next, by pattern and pair: the lifetime, None to take it out."""
        self._busy = False

    def in_force(self, plane: DataPlane) -> None:
        """These rules are in force, and their sets are there."""
        wanted = patterns(plane)
        if wanted == self._patterns:
            return
        self.stop()
        self._patterns = wanted
        if wanted:
            self._unwatch = self._names.listen(self._told)

    def stop(self) -> None:
        """Tell nothing any more; what is in the sets stays."""
        if self._unwatch is not None:
            self._unwatch()
        self._unwatch = None
        self._patterns = ()
        self._fitting.clear()
        self._waiting.clear()

    def _told(self, client: Address, name: str, address: Address, lifetime: float) -> None:
        if client.version != 4 or address.version != 4:
            return  # no IPv6 passes the gateway
        pair = (client, address)
        fitting = tuple(pattern for pattern in self._patterns if fits_name(pattern, name))
        for pattern in self._fitting.pop(pair, ()):
            if pattern not in fitting:
                self._change(pattern, pair, None)
        for pattern in fitting:
            self._change(pattern, pair, lifetime)
        if fitting:
            self._fitting[pair] = fitting
            if len(self._fitting) > self._most:
                self._fitting.popitem(last=False)
        self._flush()

    def _change(self, pattern: str, pair: Pair, lifetime: float | None) -> None:
        if len(self._waiting) < MOST_WAITING or (pattern, pair) in self._waiting:
            self._waiting[pattern, pair] = lifetime

    def _flush(self) -> None:
        if self._busy or not self._waiting:
            return
        changes, self._waiting = self._waiting, {}
        every = [
            named_element(pattern, *pair, lifetime or 1.0) for (pattern, pair), lifetime in changes.items()
        ]
        add = [one for one, lifetime in zip(every, changes.values(), strict=True) if lifetime is not None]
        self._busy = True
        # An element that is there already would keep the time it has: so each goes, and then comes.
        self._elements.change(add, every).addErrback(self._refused, add).addBoth(self._done)

    def _refused(self, failure: Failure, add: Sequence[Any]) -> None:
        if failure.check(IcsError) is None:
            self._log.failure("what names led to", failure)
        else:
            self._log.debug(
                "the packet filter does not know what {count} names led to: {why}",
                count=len(add),
                why=failure.getErrorMessage(),
            )

    def _done(self, _: Any) -> None:
        self._busy = False
        self._flush()
