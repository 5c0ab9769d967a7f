"""Packet filters of other programs as values: what is needed to say whether they let our traffic pass.

Rules are reduced to tests of the few fields that a rule about our traffic can
depend on.  What cannot be read (a match of iptables that nft does not explain,
a named set, a limit) is kept as an ``Opaque``: it may fit or not.
"""

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from icsframework.frozen import dataclass

__all__ = [
    "ACCEPT",
    "DROP",
    "END",
    "Filters",
    "FoundChain",
    "FoundRule",
    "Match",
    "Opaque",
    "Span",
    "Test",
    "Verdict",
]

Field = Literal["iif", "oif", "saddr", "daddr", "proto", "sport", "dport", "state", "status", "nfproto"]
"""The fields of a packet that are compared; interfaces by name, ``state`` and ``status`` as conntrack calls them."""


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from ``first`` to ``last``, both included."""

    first: int
    last: int


Value = str | Span | IPv4Network | IPv6Network
"""What a field may be compared with.  A word ending in ``*`` means all that begin so."""


@dataclass(frozen=True, slots=True)
class Match:
    """The field has one of the values (or none of them, if ``negated``)."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """A test we cannot read; ``name`` is what it is called ("conntrack", "limit")."""

    name: str


Test = Match | Opaque


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a packet: ``accept``, ``drop`` (or reject), ``return``, ``jump`` or ``goto`` with a target.

    ``unknown``: a verdict from a map that we cannot read.
    """

    kind: Literal["accept", "drop", "return", "jump", "goto", "unknown"]
    target: str = ""


ACCEPT, DROP, END = Verdict("accept"), Verdict("drop"), Verdict("return")


@dataclass(frozen=True, slots=True)
class FoundRule:
    """One rule; without a verdict it only counts or logs."""

    tests: tuple[Test, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class FoundChain:
    """A chain with its rules; ``hook`` and ``policy`` are empty unless the kernel runs it at a hook.

    ``legacy`` marks those of iptables-legacy, which nft does not see.  ``count`` is the number of rules that the
    kernel has, of which ``rules`` may hold some in several parts.
    """

    family: str
    table: str
    name: str
    rules: tuple[FoundRule, ...] = ()
    type: str = ""
    hook: str = ""
    policy: str = ""
    legacy: bool = False
    count: int = 0


@dataclass(frozen=True, slots=True)
class Filters:
    """Chains by (family, table), each by name, and the names of each table's sets and maps."""

    tables: Mapping[tuple[str, str], Mapping[str, FoundChain]] = field(default_factory=dict)
    sets: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
