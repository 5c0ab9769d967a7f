"""A packet filter table as a value.

Rules are nft expressions as text; everything that has to be compared with what
the kernel has (chains' hooks, sets' types, elements) is structured.  Sets and
maps are of two kinds: *static* ones are part of the configuration and their
elements are redefined at every load; *dynamic* ones belong to whoever adds
elements while we run (and to the kernel's time-outs), and a reload keeps them.
"""

from typing import Literal

from icsframework.frozen import dataclass
from icsframework.values import Address, Network

Atom = str | int | Address | Network
"""One field of an element: a word or interface name, a number, an address or a subnet."""

ChainType = Literal["filter", "nat", "route"]
Hook = Literal["prerouting", "input", "forward", "output", "postrouting"]

TABLE = "ics"
"""The name of our one table (family inet)."""

RAW, MANGLE, DSTNAT, FILTER, SRCNAT = -300, -150, -100, 0, 100
"""The priorities that nft has names for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An nft expression with its verdict, and why it is there."""

    expression: str
    comment: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules that others jump or go to."""

    name: str
    rules: tuple[Rule, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BaseChain(Chain):
    """Rules that the kernel runs at a hook.  The policy is always accept: we drop only what is ours."""

    type: ChainType = "filter"
    hook: Hook = "forward"
    priority: int = FILTER
    policy: Literal["accept"] = "accept"


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set, or (with ``data``) of a map.

    ``timeout`` and ``expires`` (time left) are seconds; None: it stays until it is removed.
    """

    key: tuple[Atom, ...]
    data: tuple[Atom, ...] = ()
    timeout: float | None = None
    expires: float | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Set:
    """A set of keys whose fields have the nft types ``type``."""

    name: str
    type: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    flags: frozenset[str] = frozenset()
    comment: str = ""
    dynamic: bool = False
    size: int | None = None
    timeout: int | None = None
    """Seconds an element stays that says nothing else."""


@dataclass(frozen=True, slots=True)
class Map(Set):
    """A map from keys to data whose fields have the nft types ``data``."""

    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """A named counter: unlike one inside a rule it survives reloads."""

    name: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """A conntrack helper of the kernel, of nft's ``type``, as an object that rules can give to a flow (``ct helper set``)."""

    name: str
    type: str
    protocol: Literal["tcp", "udp"]
    l3proto: Literal["ip", "ip6", "inet"] = "ip"
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the family inet."""

    name: str
    chains: tuple[Chain, ...]
    sets: tuple[Set, ...] = ()
    counters: tuple[Counter, ...] = ()
    family: str = "inet"
    comment: str = ""
    helpers: tuple[Helper, ...] = ()

    @property
    def address(self) -> str:
        """Family and name, as nft commands want them."""
        return f"{self.family} {self.name}"

    def set(self, name: str) -> Set:
        """The set or map with this name; KeyError if there is none."""
        for candidate in self.sets:
            if candidate.name == name:
                return candidate
        raise KeyError(name)
