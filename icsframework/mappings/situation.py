"""What mappings depend on of the data plane in force: uplinks with their marks and addresses, LANs, published services.  Pure."""

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Address

from icsframework.dataplane.doors import Published
from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.errors import MappingError
from icsframework.frozen import dataclass
from icsframework.mappings.held import Held, Line, Offer, Wish
from icsframework.values import Address, Network

__all__ = ["NOWHERE", "Situation"]

NOWHERE = IPv4Address(0)
"""The external address of a mapping whose uplink has none."""


@dataclass(frozen=True, slots=True)
class Situation:
    """``marks`` of all uplinks of the configuration that have an interface, ``addresses`` of those that are up (IPv4)."""

    marks: Mapping[str, int] = field(default_factory=dict)
    addresses: Mapping[str, Address] = field(default_factory=dict)
    mask: int = 0
    networks: tuple[Network, ...] = ()
    own: frozenset[Address] = frozenset()
    offers: Mapping[Line, tuple[Offer, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, plane: DataPlane) -> "Situation":
        """The situation when ``plane`` is in force."""
        addresses = {uplink.name: _address(uplink) for uplink in plane.uplinks}
        offers: dict[Line, tuple[Offer, ...]] = {}
        for service in plane.doors.published:
            for uplink in plane.uplinks:
                if not service.uplinks or uplink.name in service.uplinks:
                    line: Line = (uplink.name, service.protocol)
                    offers[line] = (*offers.get(line, ()), _offer(service))
        return cls(
            {uplink.name: plane.marks.uplink_mark(uplink.index) for uplink in plane.uplinks},
            {name: address for name, address in addresses.items() if address is not None},
            plane.marks.uplink_mask,
            plane.lan_networks(4),
            frozenset(plane.lan_addresses(4)),
            offers,
        )

    def address(self, uplink: str) -> Address:
        """The uplink's IPv4 address, NOWHERE if it has none."""
        return self.addresses.get(uplink, NOWHERE)

    def is_inside(self, address: Address) -> bool:
        """True for an address that a host of a LAN can have."""
        return any(
            address in network and address not in (network.network_address, network.broadcast_address)
            for network in self.networks
        )

    def check(self, wish: Wish) -> None:
        """MappingError if it asks for an uplink that is not there, or leads to nobody behind us."""
        if wish.uplink not in self.marks:
            known = ", ".join(self.marks) or "there is none"
            raise MappingError(f"there is no uplink {wish.uplink} here ({known})")
        if wish.to.address in self.own:
            raise MappingError(f"{wish.to} is the gateway itself; a mapping leads to a host of a LAN")
        if not self.is_inside(wish.to.address):
            listed = ", ".join(str(network) for network in self.networks) or "there is no LAN"
            raise MappingError(f"{wish.to} is no host of a LAN ({listed})")

    def address_for(self, wish: Wish) -> Address:
        """The external address that ``wish`` gets.  MappingError if there is none."""
        address = self.addresses.get(wish.uplink)
        if address is None:
            raise MappingError(
                f"uplink {wish.uplink} has no address now; external ports can be had when it is up"
            )
        return address

    def obstacle(self, held: Held, offer: Offer | None) -> str:
        """Why the kernel cannot be told of ``held`` now, one of whose ports ``offer`` has; "" if it can."""
        if offer is not None:
            return f"the configuration has this port for {offer.owner}"
        if held.uplink not in self.marks:
            return "there is no such uplink"
        if held.to.address in self.own or not self.is_inside(held.to.address):
            return f"{held.to.address} is no host of a LAN"
        return ""


def _address(uplink: UplinkSide) -> Address | None:
    return next((one.ip for one in uplink.addresses if one.version == 4), None)


def _offer(service: Published) -> Offer:
    return Offer(
        service.name, service.first, service.last, service.to, ", ".join(str(one) for one in service.clients)
    )
