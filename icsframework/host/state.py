"""The state of the machine as a value.

The composer says what it wants as one MachineState: a pure function of
configuration and live state.  It names only what it has an opinion about; what
it does not name is left alone, or put back if we changed it earlier.  Removing
everything is wanting ``MachineState()``.

The same type serves for what was observed: then it holds everything that is
there within a Scope.  Who compares the two is difference.py, who acts is
reconcile.py.

Devices, addresses, routes and rules are things that are there or not; links and
sysctls are values with a previous value.  The packet filter is opaque here: a value of
the data plane that its ITable (machine.py) knows how to publish.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.values import Address, InterfaceAddress, Network

__all__ = [
    "IPV6_DEFAULT_METRIC",
    "MAIN_TABLE",
    "ROUTE_PROTOCOL",
    "AddressOn",
    "Device",
    "LinkSettings",
    "MachineState",
    "Route",
    "RoutingRule",
    "Scope",
    "Sysctl",
    "combine",
    "conf",
]

ROUTE_PROTOCOL = 0x69
"""Routes and rules of ours carry this protocol number (rtnetlink(7) leaves those above 4 to routing daemons; this one is free in /etc/iproute2/rt_protos)."""

MAIN_TABLE = 254
"""RT_TABLE_MAIN."""

IPV6_DEFAULT_METRIC = 1024
"""IP6_RT_PRIO_USER: what the kernel makes of metric 0 for IPv6."""


@dataclass(frozen=True, slots=True, order=True)
class Device:
    """An interface that exists only because somebody made it: a bridge, or VLAN ``vlan`` of the interface ``below``.

    Bridges are made without spanning tree protocol: there is no second way to
    anywhere, and the time it takes before a port forwards would cost clients their first DHCP exchange.
    """

    interface: str
    kind: Literal["bridge", "vlan"]
    below: str = ""
    vlan: int = 0

    def __str__(self) -> str:
        if self.kind == "bridge":
            return f"bridge {self.interface}"
        return f"VLAN {self.vlan} of {self.below} as {self.interface}"


@dataclass(frozen=True, slots=True, order=True)
class LinkSettings:
    """What an interface should be like; None means: no opinion.

    ``mac`` is lower case with colons.  ``master`` is the bridge that it is a port
    of, "" if it is none.
    """

    interface: str
    up: bool | None = None
    mtu: int | None = None
    mac: str | None = None
    master: str | None = None

    def over(self, other: "LinkSettings") -> "LinkSettings":
        """These settings where they have an opinion, else those of ``other``."""
        return LinkSettings(
            self.interface,
            other.up if self.up is None else self.up,
            other.mtu if self.mtu is None else self.mtu,
            other.mac if self.mac is None else self.mac,
            other.master if self.master is None else self.master,
        )

    def where(self, other: "LinkSettings") -> "LinkSettings":
        """These settings as far as ``other`` has an opinion."""
        return LinkSettings(
            self.interface,
            None if other.up is None else self.up,
            None if other.mtu is None else self.mtu,
            None if other.mac is None else self.mac,
            None if other.master is None else self.master,
        )

    def unlike(self, actual: "LinkSettings") -> "LinkSettings | None":
        """The part of these settings that ``actual`` does not fulfil, or None if it fulfils all."""
        names = [
            name
            for name in ("up", "mtu", "mac", "master")
            if getattr(self, name) not in (None, getattr(actual, name))
        ]
        if not names:
            return None
        return LinkSettings(self.interface, **{name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class AddressOn:
    """An address with its prefix length on an interface."""

    interface: str
    address: InterfaceAddress

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"


@dataclass(frozen=True, slots=True)
class Route:
    """A route.  ``gateway`` None means on-link; the kinds that lead nowhere need no interface.

    ``local`` (on ``lo``) takes every address of the destination for one of this machine's own.

    Gateways need not be inside a subnet of the interface: routes are set
    "onlink", because some providers hand out /32 with a gateway elsewhere.
    """

    destination: Network
    interface: str = ""
    gateway: Address | None = None
    table: int = MAIN_TABLE
    metric: int = 0
    kind: Literal["unicast", "local", "unreachable", "prohibit", "blackhole"] = "unicast"
    protocol: int = ROUTE_PROTOCOL

    def __post_init__(self) -> None:
        if self.destination.version == 6 and self.metric == 0:
            object.__setattr__(self, "metric", IPV6_DEFAULT_METRIC)

    @property
    def key(self) -> tuple[int, Network, int]:
        """What the kernel takes for the same route: table, destination, metric."""
        return (self.table, self.destination, self.metric)

    def leads_like(self, other: "Route") -> bool:
        """True if both send the same packets the same way, whoever set them."""
        return replace(self, protocol=0) == replace(other, protocol=0)

    def __str__(self) -> str:
        target = "default" if self.destination.prefixlen == 0 else str(self.destination)
        words = [target] if self.kind == "unicast" else [self.kind, target]
        words += ["via", str(self.gateway)] if self.gateway is not None else []
        words += ["dev", self.interface] if self.interface else []
        words += ["table", str(self.table)] if self.table != MAIN_TABLE else []
        words += ["metric", str(self.metric)] if self.metric else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """A rule of the routing policy: packets whose ``mark & mask`` fits look into ``table``.

    Mark and mask 0 mean: every packet.  ``suppress_prefixlength`` 0 ignores the
    default route found there (ip-rule(8)).
    """

    priority: int
    table: int
    mark: int = 0
    mask: int = 0
    family: Literal[4, 6] = 4
    suppress_prefixlength: int | None = None
    protocol: int = ROUTE_PROTOCOL

    def selects_like(self, other: "RoutingRule") -> bool:
        """True if both do the same, whoever set them."""
        return replace(self, protocol=0) == replace(other, protocol=0)

    def __str__(self) -> str:
        words = [f"{self.priority}:"]
        words += ["fwmark", f"{self.mark:#x}/{self.mask:#x}"] if self.mask else []
        words += ["lookup", str(self.table)]
        if self.suppress_prefixlength is not None:
            words += ["suppress_prefixlength", str(self.suppress_prefixlength)]
        return " ".join([*words, "(IPv6)"] if self.family == 6 else words)


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A kernel setting below /proc/sys/net, named as sysctl(8) does (see ``conf`` for interface names).

    ``how`` is ``set``, or ``at_least`` (raise the number to this minimum, never
    lower it).  An ``optional`` one that this kernel does not have is left out.
    """

    path: str
    value: str
    how: Literal["set", "at_least"] = "set"
    optional: bool = False

    def fulfilled_by(self, actual: str) -> bool:
        """True if the value ``actual`` needs no change."""
        if self.how == "at_least":
            return int(actual) >= int(self.value)
        return actual.split() == self.value.split()


