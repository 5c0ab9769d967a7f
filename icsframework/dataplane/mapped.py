"""A mapping as elements of the dynamic maps, and the way back.  Pure.

Each external port of a mapping is one element of the map that lets it in
(``expect_*`` once, ``open_*`` until it is released; ``*_from`` for one remote
host), one of ``own_port`` (the inside endpoint leaves by its own external port)
and one of ``booked`` (nobody else leaves by it).  An element carries its owner as
``comment "owner=..."`` and the time it has left, so that the next process can
read from the kernel what the last one promised.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dictionary
from ipaddress import IPv4Address
from typing import cast

from icsframework.dataplane.dynamic import BOOKED, EXPECT_ANY, EXPECT_FROM, OPEN_ANY, OPEN_FROM, OWN_PORT
from icsframework.dataplane.ruleset import Atom, Element
from icsframework.values import Address, Endpoint, Mapping, Protocol

__all__ = ["SHORTEST", "NamedElement", "elements_of", "mappings_in", "owner_of"]

NamedElement = tuple[str, Element]
"""The name of a set or map, and an element of it."""

SHORTEST = 0.001
"""Seconds an element stays at least: nft takes 0 for "for ever"."""

_OWNER = "owner="
_LETS_IN = {
    (True, True): EXPECT_FROM,
    (True, False): EXPECT_ANY,
    (False, True): OPEN_FROM,
    (False, False): OPEN_ANY,
}
"""By (once, remote is known)."""


def elements_of(mapping: Mapping, mark: int, now: float) -> tuple[NamedElement, ...]:
    """Everything that this mapping puts into the kernel; ``mark`` is its uplink's (Marks.uplink_mark), ``now`` IClock.now.

    Two mappings of one inside endpoint must have the same external port (``own_port`` has room for one), and two
    of one external port share its ``booked`` element: whoever releases one leaves alone what another still needs.
    ValueError for an IPv6 mapping: nothing is translated there.
    """
    if mapping.to.address.version != 4:
        raise ValueError(f"{mapping.to}: IPv6 is not translated and has no mappings")
    timeout = None if mapping.expires is None else max(SHORTEST, mapping.expires - now)
    return tuple(
        (name, Element(key, data, timeout, comment=f"{_OWNER}{mapping.owner}"))
        for port in range(mapping.count)
        for name, key, data in _port(mapping, mark, port)
    )


def _port(
    mapping: Mapping, mark: int, offset: int
) -> Iterator[tuple[str, tuple[Atom, ...], tuple[Atom, ...]]]:
    external, inside = mapping.external.port + offset, mapping.to.port + offset
    host, remote = mapping.to.address, mapping.remote
    remotes = () if remote is None else (remote,)
    lets_in = _LETS_IN[mapping.once, remote is not None]
    yield lets_in.name, (mark, *remotes, mapping.protocol, external), (host, inside)
    yield OWN_PORT.name, (mark, mapping.protocol, host, inside), (external,)
    yield BOOKED.name, (mark, mapping.protocol, external), ()


def mappings_in(
    sets: Dictionary[str, Sequence[Element]], uplinks: Dictionary[int, tuple[str, Address]], now: float
) -> tuple[Mapping, ...]:
    """What the kernel still lets in, one mapping per external port; ``uplinks`` gives name and address for a mark.

    Elements of a mark that is not in ``uplinks`` are left out: nobody can reach them any more.
    """
    return tuple(
        _mapping(element, once, remote_known, uplinks[mark], now)
        for (once, remote_known), kind in _LETS_IN.items()
        for element in sets.get(kind.name, ())
        for mark in [cast("int", element.key[0])]
        if mark in uplinks
    )


def _mapping(
    element: Element, once: bool, remote_known: bool, uplink: tuple[str, Address], now: float
) -> Mapping:
    name, address = uplink
    protocol, port = element.key[-2:]
    host, inside = element.data
    left = element.timeout if element.expires is None else element.expires
    return Mapping(
        protocol=cast("Protocol", protocol),
        uplink=name,
        external=Endpoint(address, cast("int", port)),
        to=Endpoint(cast("IPv4Address", host), cast("int", inside)),
        remote=cast("IPv4Address", element.key[1]) if remote_known else None,
        owner=owner_of(element),
        expires=None if left is None else now + left,
        once=once,
    )


def owner_of(element: Element) -> str:
    """Whose element it is; "" if it does not say."""
    return element.comment.removeprefix(_OWNER) if element.comment.startswith(_OWNER) else ""
