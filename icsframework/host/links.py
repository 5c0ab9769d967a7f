"""The real IMachine: links, addresses, routes and rules by netlink, sysctls by files.

pyroute2 is imported at the first call, in the worker thread: it takes a third
of a second that the first answer to a client need not wait for.  One netlink
socket stays open, bound to the network namespace of the thread that opened it.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Any, Literal

from zope.interface import implementer

from icsframework.errors import HostError, InterfaceMissing, NoPrivilege
from icsframework.host.changes import (
    AddAddress,
    AddRoute,
    AddRule,
    Change,
    RemoveAddress,
    RemoveRoute,
    RemoveRule,
    ReplaceRoute,
    SetLink,
    SetSysctl,
    SetTable,
)
from icsframework.host.inventory import read_interfaces
from icsframework.host.machine import IMachine, Overtaken
from icsframework.host.state import (
    ROUTE_PROTOCOL,
    AddressOn,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Scope,
    Sysctl,
    conf,
)
from icsframework.host.sysctl import PROC_SYS, expand, read_sysctl, write_sysctl
from icsframework.values import InterfaceInfo

__all__ = ["Machine"]

AF_INET, AF_INET6 = 2, 10
IFF_UP = 0x1
IFA_F_PERMANENT = 0x80
RTPROT_KERNEL = 2
RTM_F_CLONED = 0x200
LOCAL_TABLE = 255
FR_ACT_TO_TBL = 1
NO_SUPPRESSION = 0xFFFFFFFF

KINDS: dict[int, Literal["unicast", "blackhole", "unreachable", "prohibit"]] = {
    1: "unicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
}
"""rtm_type of rtnetlink(7)."""

GONE = {errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENOENT, errno.ENODEV, errno.ENXIO}
"""What the kernel says when asked to remove what is not there."""

INEXPRESSIBLE = ("RTA_MULTIPATH", "RTA_NH_ID", "RTA_SRC", "RTA_VIA", "RTA_ENCAP", "RTA_IIF")
"""Attributes of routes that a Route has no field for."""

RULE_ATTRIBUTES = {
    "FRA_TABLE",
    "FRA_PRIORITY",
    "FRA_FWMARK",
    "FRA_FWMASK",
    "FRA_SUPPRESS_PREFIXLEN",
    "FRA_PROTOCOL",
}
"""What a RoutingRule can express; a rule with more is somebody else's and left out."""