def conf(family: Literal["ipv4", "ipv6"], interface: str, setting: str) -> str:
    """Name of an interface's setting; a dot in the interface's name becomes a slash, as in sysctl(8)."""
    return f"net.{family}.conf.{interface.replace('.', '/')}.{setting}"


@dataclass(frozen=True, slots=True)
class MachineState:
    """Devices, links, addresses, routes, rules, sysctls and the packet filter, as wanted or as observed."""

    devices: frozenset[Device] = frozenset()
    links: frozenset[LinkSettings] = frozenset()
    addresses: frozenset[AddressOn] = frozenset()
    routes: frozenset[Route] = frozenset()
    rules: frozenset[RoutingRule] = frozenset()
    sysctls: frozenset[Sysctl] = frozenset()
    table: object | None = None

    def __post_init__(self) -> None:
        _refuse_twice("device", (device.interface for device in self.devices))
        _refuse_twice("interface", (link.interface for link in self.links))
        _refuse_twice("sysctl", (sysctl.path for sysctl in self.sysctls))


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} is named twice in one state of the machine")
        seen.add(name)


def combine(states: Iterable[MachineState]) -> MachineState:
    """The union of what several parts want.

    Settings of one interface are joined, minimums of one sysctl become the
    highest.  ValueError if two parts want different things.
    """
    every = list(states)
    tables = {state.table for state in every if state.table is not None}
    if len(tables) > 1:
        raise ValueError("two packet filters are wanted at once")
    routes: frozenset[Route] = frozenset().union(*(state.routes for state in every))
    _refuse_twice(
        "route", (f"{key[1]} (table {key[0]}, metric {key[2]})" for key in (one.key for one in routes))
    )
    return MachineState(
        devices=frozenset().union(*(state.devices for state in every)),
        links=frozenset(_join_links(link for state in every for link in state.links)),
        addresses=frozenset().union(*(state.addresses for state in every)),
        routes=routes,
        rules=frozenset().union(*(state.rules for state in every)),
        sysctls=frozenset(_join_sysctls(sysctl for state in every for sysctl in state.sysctls)),
        table=next(iter(tables), None),
    )


def _join_links(links: Iterable[LinkSettings]) -> Iterable[LinkSettings]:
    joined: dict[str, LinkSettings] = {}
    for link in links:
        known = joined.get(link.interface, LinkSettings(link.interface))
        merged = link.over(known)
        if known.over(merged) != merged:
            raise ValueError(f"interface {link.interface} is wanted in two ways: {known} and {link}")
        joined[link.interface] = merged
    return joined.values()


def _join_sysctls(sysctls: Iterable[Sysctl]) -> Iterable[Sysctl]:
    joined: dict[str, Sysctl] = {}
    for sysctl in sysctls:
        known = joined.setdefault(sysctl.path, sysctl)
        if "at_least" in (known.how, sysctl.how) and known.how == sysctl.how:
            joined[sysctl.path] = max(known, sysctl, key=lambda one: int(one.value))
        elif known != sysctl:
            raise ValueError(f"sysctl {sysctl.path} is wanted in two ways: {known.value} and {sysctl.value}")
    return joined.values()


@dataclass(frozen=True, slots=True)
class Scope:
    """How far to look: these interfaces, routing tables and sysctls (``*`` stands for any interface name).

    Routes and rules that carry our protocol number are always looked at.
    """

    interfaces: frozenset[str] = frozenset()
    tables: frozenset[int] = frozenset()
    sysctls: frozenset[str] = frozenset()
