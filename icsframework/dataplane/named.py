"""Sets of what DNS names have led to, for rules about names.  Pure.

A packet does not say which name its sender asked for.  For each pattern in a rule there is a dynamic set of (client,
address): gateway/named.py fills it with what the DNS proxy told that client.  They stay over a reload and a restart, and
their elements run out by themselves.
"""

from collections.abc import Iterator
from zlib import crc32

from icsframework.dataplane.mapped import NamedElement
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Element, Set
from icsframework.values import Address

__all__ = ["NAMED", "PREFIX", "make_set", "name_set", "name_sets", "named_element", "patterns"]

PREFIX = "name_"
"""What the names of these sets begin with."""

NAMED = 32768
"""Elements of such a set: twice what is remembered of names (gateway/told.py), since what was forgotten stays here a while."""


def name_set(pattern: str) -> str:
    """The name of a pattern's set: the same from load to load."""
    return f"{PREFIX}{crc32(pattern.lower().encode()):08x}"


def make_set(name: str, pattern: str = "") -> Set:
    """The set called so."""
    return Set(
        name,
        ("ipv4_addr", "ipv4_addr"),
        (),
        frozenset({"dynamic", "timeout"}),
        f"what {pattern} led to: client, address" if pattern else "",
        dynamic=True,
        size=NAMED,
    )


def patterns(plane: DataPlane) -> tuple[str, ...]:
    """The patterns in all rules of waking and keeping, each once, in lower case."""
    return tuple(dict.fromkeys(_patterns(plane)))


def _patterns(plane: DataPlane) -> Iterator[str]:
    wake = plane.hold.wake if plane.hold is not None else {}
    for rules in (*wake.values(), *plane.keep.values()):
        for rule in rules:
            if rule.name and not rule.gateway:
                yield rule.name.lower()


def name_sets(plane: DataPlane) -> tuple[Set, ...]:
    """The sets of all patterns."""
    made = {name_set(pattern): pattern for pattern in patterns(plane)}
    return tuple(make_set(name, pattern) for name, pattern in made.items())


def named_element(pattern: str, client: Address, address: Address, lifetime: float) -> NamedElement:
    """What goes into a pattern's set; ``lifetime`` in seconds."""
    return name_set(pattern), Element((client, address), (), lifetime)
