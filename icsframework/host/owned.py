"""What we did to the machine, and how it was before: the memory that makes a clean stop possible.

Things we added (devices, addresses, routes, rules) are remembered to be removed;
settings we changed (links, sysctls) and routes we replaced are remembered with
their previous value.  ``Owned`` is a value; its JSON form is the document
``before.json``.  An address that was there before us is not ours and stays.

Some sysctls write to others: ``ip_forward`` sets ``forwarding`` of every
interface.  Their previous values are remembered with their causes, and put
back only when none of these is wanted any more.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from icsframework.errors import StoreError
from icsframework.frozen import dataclass
from icsframework.host.changes import (
    AddAddress,
    AddRoute,
    AddRule,
    Change,
    MakeDevice,
    ReplaceRoute,
    SetLink,
    SetSysctl,
)
from icsframework.host.effects import effects, matches
from icsframework.host.state import (
    ROUTE_PROTOCOL,
    AddressOn,
    Device,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Scope,
)

__all__ = ["Owned", "Previous", "claim", "from_document", "scope_of", "settle", "to_document"]


@dataclass(frozen=True, slots=True)
class Previous:
    """The value of a sysctl before it changed, and the sysctls whose writing changed it (itself, or a broader one)."""

    path: str
    value: str
    causes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Owned:
    """What we added, and the previous values of what we changed.  Empty: the machine is as it was.

    ``links`` holds previous values (None where we changed nothing), ``replaced`` the
    routes of others that ours took the place of.
    """

    links: frozenset[LinkSettings] = frozenset()
    addresses: frozenset[AddressOn] = frozenset()
    routes: frozenset[Route] = frozenset()
    replaced: frozenset[Route] = frozenset()
    rules: frozenset[RoutingRule] = frozenset()
    sysctls: frozenset[Previous] = frozenset()
    devices: frozenset[Device] = frozenset()
    indices: frozenset[tuple[str, int]] = frozenset()
    """Name and index of the interfaces that are named above (see renames.py)."""


def scope_of(desired: MachineState, owned: Owned) -> Scope:
    """Everything that must be looked at to bring a machine that has ``owned`` to ``desired``."""
    routes = desired.routes | owned.routes | owned.replaced
    paths = {sysctl.path for sysctl in desired.sysctls} | {previous.path for previous in owned.sysctls}
    return Scope(
        interfaces=frozenset(
            {device.interface for device in desired.devices | owned.devices}
            | {link.interface for link in desired.links | owned.links}
            | {address.interface for address in desired.addresses | owned.addresses}
        ),
        tables=frozenset(route.table for route in routes),
        sysctls=frozenset(paths.union(*(effects(path) for path in paths))),
    )


def claim(owned: Owned, current: MachineState, changes: Iterable[Change]) -> Owned:
    """What we own once ``changes`` are made to a machine observed as ``current``.

    Only grows: it is written down before the first change.  ``settle`` cuts it back afterwards.
    """
    for change in changes:
        match change:
            case MakeDevice(device):
                owned = replace(owned, devices=owned.devices | {device})
            case SetLink(settings):
                owned = _claim_link(owned, current, settings)
            case SetSysctl(path, _):
                owned = _claim_sysctl(owned, current, path)
            case AddAddress(address):
                owned = replace(owned, addresses=owned.addresses | {address})
            case AddRoute(route):
                owned = replace(owned, routes=owned.routes | {route})
            case ReplaceRoute(route, old):
                owned = _claim_replaced(owned, route, old)
            case AddRule(rule):
                owned = replace(owned, rules=owned.rules | {rule})
    return owned


def _claim_link(owned: Owned, current: MachineState, wanted: LinkSettings) -> Owned:
    actual = next((link for link in current.links if link.interface == wanted.interface), None)
    if actual is None:
        return owned  # a device of ours, which goes as a whole; or the change will fail
    known = next((link for link in owned.links if link.interface == wanted.interface), None)
    changed = actual.where(wanted)
    if known is None:
        return replace(owned, links=owned.links | {changed})
    return replace(owned, links=owned.links - {known} | {known.over(changed)})


def _claim_sysctl(owned: Owned, current: MachineState, path: str) -> Owned:
    known = {previous.path: previous for previous in owned.sysctls}
    for sysctl in current.sysctls:
        if sysctl.path == path or any(matches(pattern, sysctl.path) for pattern in effects(path)):
            previous = known.get(sysctl.path, Previous(sysctl.path, sysctl.value, frozenset()))
            known[sysctl.path] = replace(previous, causes=previous.causes | {path})
    return replace(owned, sysctls=frozenset(known.values()))


def _claim_replaced(owned: Owned, route: Route, old: Route) -> Owned:
    if old not in owned.routes and old.protocol != ROUTE_PROTOCOL:
        owned = replace(owned, replaced=owned.replaced | {old})
    if route in owned.replaced:
        return owned  # somebody else's, back in its place
    return replace(owned, routes=owned.routes | {route})


def settle(owned: Owned, desired: MachineState) -> Owned:
    """What is still ours when the machine has become ``desired``: the rest was put back, or is gone."""
    keys = {route.key for route in desired.routes}
    paths = {sysctl.path for sysctl in desired.sysctls}
    wanted = {link.interface: link for link in desired.links}
    links = {link.where(wanted[link.interface]) for link in owned.links if link.interface in wanted}
    return Owned(
        links=frozenset(link for link in links if link != LinkSettings(link.interface)),
        addresses=owned.addresses & desired.addresses,
        routes=owned.routes & desired.routes,
        replaced=frozenset(route for route in owned.replaced if route.key in keys),
        rules=owned.rules & desired.rules,
        sysctls=frozenset(one for one in owned.sysctls if one.causes & paths),
        devices=owned.devices & desired.devices,
        indices=owned.indices,
    )


# --- before.json ---------------------------------------------------------------------------------


def to_document(owned: Owned) -> dict[str, Any]:
    """The JSON-able form, sorted so that equal values give equal text."""
    return {
        "devices": _sorted(map(asdict, owned.devices)),
        "links": _sorted(map(asdict, owned.links)),
        "indices": _sorted({"interface": name, "index": index} for name, index in owned.indices),
        "addresses": _sorted({"interface": o.interface, "address": str(o.address)} for o in owned.addresses),
        "routes": _sorted(map(_route_to, owned.routes)),
        "replaced": _sorted(map(_route_to, owned.replaced)),
        "rules": _sorted(map(_rule_to, owned.rules)),
        "sysctls": _sorted(
            {"path": o.path, "value": o.value, "causes": sorted(o.causes)} for o in owned.sysctls
        ),
    }


def _sorted(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=str)


def _route_to(route: Route) -> dict[str, Any]:
    return {
        "destination": str(route.destination),
        "interface": route.interface,
        "gateway": None if route.gateway is None else str(route.gateway),
        "table": route.table,
        "metric": route.metric,
        "kind": route.kind,
        "protocol": route.protocol,
    }


def _rule_to(rule: RoutingRule) -> dict[str, Any]:
    return {
        "priority": rule.priority,
        "table": rule.table,
        "mark": rule.mark,
        "mask": rule.mask,
        "family": rule.family,
        "suppress_prefixlength": rule.suppress_prefixlength,
        "protocol": rule.protocol,
    }


def from_document(document: Any) -> Owned:
    """The reverse of ``to_document``; StoreError if it is something else."""
    try:
        return Owned(
            links=_read(document["links"], lambda o: LinkSettings(**o)),
            addresses=_read(
                document["addresses"], lambda o: AddressOn(o["interface"], ip_interface(o["address"]))
            ),
            routes=_read(document["routes"], _route_from),
            replaced=_read(document["replaced"], _route_from),
            rules=_read(document["rules"], lambda o: RoutingRule(**o)),
            sysctls=_read(
                document["sysctls"], lambda o: Previous(o["path"], o["value"], frozenset(o["causes"]))
            ),
            devices=_read(document.get("devices", ()), lambda o: Device(**o)),
            indices=_read(document.get("indices", ()), lambda o: (str(o["interface"]), int(o["index"]))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"the record of the machine's previous state makes no sense ({error})") from error


def _read(items: Iterable[dict[str, Any]], build: Callable[[dict[str, Any]], Any]) -> frozenset[Any]:
    return frozenset(build(item) for item in items)


def _route_from(item: dict[str, Any]) -> Route:
    gateway = item["gateway"]
    return Route(
        destination=ip_network(item["destination"]),
        gateway=None if gateway is None else ip_address(gateway),
        **{name: item[name] for name in ("interface", "table", "metric", "kind", "protocol")},
    )
