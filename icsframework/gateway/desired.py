"""What the machine shall be like: a pure function of the configuration and of what is live now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from icsframework.config.configuration import Configuration
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, LanSide, UplinkSide
from icsframework.dataplane.policy import build
from icsframework.dataplane.routing import routes, rules
from icsframework.dataplane.sysctls import sysctls
from icsframework.errors import HostError
from icsframework.host.state import AddressOn, LinkSettings, MachineState
from icsframework.values import InterfaceAddress, Link

DEVICE_PREFIX = "icsu-"
"""Uplink devices that a plugin makes are called so, followed by the uplink's name."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is live: which interfaces are there, the addresses that ``auto`` LANs chose, and the links announced.

    ``links`` stand in order of preference: new flows take the first one.  ``lingering`` are links that are down and
    whose addresses stay, because they may be back in a moment.
    """

    interfaces: frozenset[str] = frozenset()
    chosen: Mapping[str, IPv4Interface] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    lingering: tuple[Link, ...] = ()


def lan_address(lan: LanSection, live: Live) -> InterfaceAddress | None:
    """The gateway's address on a LAN; None for an ``auto`` one that has not chosen yet."""
    return lan.address if lan.address is not None else live.chosen.get(lan.name)


def uplink_device(uplink: UplinkSection) -> str:
    """The interface that an uplink's packets leave by."""
    return uplink.interface or f"{DEVICE_PREFIX}{uplink.name}"


def data_plane(config: Configuration, live: Live, indices: Mapping[str, int]) -> DataPlane:
    """LANs and uplinks as the packet filter and the routes need them.  Absent interfaces are in it: they are closed
    from the moment they appear.
    """
    lans = {}
    for lan in config.lans:
        address = lan_address(lan, live)
        if lan.device and address is not None:
            lans[lan.name] = LanSide(lan.name, lan.device, address, lan.reach, lan.bridge is not None)
    uplinks = tuple(
        UplinkSide(uplink.name, indices[uplink.name], uplink_device(uplink), live.links.get(uplink.name))
        for uplink in enabled(config)
    )
    known = tuple(
        LanSide(
            lan.name,
            lan.interface,
            lan.address,
            tuple(name for name in lan.reach if name in lans),
            lan.bridge,
        )
        for lan in lans.values()
    )
    return DataPlane(known, uplinks, next(iter(live.links), None), Marks(config.gateway.mark))


def machine_state(config: Configuration, live: Live, indices: Mapping[str, int]) -> MachineState:
    """Everything that the machine shall be.  HostError if a link's subnet is that of a LAN (RFC 4787 REQ-7)."""
    plane = data_plane(config, live, indices)
    _refuse_collisions(plane)
    return MachineState(
        links=frozenset(_links(config, live)),
        addresses=frozenset(_addresses(plane, live)),
        routes=routes(plane),
        rules=rules(plane),
        sysctls=sysctls(plane),
        table=build(plane),
    )


def enabled(config: Configuration) -> tuple[UplinkSection, ...]:
    """The uplinks that are in use."""
    return tuple(uplink for uplink in config.uplinks if uplink.enabled)


def _links(config: Configuration, live: Live) -> list[LinkSettings]:
    found = [LinkSettings(lan.device, up=True) for lan in config.lans if lan.device in live.interfaces]
    for uplink in enabled(config):
        link = live.links.get(uplink.name)
        if uplink.interface and uplink.interface in live.interfaces:
            mtu = link.mtu if link is not None and link.kind == "ethernet" else uplink.mtu
            found.append(LinkSettings(uplink.interface, up=True, mtu=mtu, mac=uplink.mac))
    return found


def _addresses(plane: DataPlane, live: Live) -> list[AddressOn]:
    found = [AddressOn(lan.interface, lan.address) for lan in plane.lans if lan.interface in live.interfaces]
    return found + [
        AddressOn(link.interface, own)
        for link in (*live.links.values(), *live.lingering)
        for f in link.families
        for own in f.addresses
    ]


def _refuse_collisions(plane: DataPlane) -> None:
    for uplink in plane.uplinks:
        for address in uplink.addresses:
            for lan in plane.lans:
                if lan.network.version == address.version and lan.network.overlaps(address.network):
                    raise HostError(
                        f"uplink {uplink.name} got {address}, which collides with LAN {lan.name} ({lan.network}); "
                        f"give lans: {lan.name} another address, or address: auto"
                    )