@implementer(IMachine)
class Machine:
    """See IMachine.  Use it from one thread."""

    def __init__(self, proc_sys: Path = PROC_SYS) -> None:
        self._proc_sys = proc_sys
        self._netlink: Any = None

    @property
    def _ip(self) -> Any:
        if self._netlink is None:
            from pyroute2 import IPRoute

            self._netlink = IPRoute()
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
        names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in self._ip.get_links()}
        return MachineState(
            links=frozenset(self._links(scope)),
            addresses=frozenset(self._addresses(scope, names)),
            routes=frozenset(self._routes(scope, names)),
            rules=frozenset(self._rules()),
            sysctls=frozenset(self._sysctls(scope)),
        )

    def _links(self, scope: Scope) -> Iterator[LinkSettings]:
        for link in self._ip.get_links():
            name = link.get_attr("IFLA_IFNAME")
            if name in scope.interfaces:
                up = bool(link["flags"] & IFF_UP)
                yield LinkSettings(name, up, link.get_attr("IFLA_MTU"), link.get_attr("IFLA_ADDRESS"))

    def _addresses(self, scope: Scope, names: dict[int, str]) -> Iterator[AddressOn]:
        for message in self._ip.get_addr():
            name = names.get(message["index"], "")
            if name not in scope.interfaces:
                continue
            text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            address = ip_interface(f"{text}/{message['prefixlen']}")
            permanent = (message.get_attr("IFA_FLAGS") or message["flags"]) & IFA_F_PERMANENT
            if address.version == 4 or (permanent and not address.ip.is_link_local):
                yield AddressOn(name, address)

    def _routes(self, scope: Scope, names: dict[int, str]) -> Iterator[Route]:
        for family in (AF_INET, AF_INET6):
            for message in self._ip.get_routes(family=family):
                route = route_of(message, names)
                if route and (route.table in scope.tables or route.protocol == ROUTE_PROTOCOL):
                    yield route

    def _rules(self) -> Iterator[RoutingRule]:
        for family in (AF_INET, AF_INET6):
            for message in self._ip.get_rules(family=family):
                rule = rule_of(message)
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
            case SetLink(settings):
                self._set_link(change, settings)
            case AddAddress(address):
                self._address("add", change, address)
            case RemoveAddress(address):
                self._remove_address(change, address)
            case AddRoute(route):
                self._route("add", change, route)
            case ReplaceRoute(route, old):
                self._replace_route(change, route, old)
            case RemoveRoute(route):
                self._route("del", change, route, may_be_gone=True)
            case AddRule(rule):
                self._do(change, self._ip.rule, "add", **_rule_to(rule))
            case RemoveRule(rule):
                self._do(change, self._ip.rule, "del", may_be_gone=True, **_rule_to(rule))
            case SetSysctl(path, value):
                write_sysctl(path, value, self._proc_sys)
            case SetTable():
                raise HostError("The packet filter is loaded by the data plane, not by the machine.")

    def _set_link(self, change: Change, settings: LinkSettings) -> None:
        index = self._index(settings.interface)
        if settings.mac is not None:
            self._set_mac(change, index, settings)
        wanted: dict[str, Any] = {} if settings.mtu is None else {"mtu": settings.mtu}
        if settings.up is not None:
            wanted["state"] = "up" if settings.up else "down"
        if wanted:
            self._do(change, self._ip.link, "set", index=index, **wanted)

    def _set_mac(self, change: Change, index: int, settings: LinkSettings) -> None:
        """Some drivers take a new address only while the interface is down, where it would lose its routes."""
        try:
            self._do(change, self._ip.link, "set", index=index, address=settings.mac)
        except _Busy:
            with self._keeping_routes(change, settings.interface):
                self._do(change, self._ip.link, "set", index=index, state="down")
                self._do(change, self._ip.link, "set", index=index, address=settings.mac)
                self._do(change, self._ip.link, "set", index=index, state="up")

    def _address(self, command: str, change: Change, address: AddressOn, may_be_gone: bool = False) -> None:
        interface = address.address
        self._do(
            change,
            self._ip.addr,
            command,
            may_be_gone=may_be_gone,
            index=self._index(address.interface),
            address=str(interface.ip),
            prefixlen=interface.network.prefixlen,
            **({} if interface.version == 6 else {"broadcast": str(interface.network.broadcast_address)}),
        )

    def _remove_address(self, change: Change, address: AddressOn) -> None:
        """The kernel would take more: the other addresses of the subnet, and with the last one every route."""
        if address.address.version == 6:
            self._address("del", change, address, may_be_gone=True)
            return
        with self._promoting(address.interface), self._keeping_routes(change, address.interface):
            self._address("del", change, address, may_be_gone=True)

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
            self._route("add", change, route)

    def _routes_through(self, interface: str) -> set[Route]:
        index = self._index(interface)
        found = (route_of(one, {index: interface}) for one in self._ip.get_routes(family=AF_INET))
        return {route for route in found if route is not None and route.interface == interface}

    def _replace_route(self, change: Change, route: Route, old: Route) -> None:
        try:
            self._route("replace", change, route)
        except Overtaken:
            # IPv6 takes routes with and without gateway for different ones.
            self._route("del", change, old, may_be_gone=True)
            self._route("add", change, route)

    def _route(self, command: str, change: Change, route: Route, may_be_gone: bool = False) -> None:
        wanted: dict[str, Any] = {"oif": self._index(route.interface)} if route.interface else {}
        if route.gateway is not None:
            wanted |= {"gateway": str(route.gateway), "flags": ["onlink"]}
        elif route.kind == "unicast" and route.destination.version == 4:
            wanted["scope"] = "link"
        self._do(
            change,
            self._ip.route,
            command,
            may_be_gone=may_be_gone,
            family=AF_INET if route.destination.version == 4 else AF_INET6,
            dst=str(route.destination),
            table=route.table,
            priority=route.metric,
            type=route.kind,
            proto=route.protocol,
            **wanted,
        )

    # --- talking

    def _index(self, interface: str) -> int:
        found = self._ip.link_lookup(ifname=interface)
        if not found:
            raise InterfaceMissing(
                f"There is no interface {interface} on this machine; ip link shows those that are."
            )
        return int(found[0])

    def _do(
        self, change: Change, call: Callable[..., Any], *args: Any, may_be_gone: bool = False, **wanted: Any
    ) -> None:
        from pyroute2 import NetlinkError

        try:
            call(*args, **wanted)
        except NetlinkError as error:
            if not (may_be_gone and error.code in GONE):
                raise explained(change, error.code) from error
        except OSError as error:
            raise explained(change, error.errno or 0) from error


