"""What the machine shall be like: a pure function of the configuration and of what is live now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from ipaddress import IPv4Interface

from icsframework.config.configuration import Configuration
from icsframework.config.helpers import HelperSection
from icsframework.config.lans import LanSection
from icsframework.config.uplinks import UplinkSection
from icsframework.dataplane.doors import Doors, Published
from icsframework.dataplane.marks import Marks
from icsframework.dataplane.plane import DataPlane, HoldSide, LanSide, UplinkSide
from icsframework.dataplane.policy import build
from icsframework.dataplane.routing import routes, rules
from icsframework.dataplane.sysctls import sysctls
from icsframework.errors import HostError
from icsframework.frozen import dataclass
from icsframework.gateway import demands
from icsframework.gateway.roles import Role, made_device
from icsframework.host.state import AddressOn, Device, LinkSettings, MachineState, combine
from icsframework.uplinks.traffic import TrafficRule
from icsframework.values import Endpoint, InterfaceAddress, Link


@dataclass(frozen=True, slots=True)
class Live:
    """What is live: which interfaces are there, the addresses that ``auto`` LANs chose, and the links announced.

    ``links`` stand in order of preference: new flows take the first one.  ``lingering`` are links that are down and
    whose addresses stay, because they may be back in a moment.  ``names`` says what the interface of each role is
    called by now, ``macs`` which address the bridge called so shows; ``refused`` are interfaces that cannot be ports;
    ``doors`` are what helpers want of the packet filter.  ``hold`` is the device for packets that wait for a link, None
    if there is none.
    """

    interfaces: frozenset[str] = frozenset()
    chosen: Mapping[str, IPv4Interface] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    lingering: tuple[Link, ...] = ()
    names: Mapping[Role, str] = field(default_factory=dict)
    macs: Mapping[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    doors: Doors = field(default_factory=Doors)
    hold: HoldSide | None = None

    def called(self, role: Role, configured: str | None) -> str:
        """The name of a role's interface, "" if it is not known yet."""
        return self.names.get(role, configured or "")


def lan_address(lan: LanSection, live: Live) -> InterfaceAddress | None:
    """The gateway's address on a LAN; None for an ``auto`` one that has not chosen yet."""
    return lan.address if lan.address is not None else live.chosen.get(lan.name)


def lan_device(lan: LanSection, live: Live) -> str:
    """The interface that a LAN is on, "" if its name is not known yet."""
    return live.called(Role("lan", lan.name), lan.device)


def uplink_device(uplink: UplinkSection, live: Live | None = None) -> str:
    """The interface that an uplink's packets leave by, "" if its name is not known yet."""
    if uplink.vlan is None and (uplink.interface is not None or uplink.match is not None):
        return (live or Live()).called(Role("uplink", uplink.name), uplink.interface)
    return made_device(uplink.name)


