"""The real IMachine: links, addresses, routes and rules by netlink, sysctls by files.

Netlink is our own small codec (protocols/netlink.py, rtnetlink.py), for what is
asked here is little and asked before the first answer to a client: with pyroute2
the start took 0.25 s of CPU time more, and the daemon 15 MB more memory for
good.  One netlink socket stays open, bound to the network namespace of the
thread that opened it.
"""

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zope.interface import implementer

from icsframework.errors import HostError, InterfaceMissing, NoPrivilege, WireError
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
from icsframework.host.inventory import missing, read_interfaces
from icsframework.host.machine import IMachine, Overtaken, PortRefused
from icsframework.host.routewire import route_from, route_to, rule_from, rule_to
from icsframework.host.rtsocket import RouteSocket
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
from icsframework.host.sysctl import PROC_SYS, expand, read_sysctl, write_sysctl
from icsframework.protocols import rtnetlink
from icsframework.protocols.netlink import Message, NetlinkError
from icsframework.protocols.rtnetlink import AF_INET, AF_INET6, RouteMessage, RuleMessage, Stacked
from icsframework.values import InterfaceInfo

__all__ = ["Machine"]

GONE = {errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENOENT, errno.ENODEV, errno.ENXIO}
"""What the kernel says when asked to remove what is not there."""