class _Busy(HostError):
    """The interface must be down for this."""


def explained(change: Change, code: int) -> Exception:
    import os

    if code in (errno.EPERM, errno.EACCES):
        return NoPrivilege(
            f"Not allowed to {change}; ics needs CAP_NET_ADMIN: run it as root or under its unit."
        )
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


# --- messages to values and back ---------------------------------------------------------------------


def route_of(message: Any, names: dict[int, str]) -> Route | None:
    """The route in a message, or None if it is the kernel's own or more than a Route can say."""
    table = message.get_attr("RTA_TABLE") or message["table"]
    if message["proto"] == RTPROT_KERNEL or table == LOCAL_TABLE or message["flags"] & RTM_F_CLONED:
        return None
    if message["type"] not in KINDS or message["tos"] or any(message.get_attr(a) for a in INEXPRESSIBLE):
        return None
    any_address = "0.0.0.0" if message["family"] == AF_INET else "::"  # noqa: S104 - a default route, not a socket
    gateway = message.get_attr("RTA_GATEWAY")
    unicast = KINDS[message["type"]] == "unicast"
    return Route(
        destination=ip_network(f"{message.get_attr('RTA_DST') or any_address}/{message['dst_len']}"),
        interface=names.get(message.get_attr("RTA_OIF") or 0, "") if unicast else "",
        gateway=None if gateway is None else ip_address(gateway),
        table=table,
        metric=message.get_attr("RTA_PRIORITY") or 0,
        kind=KINDS[message["type"]],
        protocol=message["proto"],
    )


def rule_of(message: Any) -> RoutingRule | None:
    """The rule in a message, or None if it is more than a RoutingRule can say."""
    plain = message["action"] == FR_ACT_TO_TBL and not message["tos"] and not message["flags"] & 0x2
    if not plain or not {name for name, _ in message["attrs"]} <= RULE_ATTRIBUTES:
        return None
    suppress = message.get_attr("FRA_SUPPRESS_PREFIXLEN")
    return RoutingRule(
        priority=message.get_attr("FRA_PRIORITY") or 0,
        table=message.get_attr("FRA_TABLE") or message["table"],
        mark=message.get_attr("FRA_FWMARK") or 0,
        mask=message.get_attr("FRA_FWMASK") or 0,
        family=4 if message["family"] == AF_INET else 6,
        suppress_prefixlength=None if suppress in (None, NO_SUPPRESSION) else suppress,
        protocol=message.get_attr("FRA_PROTOCOL") or 0,
    )


def _rule_to(rule: RoutingRule) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "family": AF_INET if rule.family == 4 else AF_INET6,
        "priority": rule.priority,
        "table": rule.table,
        "protocol": rule.protocol,
    }
    if rule.mask:
        wanted |= {"fwmark": rule.mark, "fwmask": rule.mask}
    if rule.suppress_prefixlength is not None:
        wanted["suppress_prefixlen"] = rule.suppress_prefixlength
    return wanted
