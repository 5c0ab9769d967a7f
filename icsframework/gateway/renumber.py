"""A LAN with ``address: auto`` makes way for an uplink that gets an address in its subnet.

The two sides of a NAT must not share a subnet (RFC 4787 REQ-7).  A LAN whose
address is written in the file stays, and the uplink is refused; one whose
address we chose moves: first the LAN, with all its services, then the uplink
comes up.  Its clients keep their old address until they ask again: DHCP refuses
to renew it, and leases of such a LAN are short (see Lan.auto).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework.config.configuration import Configuration
from icsframework.gateway.desired import Live
from icsframework.gateway.lans import Lans
from icsframework.gateway.subnets import ChosenSubnets
from icsframework.interfaces import IEvents
from icsframework.values import InterfaceAddress, Network


@dataclass(frozen=True, slots=True)
class Collision:
    """The LAN that must move, and the uplink that got ``got``."""

    lan: str
    uplink: str
    got: InterfaceAddress

    def __str__(self) -> str:
        return f"uplink {self.uplink} got {self.got}"


def collisions(config: Configuration, live: Live) -> tuple[Collision, ...]:
    """What must move before the links in ``live`` can be in force; a LAN is named once."""
    found: dict[str, Collision] = {}
    for lan in config.lans:
        own = live.chosen.get(lan.name)
        if lan.address is not None or own is None:
            continue
        for uplink, link in live.links.items():
            for family in link.families:
                for got in family.addresses:
                    if got.version == own.version and own.network.overlaps(got.network):
                        found.setdefault(lan.name, Collision(lan.name, uplink, got))
    return tuple(found.values())


def without(live: Live, uplinks: Sequence[str]) -> Live:
    """As if these uplinks were down."""
    return replace(live, links={name: link for name, link in live.links.items() if name not in uplinks})


def networks(live: Live) -> tuple[Network, ...]:
    """Where the links are."""
    return tuple(
        own.network for link in live.links.values() for family in link.families for own in family.addresses
    )


class Renumbering:
    """Moves LANs.  ``apply(live)`` puts a state of things in force."""

    def __init__(
        self,
        subnets: ChosenSubnets,
        events: IEvents,
        apply: Callable[[Live], Deferred[Any]],
    ) -> None:
        self._subnets = subnets
        self._events = events
        self._apply = apply
        self._waiting: list[Deferred[None]] | None = None
        self._reasons: dict[str, str] = {}

    def reason(self, lan: str) -> str | None:
        """Why a LAN has another address than it had when the gateway started, or None."""
        return self._reasons.get(lan)

    def finished(self) -> Deferred[None] | None:
        """Fires when the move that is under way has ended; None if there is none."""
        if self._waiting is None:
            return None
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter

    @inlineCallbacks
    def move(
        self, lans: Lans, config: Configuration, live: Callable[[], Live], found: Sequence[Collision]
    ) -> Any:
        """Give the LANs in ``found`` other subnets and serve them there, before the links they collide with are used."""
        self._waiting = []
        try:
            before = dict(self._subnets.chosen)
            yield self._subnets.choose(config, networks(live()))
            now = live()
            for one in found:
                self._tell(one, before.get(one.lan), now)
            yield self._apply(without(now, [one.uplink for one in found]))
            for one in found:
                yield lans.renumber(one.lan)
        finally:
            waiting, self._waiting = self._waiting, None
            for waiter in waiting:
                waiter.callback(None)

    def _tell(self, one: Collision, before: InterfaceAddress | None, live: Live) -> None:
        self._reasons[one.lan] = f"moved from {before}, because {one}"
        self._events.emit(
            "lan.renumbered", lan=one.lan, before=before, address=live.chosen.get(one.lan), reason=str(one)
        )
