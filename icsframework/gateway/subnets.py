"""The addresses that ``address: auto`` LANs chose, remembered so that a restart keeps them and the leases stay good."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Interface
from typing import Any

from twisted.internet.defer import inlineCallbacks

from icsframework.config.configuration import Configuration
from icsframework.config.lans import LanSection
from icsframework.config.subnets import pick_subnet
from icsframework.interfaces import IJournal, IStore
from icsframework.values import InterfaceInfo, Network

FORMAT = 1


def taken(config: Configuration, interfaces: Iterable[InterfaceInfo], but: str) -> list[Network]:
    """Networks that an ``auto`` LAN on the interface ``but`` must not collide with."""
    found: list[Network] = [lan.address.network for lan in config.lans if lan.address is not None]
    found += [net for uplink in config.uplinks for net in uplink.own.networks()]
    found += [
        address.network for info in interfaces if info.name not in (but, "lo") for address in info.addresses
    ]
    return found


class ChosenSubnets:
    """LAN name -> address, on disk."""

    def __init__(
        self,
        interfaces: Callable[[], Sequence[InterfaceInfo]],
        called: Callable[[LanSection], str] = lambda lan: lan.device,
    ) -> None:
        """``called`` says what the interface of a LAN is called now."""
        self._interfaces = interfaces
        self._called = called
        self._journal: IJournal | None = None
        self.chosen: dict[str, IPv4Interface] = {}

    @inlineCallbacks
    def open(self, store: IStore) -> Any:
        """Read what was chosen earlier."""
        self._journal = yield store.open("subnets", FORMAT)
        for record in self._journal.load():
            self.chosen[record["lan"]] = IPv4Interface(record["address"])

    @inlineCallbacks
    def choose(self, config: Configuration, elsewhere: Sequence[Network] = ()) -> Any:
        """Give every ``auto`` LAN an address that collides with nothing here; the one of last time if that still holds.

        ``elsewhere`` are networks that will be here in a moment.
        """
        for name, address in self.picks(config, elsewhere).items():
            if self._journal is not None:
                yield self._journal.append({"lan": name, "address": str(address)})
            self.chosen[name] = address

    def picks(self, config: Configuration, elsewhere: Sequence[Network] = ()) -> dict[str, IPv4Interface]:
        """The addresses that ``choose`` would choose anew."""
        wanting = [lan for lan in config.lans if lan.address is None]
        interfaces = self._interfaces() if wanting else ()
        picked: dict[str, IPv4Interface] = {}
        for lan in wanting:
            avoid = [*taken(config, interfaces, self._called(lan)), *elsewhere]
            others = {**self.chosen, **picked}
            avoid += [
                a.network for name, a in others.items() if name != lan.name and self._is_auto(config, name)
            ]
            known = self.chosen.get(lan.name)
            if known is None or any(known.network.overlaps(net) for net in avoid if net.version == 4):
                picked[lan.name] = pick_subnet(avoid)
        return picked

    def _is_auto(self, config: Configuration, name: str) -> bool:
        return any(lan.name == name and lan.address is None for lan in config.lans)
