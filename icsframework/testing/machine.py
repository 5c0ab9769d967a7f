"""A kernel's network configuration in memory, with the habits of the real one that matter, failing on request.

    machine = FakeMachine()
    machine.add_interface("eth1")
    machine.fail_on("add address", NoPrivilege("..."))     # by the words of the change
    machine.before(3, lambda: machine.vanish("eth1"))      # in the middle of the work

Habits: an interface that goes down loses its routes, one that loses its last
IPv4 address does not lose routes of others (IMachine promises so), a route needs
an interface that is up, an address that is there is refused, ``ip_forward``
writes to every interface, and what vanishes takes everything with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from zope.interface import implementer

from icsframework.errors import HostError, InterfaceMissing
from icsframework.host.changes import (
    AddAddress,
    AddRoute,
    AddRule,
    Change,
    MakeDevice,
    RemoveAddress,
    RemoveDevice,
    RemoveRoute,
    RemoveRule,
    ReplaceRoute,
    SetLink,
    SetSysctl,
    SetTable,
)
from icsframework.host.effects import effects, matches
from icsframework.host.machine import IMachine, Overtaken, PortRefused, SysctlMissing
from icsframework.host.state import (
    ROUTE_PROTOCOL,
    AddressOn,
    Device,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Scope,
    Sysctl,
    conf,
)
from icsframework.values import InterfaceInfo

__all__ = ["INTERFACE_SYSCTLS", "SYSCTLS", "FakeMachine"]

INTERFACE_SYSCTLS = {"forwarding": "0", "rp_filter": "0", "accept_redirects": "1", "send_redirects": "1"}
"""IPv4 settings that each interface, ``all`` and ``default`` have."""

SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.netfilter.nf_conntrack_udp_timeout": "30",
    "net.ipv4.ip_local_port_range": "32768\t60999",
} | {
    conf("ipv4", name, setting): value
    for name in ("all", "default")
    for setting, value in INTERFACE_SYSCTLS.items()
}


@dataclass(slots=True)
class _Interface:
    ifindex: int
    mac: str
    up: bool = False
    mtu: int = 1500
    kind: str = "veth"
    master: str = ""
    below: str = ""
    vlan: int = 0


@implementer(IMachine)
@dataclass
class FakeMachine:
    """See the module.  ``routes``, ``rules``, ``addresses`` and ``sysctls`` may be set by a test before it begins."""

    addresses: set[AddressOn] = field(default_factory=set)
    routes: set[Route] = field(default_factory=set)
    rules: set[RoutingRule] = field(default_factory=set)
    sysctls: dict[str, str] = field(default_factory=lambda: dict(SYSCTLS))
    made: list[Change] = field(default_factory=list)
    """Every change that was made, in order."""
    closed: bool = False
    _interfaces: dict[str, _Interface] = field(default_factory=dict)
    _failures: dict[str, Exception] = field(default_factory=dict)
    _before: dict[int, Callable[[], object]] = field(default_factory=dict)
    _asked: int = 0

    # --- for the test

    def add_interface(self, name: str, up: bool = False, mtu: int = 1500, mac: str = "") -> None:
        """An interface appears, with settings of its own."""
        index = 1 + max((one.ifindex for one in self._interfaces.values()), default=0)
        self._interfaces[name] = _Interface(index, mac or f"02:00:5e:00:53:{index:02x}", up, mtu)
        for setting in INTERFACE_SYSCTLS:
            self.sysctls[conf("ipv4", name, setting)] = self.sysctls[conf("ipv4", "default", setting)]

    def vanish(self, name: str) -> None:
        """The interface goes, and all that hangs on it: VLANs too; a bridge sets its ports free."""
        for vlan in [other for other, one in self._interfaces.items() if one.below == name]:
            self.vanish(vlan)
        del self._interfaces[name]
        for port in self._interfaces.values():
            port.master = "" if port.master == name else port.master
        self.addresses = {one for one in self.addresses if one.interface != name}
        self.routes = {route for route in self.routes if route.interface != name}
        gone = conf("ipv4", name, "")
        self.sysctls = {path: value for path, value in self.sysctls.items() if not path.startswith(gone)}

    def rename(self, old: str, new: str) -> None:
        """The interface gets another name, and keeps all that it has."""
        self._interfaces[new] = self._interfaces.pop(old)
        for one in self._interfaces.values():
            one.master = new if one.master == old else one.master
            one.below = new if one.below == old else one.below
        self.addresses = {replace(a, interface=new) if a.interface == old else a for a in self.addresses}
        self.routes = {replace(r, interface=new) if r.interface == old else r for r in self.routes}
        before, after = conf("ipv4", old, ""), conf("ipv4", new, "")
        self.sysctls = {
            path.replace(before, after) if path.startswith(before) else path: value
            for path, value in self.sysctls.items()
        }

    def fail_on(self, words: str, error: Exception) -> None:
        """Changes whose description contains ``words`` fail until ``recover``."""
        self._failures[words] = error

    def recover(self) -> None:
        """Nothing fails by request any more."""
        self._failures.clear()
        self._before.clear()

    def before(self, number: int, happening: Callable[[], object]) -> None:
        """Let something happen right before change ``number`` (1 for the next one asked for); it may raise, too."""
        self._before[self._asked + number] = happening

    def everything(self) -> MachineState:
        """All there is, to be compared with itself later."""
        paths = frozenset(self.sysctls)
        tables = frozenset(route.table for route in self.routes)
        return self.observe(Scope(frozenset(self._interfaces), tables, paths))

    # --- IMachine

    def interfaces(self) -> list[InterfaceInfo]:
        """See IMachine."""
        return [self._info(name, one) for name, one in self._interfaces.items()]

    def _info(self, name: str, one: _Interface) -> InterfaceInfo:
        addresses = tuple(sorted((a.address for a in self.addresses if a.interface == name), key=str))
        return InterfaceInfo(name, one.ifindex, one.mac, one.mtu, one.up, one.up, addresses, one.kind)

    def observe(self, scope: Scope) -> MachineState:
        """See IMachine."""
        return MachineState(
            devices=frozenset(
                Device(name, "bridge") if one.kind == "bridge" else Device(name, "vlan", one.below, one.vlan)
                for name, one in self._interfaces.items()
                if name in scope.interfaces and one.kind in ("bridge", "vlan")
            ),
            links=frozenset(
                LinkSettings(name, one.up, one.mtu, one.mac, one.master)
                for name, one in self._interfaces.items()
                if name in scope.interfaces
            ),
            addresses=frozenset(one for one in self.addresses if one.interface in scope.interfaces),
            routes=frozenset(
                one for one in self.routes if one.table in scope.tables or one.protocol == ROUTE_PROTOCOL
            ),
            rules=frozenset(self.rules),
            sysctls=frozenset(
                Sysctl(path, value)
                for path, value in self.sysctls.items()
                if any(matches(pattern, path) for pattern in scope.sysctls)
            ),
        )

    def apply(self, change: Change) -> None:
        """See IMachine."""
        self._asked += 1
        if happening := self._before.pop(self._asked, None):
            happening()
        for words, error in self._failures.items():
            if words in str(change):
                raise error
        self._make(change)
        self.made.append(change)

    def close(self) -> None:
        """See IMachine."""
        self.closed = True

    # --- the kernel

    def _make(self, change: Change) -> None:
        match change:
            case MakeDevice(device):
                self._make_device(device)
            case RemoveDevice(device):
                if device.interface in self._interfaces:
                    self.vanish(device.interface)
            case SetLink(settings):
                self._set_link(settings)
            case AddAddress(address):
                self._add_address(address)
            case RemoveAddress(address):
                self._existing(address.interface)
                self.addresses.discard(address)
            case AddRoute(route):
                self._add_route(route)
            case ReplaceRoute(route, old):
                self._check_route(route)
                self.routes.discard(old)
                self.routes.add(route)
            case RemoveRoute(route):
                self.routes.discard(route)
            case AddRule(rule):
                self.rules.add(rule)
            case RemoveRule(rule):
                self.rules.discard(rule)
            case SetSysctl(path, value):
                self._set_sysctl(path, value)
            case SetTable():
                raise AssertionError("the packet filter is not the machine's business")

    def _existing(self, name: str) -> _Interface:
        if name not in self._interfaces:
            raise InterfaceMissing(f"There is no interface {name} here; ip link shows those that are.")
        return self._interfaces[name]

    def _make_device(self, device: Device) -> None:
        if device.interface in self._interfaces:
            raise HostError(f"cannot make {device}: there is an interface {device.interface} already.")
        if device.below:
            self._existing(device.below)
        self.add_interface(device.interface)
        made = self._interfaces[device.interface]
        made.kind, made.below, made.vlan = device.kind, device.below, device.vlan

    def _set_link(self, settings: LinkSettings) -> None:
        interface = self._existing(settings.interface)
        master = self._existing(settings.master) if settings.master else None
        if master is not None and (master.kind != "bridge" or interface.kind == "bridge"):
            raise PortRefused(
                f"{settings.interface} cannot be a port of {settings.master}.", settings.interface
            )
        interface.master = interface.master if settings.master is None else settings.master
        interface.mtu = interface.mtu if settings.mtu is None else settings.mtu
        interface.mac = settings.mac or interface.mac
        interface.up = interface.up if settings.up is None else settings.up
        if not interface.up:
            self.routes = {route for route in self.routes if route.interface != settings.interface}

    def _add_address(self, address: AddressOn) -> None:
        self._existing(address.interface)
        if any(
            other == address
            or (
                (other.interface == address.interface and other.address.ip == address.address.ip)
                and address.address.version == 6
            )
            for other in self.addresses
        ):
            raise Overtaken(f"cannot add address {address}: it exists.")
        self.addresses.add(address)

    def _add_route(self, route: Route) -> None:
        self._check_route(route)
        if any(other.key == route.key for other in self.routes):
            raise Overtaken(f"cannot add route {route}: it exists.")
        self.routes.add(route)

    def _check_route(self, route: Route) -> None:
        if route.interface not in ("", "lo") and not self._existing(route.interface).up:
            raise HostError(f"cannot set route {route}: {route.interface} is down.")

    def _set_sysctl(self, path: str, value: str) -> None:
        if path not in self.sysctls:
            raise SysctlMissing(f"This kernel has no setting {path}.")
        changes = self.sysctls[path] != value
        self.sysctls[path] = value
        if not changes:
            return
        for other in self.sysctls:
            if any(matches(pattern, other) for pattern in effects(path)):
                opposite = other.endswith("accept_redirects") and path == "net.ipv4.ip_forward"
                self.sysctls[other] = str(1 - int(value)) if opposite else value
