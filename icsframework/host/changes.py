"""Single steps from one state of the machine to another, as values with a line for people."""

from icsframework.frozen import dataclass
from icsframework.host.state import AddressOn, Device, LinkSettings, Route, RoutingRule

__all__ = [
    "AddAddress",
    "AddRoute",
    "AddRule",
    "Change",
    "MakeDevice",
    "RemoveAddress",
    "RemoveDevice",
    "RemoveRoute",
    "RemoveRule",
    "ReplaceRoute",
    "SetLink",
    "SetSysctl",
    "SetTable",
]


@dataclass(frozen=True, slots=True)
class MakeDevice:
    """Make a device of which there is none by that name."""

    device: Device

    def __str__(self) -> str:
        return f"make {self.device}"


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """Remove a device, and all that hangs on it."""

    device: Device

    def __str__(self) -> str:
        return f"remove {self.device}"


@dataclass(frozen=True, slots=True)
class SetLink:
    """Set what has an opinion in ``settings``."""

    settings: LinkSettings

    def __str__(self) -> str:
        wanted = self.settings
        words = [] if wanted.up is None else ["up" if wanted.up else "down"]
        words += [] if wanted.mtu is None else [f"mtu {wanted.mtu}"]
        words += [] if wanted.mac is None else [f"address {wanted.mac}"]
        words += [] if wanted.master is None else [f"port of {wanted.master or 'no bridge'}"]
        return f"set interface {wanted.interface} {', '.join(words)}"


@dataclass(frozen=True, slots=True)
class AddAddress:
    """Give an interface an address."""

    address: AddressOn

    def __str__(self) -> str:
        return f"add address {self.address}"


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    """Take this address, and no other, from an interface."""

    address: AddressOn

    def __str__(self) -> str:
        return f"remove address {self.address}"


@dataclass(frozen=True, slots=True)
class AddRoute:
    """Add a route that must not exist."""

    route: Route

    def __str__(self) -> str:
        return f"add route {self.route}"


@dataclass(frozen=True, slots=True)
class ReplaceRoute:
    """Put ``route`` in the place of ``old``, which has the same key, in one step."""

    route: Route
    old: Route

    def __str__(self) -> str:
        return f"replace route {self.old} by {self.route}"


@dataclass(frozen=True, slots=True)
class RemoveRoute:
    """Remove a route."""

    route: Route

    def __str__(self) -> str:
        return f"remove route {self.route}"


@dataclass(frozen=True, slots=True)
class AddRule:
    """Add a routing rule."""

    rule: RoutingRule

    def __str__(self) -> str:
        return f"add rule {self.rule}"


@dataclass(frozen=True, slots=True)
class RemoveRule:
    """Remove a routing rule."""

    rule: RoutingRule

    def __str__(self) -> str:
        return f"remove rule {self.rule}"


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """Write a kernel setting."""

    path: str
    value: str

    def __str__(self) -> str:
        return f"set {self.path} = {self.value}"


@dataclass(frozen=True, slots=True)
class SetTable:
    """Publish the packet filter, or remove it (None).  Carried out by an ITable, not by an IMachine."""

    table: object | None

    def __str__(self) -> str:
        return "remove the packet filter" if self.table is None else "load the packet filter"


Change = (
    MakeDevice
    | RemoveDevice
    | SetLink
    | AddAddress
    | RemoveAddress
    | AddRoute
    | ReplaceRoute
    | RemoveRoute
    | AddRule
    | RemoveRule
    | SetSysctl
    | SetTable
)
