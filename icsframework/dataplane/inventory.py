"""What the kernel has of our table, read from ``nft -j list table``.  Pure.

Only what a later load has to know: base chains (they stay hooked until deleted),
types of sets, maps and conntrack helpers, dynamic elements with the time they have
left, values of named counters.  Rules are not read; they are always redefined.

Who is right when an earlier process left a table: the configuration for rules and
static sets, which are redefined; the kernel for counters and for elements that it
learned by itself or that expect a flow, which are kept with the time they have
left (their ``comment "owner=..."`` says whose they are); the journal for mappings
that somebody configured or was promised.  An element of such a mapping that the
journal does not know is deleted, one that only the journal knows is added with
what is left of its time.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from icsframework.dataplane.ruleset import Atom, Element
from icsframework.errors import NftError
from icsframework.frozen import dataclass


@dataclass(frozen=True, slots=True)
class FoundChain:
    """A chain; type, hook and priority are None unless it is a base chain."""

    name: str
    type: str | None = None
    hook: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class FoundSet:
    """A set, or a map if ``data`` has types.  ``dynamic`` is not among the flags: nft's JSON does not tell it."""

    name: str
    type: tuple[str, ...]
    data: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    size: int | None = None
    timeout: int | None = None
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundCounter:
    """A named counter and its value."""

    name: str
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FoundHelper:
    """A conntrack helper as an object."""

    name: str
    type: str
    protocol: str
    l3proto: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """A table as it is in the kernel.  ``others`` are (kind, name) of objects that we do not make."""

    chains: Mapping[str, FoundChain] = field(default_factory=dict)
    sets: Mapping[str, FoundSet] = field(default_factory=dict)
    counters: Mapping[str, FoundCounter] = field(default_factory=dict)
    others: frozenset[tuple[str, str]] = frozenset()
    helpers: Mapping[str, FoundHelper] = field(default_factory=dict)


def parse(listing: str | bytes) -> Inventory:
    """The inventory from the text of ``nft -j list table``; NftError if it is something else."""
    try:
        objects = json.loads(listing)["nftables"]
        found = [(kind, body) for entry in objects for kind, body in entry.items()]
        return Inventory(
            chains={body["name"]: _chain(body) for kind, body in found if kind == "chain"},
            sets={body["name"]: _set(body) for kind, body in found if kind in ("set", "map")},
            counters={
                body["name"]: FoundCounter(body["name"], body["packets"], body["bytes"])
                for kind, body in found
                if kind == "counter"
            },
            helpers={
                body["name"]: FoundHelper(body["name"], body["type"], body["protocol"], body["l3proto"])
                for kind, body in found
                if kind == "ct helper"
            },
            others=frozenset((kind, str(body["name"])) for kind, body in found if kind not in _KNOWN),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NftError(
            f"nft described our table in a way this version does not understand: {error!r}"
        ) from error


_KNOWN = frozenset({"metainfo", "table", "chain", "rule", "set", "map", "counter", "ct helper"})


def _chain(body: dict[str, Any]) -> FoundChain:
    return FoundChain(body["name"], body.get("type"), body.get("hook"), body.get("prio"))


def _set(body: dict[str, Any]) -> FoundSet:
    key, data = _types(body["type"]), _types(body["map"]) if "map" in body else ()
    return FoundSet(
        body["name"],
        key,
        data,
        frozenset(_list(body.get("flags", []))) - {"dynamic"},
        body.get("size"),
        body.get("timeout"),
        tuple(_element(item, key, data) for item in body.get("elem", [])),
    )


def _types(value: str | list[str]) -> tuple[str, ...]:
    """Types of a concatenation: JSON has them as a list, or (a map's data) joined by dots."""
    return tuple(value.split(" . ")) if isinstance(value, str) else tuple(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _element(item: Any, key_types: tuple[str, ...], data_types: tuple[str, ...]) -> Element:
    key, data = item if data_types else (item, None)
    details = key.get("elem", {}) if isinstance(key, dict) else {}
    return Element(
        _atoms(details.get("val", key), key_types),
        _atoms(data, data_types) if data_types else (),
        details.get("timeout"),
        details.get("expires"),
        details.get("comment", ""),
    )


def _atoms(value: Any, types: tuple[str, ...]) -> tuple[Atom, ...]:
    parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    return tuple(_atom(part, kind) for part, kind in zip(parts, types, strict=True))


def _atom(value: Any, kind: str) -> Atom:
    if isinstance(value, str):
        make = _ADDRESSES.get(kind)
        return make(value) if make else value
    if isinstance(value, bool) or not isinstance(value, dict | int):
        raise TypeError(f"element {value!r}")
    if isinstance(value, int):
        return value
    if "prefix" in value:
        return ip_network((value["prefix"]["addr"], value["prefix"]["len"]))
    if "range" in value:
        return "-".join(str(end) for end in value["range"])
    return json.dumps(value)  # a verdict: only static maps have those, and they are redefined


_ADDRESSES: dict[str, Callable[[str], Atom]] = {"ipv4_addr": IPv4Address, "ipv6_addr": IPv6Address}
