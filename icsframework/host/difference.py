"""The way from one state of the machine to another: pure, and in an order of which no moment is worse than both ends.

1. the packet filter, so that nothing is let through that will not be later
2. forwarding that is to stop
3. other sysctls, the broad ones first
4. devices that come; interfaces: MAC, MTU, bridge, up
5. addresses that come; those that go come after them (step 9), so that an
   interface keeps one - except an IPv6 address that changes its prefix length,
   which the kernel takes for the same one
6. routes that come or change, in one step each
7. rules that come: their tables are filled by now
8. rules and then routes that go
9. addresses that go
10. interfaces that go down, devices that go
11. forwarding that begins: everything is in place
12. removal of the packet filter

A device that must be another one of the same name goes in step 4, and what was on
it comes anew.

What is wanted is ``desired``, and the previous value of everything that we
changed earlier and that ``desired`` does not name.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

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
from icsframework.host.effects import breadth, effects, interface_of, is_forwarding, matches
from icsframework.host.owned import Owned
from icsframework.host.state import (
    ROUTE_PROTOCOL,
    AddressOn,
    Device,
    LinkSettings,
    MachineState,
    Route,
    RoutingRule,
    Sysctl,
)

__all__ = ["difference"]

NOTHING = Owned()


def difference(current: MachineState, desired: MachineState, owned: Owned = NOTHING) -> tuple[Change, ...]:
    """The steps that bring ``current`` (observed) to ``desired``, removing only what is ours."""
    replaced, made, unmade = _devices(current, desired, owned)
    current = _without(current, {device.interface for device in (*replaced, *unmade)})
    early, others, late = _sysctls(current, desired, owned)
    links, downs = _links(current, desired, owned)
    removed_first, added, removed = _addresses(current, desired, owned)
    put, dropped = _routes(current, desired, owned)
    new_rules, old_rules = _rules(current, desired, owned)
    filter_changes = [SetTable(desired.table)] if desired.table != current.table else []
    return (
        *(change for change in filter_changes if change.table is not None),
        *early,
        *others,
        *(RemoveDevice(device) for device in replaced),
        *(MakeDevice(device) for device in made),
        *links,
        *removed_first,
        *added,
        *put,
        *new_rules,
        *old_rules,
        *dropped,
        *removed,
        *downs,
        *(RemoveDevice(device) for device in unmade),
        *late,
        *(change for change in filter_changes if change.table is None),
    )


# --- devices ---------------------------------------------------------------------------------------


def _devices(
    current: MachineState, desired: MachineState, owned: Owned
) -> tuple[list[Device], list[Device], list[Device]]:
    """Devices to replace by another of the same name, to make, and to remove.  VLANs come after and go before bridges."""
    wanted = {device.interface for device in desired.devices}
    gone = (owned.devices & current.devices) - desired.devices
    return (
        sorted(device for device in gone if device.interface in wanted),
        sorted(desired.devices - current.devices, key=lambda one: (one.kind, one)),
        sorted((one for one in gone if one.interface not in wanted), key=lambda one: (one.kind, one))[::-1],
    )


def _without(state: MachineState, interfaces: set[str]) -> MachineState:
    """What is left when these interfaces are gone: nothing on them need be put back."""
    if not interfaces:
        return state
    return replace(
        state,
        links=frozenset(one for one in state.links if one.interface not in interfaces),
        addresses=frozenset(one for one in state.addresses if one.interface not in interfaces),
        routes=frozenset(one for one in state.routes if one.interface not in interfaces),
        sysctls=frozenset(one for one in state.sysctls if interface_of(one.path) not in interfaces),
    )


# --- links -----------------------------------------------------------------------------------------


def _links(current: MachineState, desired: MachineState, owned: Owned) -> tuple[list[SetLink], list[SetLink]]:
    actual = {link.interface: link for link in current.links}
    before = {link.interface: link for link in owned.links if link.interface in actual}
    wanted = {link.interface: link for link in desired.links}
    first, last = [], []
    for name in sorted(before.keys() | wanted.keys()):
        target = wanted.get(name, LinkSettings(name)).over(before.get(name, LinkSettings(name)))
        missing = target.unlike(actual.get(name, LinkSettings(name)))
        if missing is None:
            continue
        if missing.up is False:
            last.append(SetLink(LinkSettings(name, up=False)))
            missing = replace(missing, up=None)
        if missing != LinkSettings(name):
            first.append(SetLink(missing))
    return first, last


# --- addresses ---------------------------------------------------------------------------------------


def _addresses(
    current: MachineState, desired: MachineState, owned: Owned
) -> tuple[list[RemoveAddress], list[AddAddress], list[RemoveAddress]]:
    came = _ordered(desired.addresses - current.addresses)
    gone = _ordered((owned.addresses & current.addresses) - desired.addresses)
    in_the_way = [old for old in gone if any(_same_to_kernel(old, new) for new in came)]
    return (
        [RemoveAddress(old) for old in in_the_way],
        [AddAddress(new) for new in came],
        [RemoveAddress(old) for old in gone if old not in in_the_way],
    )


def _same_to_kernel(old: AddressOn, new: AddressOn) -> bool:
    return old.interface == new.interface and old.address.version == 6 and old.address.ip == new.address.ip


def _ordered(addresses: Iterable[AddressOn]) -> list[AddressOn]:
    return sorted(addresses, key=lambda one: (one.interface, one.address.version, int(one.address.ip)))


# --- routes and rules --------------------------------------------------------------------------------


def _routes(
    current: MachineState, desired: MachineState, owned: Owned
) -> tuple[list[Change], list[RemoveRoute]]:
    """Routes to put and routes to drop; one that ours took the place of comes back where ours goes."""
    ours = {route for route in current.routes if route in owned.routes or route.protocol == ROUTE_PROTOCOL}
    our_keys = {route.key for route in ours}
    returning = {route.key: route for route in owned.replaced if route.key in our_keys}
    wanted = returning | {route.key: route for route in desired.routes}

    def is_met(route: Route, by: Route) -> bool:
        # Whose route it is matters only for one that is given back.
        return by == route if route is returning.get(route.key) else by.leads_like(route)

    put: list[Change] = []
    for route in sorted(wanted.values(), key=str):
        there = [one for one in current.routes if one.key == route.key]
        if any(is_met(route, by=one) for one in there):
            continue
        put.append(ReplaceRoute(route, min(there, key=str)) if there else AddRoute(route))
    replaced = {change.old for change in put if isinstance(change, ReplaceRoute)}
    kept = {one for one in ours for route in wanted.values() if is_met(route, by=one)}
    return put, [RemoveRoute(route) for route in sorted(ours - kept - replaced, key=str)]


def _rules(
    current: MachineState, desired: MachineState, owned: Owned
) -> tuple[list[AddRule], list[RemoveRule]]:
    def lacking(rules: Iterable[RoutingRule], among: Iterable[RoutingRule]) -> list[RoutingRule]:
        there = list(among)
        found = [rule for rule in rules if not any(rule.selects_like(other) for other in there)]
        return sorted(found, key=lambda rule: (rule.priority, str(rule)))

    ours = [rule for rule in current.rules if rule in owned.rules or rule.protocol == ROUTE_PROTOCOL]
    return (
        [AddRule(rule) for rule in lacking(desired.rules, current.rules)],
        [RemoveRule(rule) for rule in lacking(ours, desired.rules)],
    )


# --- sysctls -----------------------------------------------------------------------------------------


def _sysctls(
    current: MachineState, desired: MachineState, owned: Owned
) -> tuple[list[SetSysctl], list[SetSysctl], list[SetSysctl]]:
    """Forwarding that stops, the others, forwarding that begins."""
    early: list[SetSysctl] = []
    others: list[SetSysctl] = []
    late: list[SetSysctl] = []
    for group in _sysctl_groups(current, desired, owned):
        head = group[0]
        if not is_forwarding(head.path):
            others += group
        elif head.value.strip() == "0":
            early += group
        else:
            late += group
    return early, others, late


def _sysctl_groups(current: MachineState, desired: MachineState, owned: Owned) -> Iterator[list[SetSysctl]]:
    """Each change with those it makes necessary: what a broad one overwrites is written again behind it."""
    actual = {sysctl.path: sysctl.value for sysctl in current.sysctls}
    target = _sysctl_target(actual, desired, owned)
    written: set[str] = set()
    for path in sorted(target, key=lambda one: (breadth(one), one)):
        if path in written or _fulfilled(target[path], actual):
            continue
        narrow = [
            name
            for name in sorted(target, key=lambda one: (breadth(one), one))
            if name not in written and any(matches(pattern, name) for pattern in effects(path))
        ]
        written |= {path, *narrow}
        yield [SetSysctl(name, target[name].value) for name in (path, *narrow)]


def _fulfilled(wanted: Sysctl, actual: dict[str, str]) -> bool:
    if wanted.path not in actual:
        return wanted.optional
    return wanted.fulfilled_by(actual[wanted.path])


def _sysctl_target(actual: dict[str, str], desired: MachineState, owned: Owned) -> dict[str, Sysctl]:
    wanted = {one.path: one for one in desired.sysctls if one.path in actual or not one.optional}
    before = {
        previous.path: Sysctl(previous.path, previous.value)
        for previous in owned.sysctls
        if previous.path in actual and not previous.causes & wanted.keys()
    }
    return before | wanted