@implementer(IMachine)
class Machine:
    """See IMachine.  Use it from one thread."""

    def __init__(self, proc_sys: Path = PROC_SYS) -> None:
        self._proc_sys = proc_sys
        self._netlink: RouteSocket | None = None

    @property
    def _kernel(self) -> RouteSocket:
        if self._netlink is None:
            self._netlink = RouteSocket()
        return self._netlink

    def close(self) -> None:
        """See IMachine."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    # --- looking

    def interfaces(self) -> list[InterfaceInfo]:
        """See IMachine."""
        return read_interfaces()

    def observe(self, scope: Scope) -> MachineState:
        """See IMachine."""
        try:
            return self._observe(scope)
        except (WireError, OSError) as error:
            raise HostError(f"The network settings of this machine cannot be read: {error}.") from error

    def _observe(self, scope: Scope) -> MachineState:
        messages = self._kernel.dump(rtnetlink.dump_links())
        links = [rtnetlink.read_link(message.body) for message in messages]
        stacked = [rtnetlink.read_stacked(message.body) for message in messages]
        names = {link.ifindex: link.name for link in links}
        inside = [pair for pair in zip(links, stacked, strict=True) if pair[0].name in scope.interfaces]
        return MachineState(
            devices=frozenset(_devices(inside, names)),
            links=frozenset(
                LinkSettings(link.name, link.up, link.mtu, link.mac or None, names.get(stack.master, ""))
                for link, stack in inside
            ),
            addresses=frozenset(self._addresses(scope, names)),
            routes=frozenset(self._routes(scope, names)),
            rules=frozenset(self._rules()),
            sysctls=frozenset(self._sysctls(scope)),
        )

    def _addresses(self, scope: Scope, names: dict[int, str]) -> Iterator[AddressOn]:
        for message in self._kernel.dump(rtnetlink.dump_addresses()):
            found = rtnetlink.read_address(message.body)
            if found is None or names.get(found.ifindex) not in scope.interfaces:
                continue
            address = found.address
            if address.version == 4 or (found.permanent and not address.ip.is_link_local):
                yield AddressOn(names[found.ifindex], address)

    def _routes(self, scope: Scope, names: dict[int, str]) -> Iterator[Route]:
        for family in (AF_INET, AF_INET6):
            for message in self._kernel.dump(rtnetlink.dump_routes(family)):
                route = route_from(RouteMessage.from_wire(message.body), names)
                if route and (route.table in scope.tables or route.protocol == ROUTE_PROTOCOL):
                    yield route

    def _rules(self) -> Iterator[RoutingRule]:
        for family in (AF_INET, AF_INET6):
            for message in self._kernel.dump(rtnetlink.dump_rules(family)):
                rule = rule_from(RuleMessage.from_wire(message.body))
                if rule:
                    yield rule

    def _sysctls(self, scope: Scope) -> Iterator[Sysctl]:
        for path in sorted({path for pattern in scope.sysctls for path in expand(pattern, self._proc_sys)}):
            value = read_sysctl(path, self._proc_sys)
            if value is not None:
                yield Sysctl(path, value)

    # --- changing

    def apply(self, change: Change) -> None:
        """See IMachine."""
        match change:
            case MakeDevice(device):
                self._make(change, device)
            case RemoveDevice(device):
                self._unmake(change, device)
            case SetLink(settings):
                self._set_link(change, settings)
            case AddAddress(address):
                request = rtnetlink.add_address(_index(address.interface), address.address)
                self._do(change, request)
            case RemoveAddress(address):
                self._remove_address(change, address)
            case AddRoute(route):
                self._do(change, rtnetlink.add_route(_message(route)))
            case ReplaceRoute(route, old):
                self._replace_route(change, route, old)
            case RemoveRoute(route):
                self._remove_route(change, route)
            case AddRule(rule):
                self._do(change, rtnetlink.add_rule(rule_to(rule)))
            case RemoveRule(rule):
                self._remove(change, rtnetlink.remove_rule(rule_to(rule)))
            case SetSysctl(path, value):
                write_sysctl(path, value, self._proc_sys)
            case SetTable():
                raise HostError("The packet filter is loaded by the data plane, not by the machine.")

    def _make(self, change: Change, device: Device) -> None:
        request = (
            rtnetlink.add_bridge(device.interface)
            if device.kind == "bridge"
            else rtnetlink.add_vlan(device.interface, _index(device.below), device.vlan)
        )
        self._do(change, request)

    def _unmake(self, change: Change, device: Device) -> None:
        try:
            index = _index(device.interface)
        except InterfaceMissing:
            return  # gone already
        self._remove(change, rtnetlink.remove_link(index))

    def _set_link(self, change: Change, settings: LinkSettings) -> None:
        index = _index(settings.interface)
        if settings.master is not None:
            self._set_master(change, index, settings)
        if settings.mac is not None:
            self._set_mac(change, index, settings.interface, bytes.fromhex(settings.mac.replace(":", "")))
        if settings.up is not None or settings.mtu is not None:
            self._do(change, rtnetlink.set_link(index, settings.up, settings.mtu))

    def _set_master(self, change: Change, index: int, settings: LinkSettings) -> None:
        """The kernel says in several ways that something cannot be a port: a wireless station, another bridge, lo."""
        master = _index(settings.master) if settings.master else 0
        try:
            self._do(change, rtnetlink.set_link(index, master=master))
        except (InterfaceMissing, NoPrivilege):
            raise
        except HostError as error:
            raise PortRefused(
                f"{settings.interface} cannot be a port of {settings.master or 'no bridge'}: {error}",
                settings.interface,
            ) from error

    def _set_mac(self, change: Change, index: int, interface: str, mac: bytes) -> None:
        """Some drivers take a new address only while the interface is down, where it would lose its routes."""
        try:
            self._do(change, rtnetlink.set_link(index, mac=mac))
        except _Busy:
            with self._keeping_routes(change, interface):
                self._do(change, rtnetlink.set_link(index, up=False))
                self._do(change, rtnetlink.set_link(index, mac=mac))
                self._do(change, rtnetlink.set_link(index, up=True))

    def _remove_route(self, change: Change, route: Route) -> None:
        try:
            message = _message(route)
        except InterfaceMissing:
            return  # it went with its interface
        self._remove(change, rtnetlink.remove_route(message))

    def _remove_address(self, change: Change, address: AddressOn) -> None:
        """The kernel would take more: the other addresses of the subnet, and with the last one every route."""
        request = rtnetlink.remove_address(_index(address.interface), address.address)
        if address.address.version == 6:
            self._remove(change, request)
            return
        with self._promoting(address.interface), self._keeping_routes(change, address.interface):
            self._remove(change, request)

    @contextmanager
    def _promoting(self, interface: str) -> Iterator[None]:
        """While inside, removing the first address of a subnet makes the second one the first, and ends no flow."""
        path = conf("ipv4", interface, "promote_secondaries")
        before = read_sysctl(path, self._proc_sys)
        if before != "0":
            yield
            return
        write_sysctl(path, "1", self._proc_sys)
        try:
            yield
        finally:
            write_sysctl(path, before, self._proc_sys)

    @contextmanager
    def _keeping_routes(self, change: Change, interface: str) -> Iterator[None]:
        """Put back the IPv4 routes of others through the interface that what is done inside takes along."""
        before = self._routes_through(interface)
        yield
        lost = before - self._routes_through(interface)
        for route in sorted(lost, key=lambda one: (one.gateway is not None, str(one))):
            self._do(change, rtnetlink.add_route(_message(route)))

    def _routes_through(self, interface: str) -> set[Route]:
        names = {_index(interface): interface}
        messages = self._kernel.dump(rtnetlink.dump_routes(AF_INET))
        found = (route_from(RouteMessage.from_wire(message.body), names) for message in messages)
        return {route for route in found if route is not None and route.interface == interface}

    def _replace_route(self, change: Change, route: Route, old: Route) -> None:
        try:
            self._do(change, rtnetlink.replace_route(_message(route)))
        except Overtaken:
            # IPv6 takes routes with and without gateway for different ones.
            self._remove(change, rtnetlink.remove_route(_message(old)))
            self._do(change, rtnetlink.add_route(_message(route)))

    # --- talking

    def _remove(self, change: Change, request: Message) -> None:
        """What is gone already counts as done."""
        self._do(change, request, GONE)

    def _do(self, change: Change, request: Message, as_done: frozenset[int] | set[int] = frozenset()) -> None:
        try:
            self._kernel.change(request)
        except NetlinkError as error:
            if error.code not in as_done:
                raise explained(change, error.code) from error
        except WireError as error:
            raise HostError(f"Cannot {change}: the kernel gave no clear answer ({error}).") from error
        except OSError as error:
            raise explained(change, error.errno or errno.EIO) from error


def _devices(links: Iterable[tuple[InterfaceInfo, Stacked]], names: dict[int, str]) -> Iterator[Device]:
    """Those of them that are bridges or VLANs."""
    for link, stack in links:
        if link.kind == "bridge":
            yield Device(link.name, "bridge")
        elif link.kind == "vlan":
            yield Device(link.name, "vlan", names.get(stack.below, ""), stack.vlan)


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise missing(interface) from error


def _message(route: Route) -> RouteMessage:
    return route_to(route, _index(route.interface) if route.interface else 0)


class _Busy(HostError):
    """The interface must be down for this."""


def explained(change: Change, code: int) -> Exception:
    """The error that a number of the kernel's is, with what was tried."""
    if code in (errno.EPERM, errno.EACCES):
        return NoPrivilege(
            f"Not allowed to {change}; ics needs CAP_NET_ADMIN: run it as root or under its unit."
        )
    if isinstance(change, MakeDevice) and code == errno.EEXIST:
        name = change.device.interface
        return HostError(
            f"Cannot {change}: there is an interface {name} already, which is something else; "
            f"remove it (ip link del {name}), or choose another name."
        )
    if isinstance(change, MakeDevice) and code == errno.EOPNOTSUPP:
        module = "8021q" if change.device.kind == "vlan" else "bridge"
        return HostError(f"Cannot {change}: this kernel lacks the module {module}; modprobe {module}.")
    if code == errno.ENODEV:
        return InterfaceMissing(f"Cannot {change}: the interface is gone.")
    if code == errno.EEXIST:
        return Overtaken(f"Cannot {change}: it exists already; another program changes the same thing.")
    if code == errno.ENETDOWN:
        return HostError(f"Cannot {change}: the interface is down.")
    if code == errno.EBUSY:
        return _Busy(f"Cannot {change}: the device is busy; ip link set it down first.")
    if code in (errno.ENOBUFS, errno.ENOMEM):
        return HostError(f"Cannot {change}: the kernel is out of memory for it; free some and try again.")
    return HostError(f"Cannot {change}: {os.strerror(code)}.")
