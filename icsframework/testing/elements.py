"""The dynamic elements of a packet filter in memory, with the habits of the kernel that matter, failing on request."""

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from icsframework.dataplane.dynamic import DYNAMIC
from icsframework.dataplane.elements import IElements
from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.named import PREFIX, make_set
from icsframework.dataplane.ruleset import Atom, Element, Set
from icsframework.dataplane.wake import REFUSED
from icsframework.errors import IcsError, NftError
from icsframework.interfaces import IClock

__all__ = ["FakeElements"]

Place = tuple[str, tuple[Atom, ...]]

_KNOWN = {item.name: item for item in (*DYNAMIC, REFUSED)}


def _known(name: str) -> Set | None:
    return make_set(name) if name.startswith(PREFIX) else _KNOWN.get(name)


@implementer(IElements)
class FakeElements:
    """Habits: an element goes when its time is over, one that is there with other data refuses the whole transaction,
    and an element to be deleted is added first, as nft is told to.

    ``fail`` is what every call fails with; with ``held`` calls wait until ``flush``.  ``transactions`` counts changes
    that were carried out, ``use`` is a flow that uses an expectation up, ``wipe`` somebody's ``nft flush ruleset``.
    """

    def __init__(self, clock: IClock) -> None:
        self.fail: IcsError | None = None
        self.held = False
        self.transactions = 0
        self._clock = clock
        self._there: dict[Place, tuple[Element, float | None]] = {}
        self._waiting: list[tuple[Deferred[None], Sequence[NamedElement], Sequence[NamedElement]]] = []

    def change(self, add: Sequence[NamedElement], delete: Sequence[NamedElement]) -> Deferred[None]:
        """See IElements."""
        done: Deferred[None] = Deferred()
        self._waiting.append((done, list(add), list(delete)))
        if not self.held:
            self.flush()
        return done

    def flush(self) -> None:
        """Carry out what waits by now."""
        for _ in range(len(self._waiting)):
            done, add, delete = self._waiting.pop(0)
            try:
                self._carry_out(add, delete)
            except IcsError as error:
                done.errback(error)
            else:
                done.callback(None)

    def read(self) -> Deferred[dict[str, tuple[Element, ...]]]:
        """See IElements."""
        if self.fail is not None:
            return fail(self.fail)
        self._time()
        now = self._clock.now()
        return succeed(
            {
                item.name: tuple(
                    element if end is None else replace(element, expires=end - now)
                    for (name, _), (element, end) in self._there.items()
                    if name == item.name
                )
                for item in DYNAMIC
            }
        )

    def keys(self, name: str) -> dict[tuple[Atom, ...], tuple[Atom, ...]]:
        """What the set or map has now: key and data."""
        self._time()
        return {key: element.data for (found, key), (element, _) in self._there.items() if found == name}

    def left(self, name: str, key: tuple[Atom, ...]) -> float | None:
        """Seconds that an element has left, None for ever; KeyError if it is not there."""
        self._time()
        end = self._there[name, key][1]
        return None if end is None else end - self._clock.now()

    def use(self, name: str, key: tuple[Atom, ...]) -> None:
        """A flow comes and uses an expectation up."""
        self._time()
        del self._there[name, key]

    def wipe(self) -> None:
        """Everything is gone."""
        self._there.clear()

    def _carry_out(self, add: Sequence[NamedElement], delete: Sequence[NamedElement]) -> None:
        if self.fail is not None:
            raise self.fail
        self._time()
        there = dict(self._there)
        for name, element in delete:
            self._put(there, name, element)
        for name, element in delete:
            del there[name, element.key]
        for name, element in add:
            self._put(there, name, element)
        self._there = there
        self.transactions += 1

    def _put(self, there: dict[Place, tuple[Element, float | None]], name: str, element: Element) -> None:
        item = _known(name)
        if item is None:
            raise NftError(f"nft refused the rules, No such file or directory: {name}")
        known = there.get((name, element.key))
        if known is not None and known[0].data != element.data:
            raise NftError(f"nft refused the rules, File exists: {name} {element.key}")
        if known is None:
            left = element.timeout if element.expires is None else element.expires
            left = item.timeout if left is None else left
            there[name, element.key] = (element, None if left is None else self._clock.now() + left)

    def _time(self) -> None:
        now = self._clock.now()
        self._there = {place: one for place, one in self._there.items() if one[1] is None or one[1] > now}
