"""What we own follows the interfaces when they are renamed, and is forgotten when they are gone.  Pure.

Addresses, settings and our record of them hang on names; the kernel takes them
along when an interface gets another name, and with it when it goes.  Each name
in an ``Owned`` therefore has the index that its interface had.  A name that now
belongs to another index is another interface, of which nothing is ours yet.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from icsframework.host.effects import interface_of
from icsframework.host.owned import Owned, Previous
from icsframework.host.state import AddressOn, Device, LinkSettings, Route

__all__ = ["follow", "numbered"]

_SWAP = str.maketrans("./", "/.")

T = TypeVar("T")
Called = Callable[[str], str | None]
"""The new name of an interface; None if it is gone."""


def numbered(owned: Owned, here: Mapping[str, int]) -> Owned:
    """With the index of each interface that it names; ``here`` maps names to indices."""
    names = _names(owned)
    known = {name: index for name, index in owned.indices if name in names}
    known |= {name: here[name] for name in names if name in here}
    return replace(owned, indices=frozenset(known.items()))


def follow(owned: Owned, here: Mapping[str, int]) -> Owned:
    """By the names of now, without what went with an interface."""
    names = {index: name for name, index in here.items()}
    moved = {name: names.get(index) for name, index in owned.indices if names.get(index) != name}
    if not moved:
        return owned

    def called(name: str) -> str | None:
        return moved.get(name, name)

    return Owned(
        devices=_kept(owned.devices, lambda one: _device(one, called)),
        links=_kept(owned.links, lambda one: _link(one, called)),
        addresses=_kept(owned.addresses, lambda one: _address(one, called)),
        routes=_kept(owned.routes, lambda one: _route(one, called)),
        replaced=_kept(owned.replaced, lambda one: _route(one, called)),
        rules=owned.rules,
        sysctls=_kept(owned.sysctls, lambda one: _previous(one, called)),
        indices=frozenset((names[index], index) for _, index in owned.indices if index in names),
    )


def _kept(items: frozenset[T], change: Callable[[T], T | None]) -> frozenset[T]:
    return frozenset(changed for item in items if (changed := change(item)) is not None)


def _device(one: Device, called: Called) -> Device | None:
    name, below = called(one.interface), called(one.below)
    return None if name is None or below is None else replace(one, interface=name, below=below)


def _link(one: LinkSettings, called: Called) -> LinkSettings | None:
    name = called(one.interface)
    if name is None:
        return None
    return replace(one, interface=name, master=one.master and (called(one.master) or ""))


def _address(one: AddressOn, called: Called) -> AddressOn | None:
    name = called(one.interface)
    return None if name is None else replace(one, interface=name)


def _route(one: Route, called: Called) -> Route | None:
    name = called(one.interface)
    return None if name is None else replace(one, interface=name)


def _previous(one: Previous, called: Called) -> Previous | None:
    path = _path(one.path, called)
    if path is None:
        return None
    causes = {renamed for cause in one.causes if (renamed := _path(cause, called)) is not None}
    return replace(one, path=path, causes=frozenset(causes))


def _path(path: str, called: Called) -> str | None:
    name = interface_of(path)
    new = called(name) if name else name
    if new is None:
        return None
    parts = path.split(".")
    return path if new == name else ".".join((*parts[:3], new.translate(_SWAP), *parts[4:]))


def _names(owned: Owned) -> set[str]:
    found = {one.interface for one in owned.links | owned.addresses | owned.devices}
    found |= {route.interface for route in owned.routes | owned.replaced}
    found |= {one.below for one in owned.devices} | {one.master or "" for one in owned.links}
    return (found | {interface_of(one.path) for one in owned.sysctls}) - {""}
