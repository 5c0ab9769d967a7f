"""The dynamic elements of our table as the mapping service and the stream shell see them.

They change elements by the name of the set; how nft is told is no concern of
theirs, and their tests stand on a fake of this interface.
"""

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from icsframework.dataplane.dynamic import DYNAMIC
from icsframework.dataplane.inventory import Inventory
from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.named import PREFIX, make_set
from icsframework.dataplane.nft import Nft
from icsframework.dataplane.ruleset import TABLE, Element, Table
from icsframework.dataplane.wake import REFUSED

__all__ = ["IElements", "TableElements"]


class IElements(Interface):
    """The elements of the dynamic sets and maps (dynamic.py; wake.REFUSED and named.py, which a table may not have) of the table in force.  Fails with NftError, NoPrivilege or HostError."""

    def change(add: Sequence[NamedElement], delete: Sequence[NamedElement]) -> Deferred[None]:
        """Delete, then add, in one transaction: all of it happens, or nothing.

        An element to delete that is gone already (its time ran out, a flow used it up) is no error.  To give one
        more time, put it into both.  It fails if an element to add is there with other data, and before the first
        load of the table.
        """

    def read() -> Deferred[dict[str, tuple[Element, ...]]]:
        """Every element of dynamic.py's sets that is there by the name of its set, with the owner's comment and, as ``expires``, the seconds left."""


@implementer(IElements)
class TableElements:
    """IElements of our table, through nft."""

    def __init__(self, nft: Nft) -> None:
        self._nft = nft
        self._table = Table(TABLE, (), (*DYNAMIC, REFUSED))

    def change(self, add: Sequence[NamedElement], delete: Sequence[NamedElement]) -> Deferred[None]:
        """IElements."""
        return self._nft.change(self._with_names((*add, *delete)), add, delete)

    def _with_names(self, elements: Sequence[NamedElement]) -> Table:
        """The sets of what names have led to are known by the first letters of their names."""
        found = dict.fromkeys(name for name, _ in elements if name.startswith(PREFIX))
        return replace(self._table, sets=(*self._table.sets, *map(make_set, found))) if found else self._table

    def read(self) -> Deferred[dict[str, tuple[Element, ...]]]:
        """IElements."""
        return self._nft.inventory(self._table.family, self._table.name).addCallback(_elements)


def _elements(present: Inventory | None) -> dict[str, tuple[Element, ...]]:
    found = {} if present is None else present.sets
    return {item.name: found[item.name].elements if item.name in found else () for item in DYNAMIC}
