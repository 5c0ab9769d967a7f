"""What of the port book is in the kernel, element by element.  Pure.

``own_port`` has room for one external port per inside endpoint.  Of several
mappings of one endpoint the earliest has it, and the next one inherits it.

Changes are collected and told as their sum (``changes``), so that one
transaction can take away a mapping, hand its place to another and add a third,
whatever the order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from icsframework.dataplane.dynamic import BOOKED, EXPECT_ANY, EXPECT_FROM, OPEN_ANY, OPEN_FROM, OWN_PORT
from icsframework.dataplane.mapped import SHORTEST, NamedElement, elements_of
from icsframework.dataplane.ruleset import Atom, Element
from icsframework.frozen import dataclass
from icsframework.mappings.held import Held

__all__ = ["Loaded"]

TOLERANCE = 2.0
"""Seconds by which the kernel's time may differ from ours: nft tells whole seconds."""

SETS = (EXPECT_FROM.name, EXPECT_ANY.name, OPEN_FROM.name, OPEN_ANY.name, OWN_PORT.name, BOOKED.name)
"""The sets that hold nothing but what the book says."""

ONCE = (EXPECT_FROM.name, EXPECT_ANY.name)
"""Those whose elements the kernel deletes when a flow has used them."""

Place = tuple[str, tuple[Atom, ...]]
"""The name of a set or map, and the key in it."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An element as it was made at the moment ``made``, and when its time is over (None: never)."""

    element: Element
    expires: float | None
    made: float

    def same(self, other: "_Placed | None") -> bool:
        """True if the kernel needs no change to have this instead of the other."""
        return other is not None and (self.element.data, self.element.comment, self.expires) == (
            other.element.data,
            other.element.comment,
            other.expires,
        )

    def at(self, now: float) -> Element:
        """The element with the time that is left."""
        if self.expires is None or self.made == now:
            return self.element
        return replace(self.element, timeout=max(SHORTEST, self.expires - now))


class Loaded:
    """The elements that we put into the kernel; time-outs and used-up expectations are the kernel's affair."""

    def __init__(self) -> None:
        self._marks: dict[Held, int] = {}
        self._placed: dict[Place, _Placed] = {}
        self._claims: dict[Place, dict[Held, _Placed]] = {}
        """For each place in ``own_port`` who could have it, the one that has it first."""
        self._before: dict[Place, _Placed | None] = {}
        """What stood at each place that was changed since ``changes`` was called."""

    def __contains__(self, held: Held) -> bool:
        return held in self._marks

    # --- changes

    def load(self, held: Held, mark: int, now: float) -> None:
        """Put it into the kernel."""
        self._marks[held] = mark
        for place, placed in _places(held, mark, now):
            if place[0] == OWN_PORT.name:
                claims = self._claims.setdefault(place, {})
                claims[held] = placed
                if len(claims) > 1:
                    continue
            self._set(place, placed)

    def unload(self, held: Held, now: float) -> None:
        """Take it out; who waits for its place in ``own_port`` gets that."""
        for place, _ in _places(held, self._marks.pop(held), now):
            if place[0] != OWN_PORT.name:
                self._set(place, None)
                continue
            claims = self._claims[place]
            del claims[held]
            self._set(place, next(iter(claims.values()), None))
            if not claims:
                del self._claims[place]

    def agree(self, held: Held, mark: int | None, now: float) -> None:
        """Have it in the kernel with this mark (None: not at all)."""
        if self._marks.get(held) == mark:
            return
        if held in self._marks:
            self.unload(held, now)
        if mark is not None:
            self.load(held, mark, now)

    def renew(self, old: Held, new: Held, now: float) -> None:
        """The same ports to the same place, for another time."""
        self._marks[new] = mark = self._marks.pop(old)
        for place, placed in _places(new, mark, now):
            if place[0] == OWN_PORT.name:
                claims = self._claims[place]
                first = next(iter(claims)) == old
                self._claims[place] = {
                    new if one == old else one: placed if one == old else its for one, its in claims.items()
                }
                if not first:
                    continue
            self._set(place, placed)

    def _set(self, place: Place, placed: _Placed | None) -> None:
        self._before.setdefault(place, self._placed.get(place))
        if placed is None:
            self._placed.pop(place, None)
        else:
            self._placed[place] = placed

    def changes(self, now: float) -> tuple[list[NamedElement], list[NamedElement]]:
        """What to add to the kernel, and what to delete from it before that; then it counts as done."""
        add: list[NamedElement] = []
        delete: list[NamedElement] = []
        for place, before in self._before.items():
            after = self._placed.get(place)
            if after is not None and after.same(before):
                continue
            if before is not None:
                delete.append((place[0], before.element))
            if after is not None:
                add.append((place[0], after.at(now)))
        self._before.clear()
        return add, delete

    # --- comparing

    def difference(
        self, sets: Mapping[str, Sequence[Element]], now: float
    ) -> tuple[list[NamedElement], list[NamedElement]]:
        """What to add and to delete so that the kernel, which has ``sets``, has what is loaded and nothing else.

        An expectation whose port is still booked, but lets nobody in, was used: it stays used.
        """
        found = {(name, element.key): element for name in SETS for element in sets.get(name, ())}
        add: list[NamedElement] = []
        delete: list[NamedElement] = []
        for place, placed in self._placed.items():
            element, here = placed.at(now), found.get(place)
            if here is None:
                if not (place[0] in ONCE and _booked(place) in found):
                    add.append((place[0], element))
            elif not _agrees(here, element):
                delete.append((place[0], here))
                add.append((place[0], element))
        delete += [(place[0], here) for place, here in found.items() if place not in self._placed]
        return add, delete


def _places(held: Held, mark: int, now: float) -> Iterable[tuple[Place, _Placed]]:
    for name, element in elements_of(held.mapping(held.to.address), mark, now):
        yield (name, element.key), _Placed(element, held.expires, now)


def _booked(place: Place) -> Place:
    """Where the external port of an element that lets in is booked."""
    key = place[1]
    return BOOKED.name, (key[0], *key[-2:])


def _agrees(here: Element, wanted: Element) -> bool:
    left = here.timeout if here.expires is None else here.expires
    if (here.data, here.comment) != (wanted.data, wanted.comment):
        return False
    if left is None or wanted.timeout is None:
        return left is wanted.timeout
    return abs(left - wanted.timeout) <= TOLERANCE