def data_plane(config: Configuration, live: Live, indices: Mapping[str, int]) -> DataPlane:
    """LANs and uplinks as the packet filter and the routes need them.  Absent interfaces are in it: they are closed
    from the moment they appear.
    """
    lans = {}
    for lan in config.lans:
        address = lan_address(lan, live)
        device = lan_device(lan, live)
        if device and address is not None:
            lans[lan.name] = LanSide(lan.name, device, address, lan.reach, lan.bridge is not None)
    uplinks = tuple(
        UplinkSide(uplink.name, indices[uplink.name], device, live.links.get(uplink.name))
        for uplink in enabled(config)
        if (device := uplink_device(uplink, live))
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
    return DataPlane(
        known,
        uplinks,
        next(iter(live.links), None),
        Marks(config.gateway.mark),
        replace(live.doors, published=published(config)),
        _hold(config, live, uplinks),
        _rules(config, uplinks, demands.keep),
    )


def _hold(config: Configuration, live: Live, uplinks: Sequence[UplinkSide]) -> HoldSide | None:
    if live.hold is None:
        return None
    return replace(live.hold, wake=_rules(config, uplinks, demands.wake))


def _rules(
    config: Configuration,
    uplinks: Sequence[UplinkSide],
    rules_of: Callable[[UplinkSection], tuple[TrafficRule, ...]],
) -> dict[str, tuple[TrafficRule, ...]]:
    """What ``rules_of`` says of each of these uplinks, if it says anything."""
    here = {uplink.name for uplink in uplinks}
    found = {uplink.name: rules_of(uplink) for uplink in enabled(config) if uplink.name in here}
    return {name: rules for name, rules in found.items() if rules}


def machine_state(config: Configuration, live: Live, indices: Mapping[str, int]) -> MachineState:
    """Everything that the machine shall be.  HostError if a link's subnet is that of a LAN (RFC 4787 REQ-7)."""
    return state_of(config, live, data_plane(config, live, indices))


def state_of(
    config: Configuration, live: Live, plane: DataPlane, table: object | None = None
) -> MachineState:
    """See machine_state; ``plane`` is the data plane for both, ``table`` a packet filter that stays as it is."""
    _refuse_collisions(plane)
    devices = _devices(config, live)
    here = live.interfaces | {device.interface for device in devices}
    return MachineState(
        devices=devices,
        links=_links(config, live, here),
        addresses=frozenset(_addresses(plane, live, here)),
        routes=routes(plane),
        rules=rules(plane),
        sysctls=sysctls(plane),
        table=build(plane) if table is None else table,
    )


def enabled(config: Configuration) -> tuple[UplinkSection, ...]:
    """The uplinks that are in use."""
    return tuple(uplink for uplink in config.uplinks if uplink.enabled)


def helpers(config: Configuration) -> tuple[HelperSection, ...]:
    """The helpers that are in use."""
    return tuple(helper for helper in config.helpers if helper.enabled)


def published(config: Configuration) -> tuple[Published, ...]:
    """The services that are offered to the Internet."""
    return tuple(
        Published(
            service.name,
            service.protocol,
            service.port.first,
            service.port.last,
            service.inside,
            service.uplinks,
            service.clients,
        )
        for service in config.publish
    )


def published_end(config: Configuration, uplink: str, port: int) -> Endpoint | None:
    """The inside end that a published TCP port of an uplink leads to, None if to none."""
    for service in published(config):
        here = not service.uplinks or uplink in service.uplinks
        if here and service.protocol == "tcp" and service.first <= port <= service.last:
            return Endpoint(service.to.address, service.to.port + port - service.first)
    return None


def _devices(config: Configuration, live: Live) -> frozenset[Device]:
    """The bridges and VLANs to make."""
    made = {Device(lan_device(lan, live), "bridge") for lan in config.lans if lan.bridge is not None}
    for uplink in enabled(config):
        below = live.called(Role("below", uplink.name), uplink.interface)
        if uplink.vlan is not None and below in live.interfaces:
            made.add(Device(uplink_device(uplink, live), "vlan", below, uplink.vlan))
    return frozenset(made)


def _links(config: Configuration, live: Live, here: frozenset[str]) -> frozenset[LinkSettings]:
    """Settings of the interfaces that are there; what several want of the one below them is joined."""
    found = [one for lan in config.lans for one in _lan_links(lan, live, here)]
    found += [one for uplink in enabled(config) for one in _uplink_links(uplink, live, here)]
    return combine(MachineState(links=frozenset({one})) for one in found).links


def _lan_links(lan: LanSection, live: Live, here: frozenset[str]) -> Iterator[LinkSettings]:
    device = lan_device(lan, live)
    if lan.bridge is None:
        if device in here:
            yield LinkSettings(device, up=True)
        return
    yield LinkSettings(device, up=True, mac=live.macs.get(lan.bridge.name))
    for port in lan.bridge.ports:
        name = live.called(Role("port", lan.name, port), port)
        if name in live.interfaces and name not in live.refused:
            yield LinkSettings(name, up=True, master=device)


def _uplink_links(uplink: UplinkSection, live: Live, here: frozenset[str]) -> Iterator[LinkSettings]:
    if uplink.interface is None and uplink.match is None:
        return  # its plugin takes care of the device
    device, link = uplink_device(uplink, live), live.links.get(uplink.name)
    below = live.called(Role("below", uplink.name), uplink.interface)
    if uplink.vlan is not None and below in live.interfaces:
        yield LinkSettings(below, up=True)
    if device in here:
        mtu = link.mtu if link is not None and link.kind == "ethernet" else uplink.mtu
        yield LinkSettings(device, up=True, mtu=mtu, mac=uplink.mac)


def _addresses(plane: DataPlane, live: Live, here: frozenset[str]) -> list[AddressOn]:
    found = [AddressOn(lan.interface, lan.address) for lan in plane.lans if lan.interface in here]
    if plane.hold is not None:
        found.append(AddressOn(plane.hold.interface, plane.hold.address))
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
