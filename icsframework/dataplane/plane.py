"""What the data plane is a function of: the LANs, the uplinks and the mark, as they stand at this moment.

A DataPlane is all that policy.py (rules), routing.py (routes and routing rules)
and sysctls.py need; the same value always gives the same rules.
"""

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Interface
from typing import Literal

from icsframework.dataplane.doors import Doors
from icsframework.dataplane.marks import Marks
from icsframework.frozen import dataclass
from icsframework.uplinks.traffic import TrafficRule
from icsframework.values import Address, InterfaceAddress, Link, Network

HOLD_DEVICE = "icsh0"
"""The TUN device that packets go to while no link is up and one may be dialled."""

HOLD_ADDRESS = IPv4Interface("192.0.0.8/32")
"""Its address: the gateway's own packets have it while they wait (RFC 7600: the dummy address of IPv4)."""

Without = Literal["hold", "unreachable", "prohibit"]
"""What becomes of packets to the Internet while no link is up: they are held, or answered at once with ICMP network
unreachable, or (a limit or rule forbids dialling) administratively prohibited.
"""


@dataclass(frozen=True, slots=True)
class LanSide:
    """One LAN: the interface its hosts are behind and the gateway's own address on it.

    ``reach`` names the other LANs its hosts may open connections to.  ``bridge``
    says that the interface is a bridge.
    """

    name: str
    interface: str
    address: InterfaceAddress
    reach: tuple[str, ...] = ()
    bridge: bool = False

    @property
    def network(self) -> Network:
        """The subnet its hosts live in."""
        return self.address.network


@dataclass(frozen=True, slots=True)
class UplinkSide:
    """One uplink: its index in the mark (1..31, see marks.assign_indices), its interface, and its link while it is up.

    The filter closes the interface whether the link is up or not.
    """

    name: str
    index: int
    interface: str
    link: Link | None = None

    @property
    def up(self) -> bool:
        """True while packets may leave by it."""
        return self.link is not None

    @property
    def addresses(self) -> tuple[InterfaceAddress, ...]:
        """The gateway's own addresses on it, of all families."""
        families = self.link.families if self.link else ()
        return tuple(address for family in families for address in family.addresses)


@dataclass(frozen=True, slots=True)
class HoldSide:
    """The hold device, wanted while any uplink is dialled on demand and there is such a device.

    ``without`` says what becomes of packets that have no other way.  ``settled`` is true while a link is in force, so
    that nothing needs to be kept from connection tracking.  ``wake`` has the rules of each uplink that traffic may wake.
    """

    without: Without = "hold"
    settled: bool = False
    wake: Mapping[str, tuple[TrafficRule, ...]] = field(default_factory=dict)
    interface: str = HOLD_DEVICE
    address: IPv4Interface = HOLD_ADDRESS

    @property
    def waits(self) -> bool:
        """True while packets without another way go to the device."""
        return self.without == "hold"


@dataclass(frozen=True, slots=True)
class DataPlane:
    """Everything the rules depend on.  A LAN or uplink whose interface has no name yet is left out.

    ``uplinks`` stand in the order of preference.  ``active`` is the name of the
    one that new flows take (None: the first that is up).  ``keep`` has, for each uplink that is hung up when it is
    quiet, the rules of what keeps it up.
    """

    lans: tuple[LanSide, ...] = ()
    uplinks: tuple[UplinkSide, ...] = ()
    active: str | None = None
    marks: Marks = field(default_factory=Marks)
    doors: Doors = field(default_factory=Doors)
    hold: HoldSide | None = None
    keep: Mapping[str, tuple[TrafficRule, ...]] = field(default_factory=dict)

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The names of all interfaces that are ours."""
        return tuple(lan.interface for lan in self.lans) + tuple(uplink.interface for uplink in self.uplinks)

    @property
    def preference(self) -> tuple[UplinkSide, ...]:
        """The uplinks that are up, the active one first, then in order."""
        up = [uplink for uplink in self.uplinks if uplink.up]
        return tuple(sorted(up, key=lambda uplink: uplink.name != self.active))

    def reachable(self, lan: LanSide) -> tuple[LanSide, ...]:
        """The LANs that hosts of this one may open connections to: their own first, and those in ``reach`` that are there."""
        others = {other.name: other for other in self.lans if other.name != lan.name}
        return (lan, *(others[name] for name in dict.fromkeys(lan.reach) if name in others))

    def uplink(self, name: str) -> UplinkSide:
        """The uplink with this name; KeyError if there is none."""
        for uplink in self.uplinks:
            if uplink.name == name:
                return uplink
        raise KeyError(name)

    def lan_networks(self, version: int) -> tuple[Network, ...]:
        """The subnets of all LANs of this IP version, each once."""
        return tuple(dict.fromkeys(lan.network for lan in self.lans if lan.network.version == version))

    def inside(self) -> tuple[Network, ...]:
        """The IPv4 subnets whose addresses must be translated before a packet leaves: the LANs', and the hold device's."""
        held = (self.hold.address.network,) if self.hold is not None else ()
        return (*self.lan_networks(4), *held)

    def lan_addresses(self, version: int) -> tuple[Address, ...]:
        """The gateway's own addresses on all LANs of this IP version."""
        return tuple(dict.fromkeys(lan.address.ip for lan in self.lans if lan.address.version == version))
