"""What helpers and ``publish:`` want of the packet filter, as values: the doors in the closed wall.  Pure.

The gateway collects them (gateway/helpers.py), policy.py turns them into rules.
Ports that are opened while we run are not here: they are elements of dynamic
maps (mapped.py), which a reload keeps.
"""

from typing import Literal

from icsframework.frozen import dataclass
from icsframework.values import Endpoint, Network, PortSpan, Protocol


@dataclass(frozen=True, slots=True)
class Scope:
    """Which flows a door is for, as ``lans``, ``clients``, ``servers`` and ``uplinks`` of a helper say; empty means all.

    ``clients`` are addresses inside, ``servers`` addresses in the Internet, whoever opens the flow.
    """

    lans: tuple[str, ...] = ()
    clients: tuple[Network, ...] = ()
    servers: tuple[Network, ...] = ()
    uplinks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """TCP to ``ports`` goes to our own ``listener`` (a local port) instead.

    Outbound: from a LAN, with an uplink as its way.  Inbound: to a published port that leads to one of ``ports``.
    ``fail`` open: only while the port is in the dynamic set ``fail_open``, which the shell keeps refreshing.
    """

    owner: str
    ports: tuple[int, ...]
    listener: int
    direction: Literal["outbound", "inbound"] = "outbound"
    fail: Literal["open", "closed"] = "closed"
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class KernelAid:
    """New flows to ``ports`` get the kernel's conntrack helper ``helper``."""

    owner: str
    helper: str
    protocol: Protocol
    ports: tuple[int, ...]
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class Trigger:
    """Traffic out opens ports in (values.PortTrigger)."""

    owner: str
    name: str
    outbound: tuple[PortSpan, ...]
    inbound: tuple[PortSpan, ...]
    lifetime: float
    scope: Scope = Scope()


@dataclass(frozen=True, slots=True)
class Published:
    """A service of the configuration: external ports ``first``..``last`` lead to ``to`` and the ports after it.

    ``clients`` are the networks of the Internet that may use it, empty for everybody; ``uplinks`` as in Scope.
    """

    name: str
    protocol: Protocol
    first: int
    last: int
    to: Endpoint
    uplinks: tuple[str, ...] = ()
    clients: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Doors:
    """All of them."""

    redirects: tuple[Redirect, ...] = ()
    kernel: tuple[KernelAid, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    published: tuple[Published, ...] = ()
