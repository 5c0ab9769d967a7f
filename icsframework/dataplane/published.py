"""The services of ``publish:`` as maps and rules.  Pure.

A port stands in a map from (uplink, protocol, external port) to the inside
endpoint, like the ports that are opened while we run.  A range that leads to the
same ports is one rule.  Services that only some clients may use have a map of
their own, which is looked into for those clients only.
"""

from collections.abc import Iterator

from icsframework.dataplane.doors import Published
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Element, Map, Rule, Set
from icsframework.dataplane.scoping import by_uplink, pairs, uplinks_of
from icsframework.frozen import dataclass
from icsframework.values import Network

__all__ = ["BOOKED", "OWN_PORT", "booked_spans", "has_maps", "offers", "own_spans", "published_sets"]

OWN_PORT = "published_own"
"""The map of the external ports that published inside endpoints leave by."""

BOOKED = "published_ports"
"""The set of published external ports."""

_PORT = ("mark", "inet_proto", "inet_service")


@dataclass(frozen=True, slots=True)
class _Group:
    """Services with the same clients, and the name of their map."""

    name: str
    clients: tuple[Network, ...]
    services: tuple[Published, ...]


def has_maps(plane: DataPlane) -> bool:
    """True if a service stands in a map, so that ``published_sets`` are there."""
    return any(_has_map(plane, group) for group in _groups(plane))


def published_sets(plane: DataPlane) -> tuple[Set, ...]:
    """The maps of services and, if there are any, those that keep their ports for them on the way out."""
    maps = [_map(plane, group) for group in _groups(plane) if _has_map(plane, group)]
    if not maps:
        return ()
    rows = [row for service in _mapped(plane) for row in _rows(plane, service)]
    own: dict[tuple[object, ...], Element] = {}
    for mark, service, external, inside in rows:
        key = (mark, service.protocol, service.to.address, inside)
        own.setdefault(key, Element(key, (external,)))
    booked = {(mark, service.protocol, external): None for mark, service, external, _ in rows}
    return (
        *maps,
        Map(
            OWN_PORT,
            ("mark", "inet_proto", "ipv4_addr", "inet_service"),
            tuple(own.values()),
            comment="what is published leaves by its external port",
            data=("inet_service",),
        ),
        Set(BOOKED, _PORT, tuple(map(Element, booked)), comment="external ports that are published"),
    )


def offers(plane: DataPlane) -> Iterator[Rule]:
    """The rules that lead new flows of an uplink (by its connection mark) inside."""
    for group in _groups(plane):
        for client in pairs(group.clients, ()):
            if _has_map(plane, group):
                yield Rule(
                    f"{client}dnat ip to {plane.marks.key()} . meta l4proto . th dport map @{group.name}",
                    f"published for {client.split()[-1]}" if client else "published",
                )
            for service in filter(_is_span, group.services):
                for uplinks in by_uplink(plane, service.uplinks):
                    yield Rule(
                        f"{uplinks}{client}{_span(service, 'dport')} dnat ip to {service.to.address}",
                        f"published: {service.name}",
                    )


def own_spans(plane: DataPlane) -> Iterator[tuple[str, str]]:
    """For each range that is a rule: what its inside host sends from these ports, and the service's name."""
    for service, uplinks in _spans(plane):
        yield f"{uplinks}ip saddr {service.to.address} {_span(service, 'sport')}", service.name


def booked_spans(plane: DataPlane) -> Iterator[tuple[str, str]]:
    """For each range that is a rule: what anybody sends from these ports, and the service's name."""
    for service, uplinks in _spans(plane):
        yield f"{uplinks}{_span(service, 'sport')}", service.name


def _spans(plane: DataPlane) -> Iterator[tuple[Published, str]]:
    for service in filter(_is_span, _services(plane)):
        for uplinks in by_uplink(plane, service.uplinks):
            yield service, uplinks


def _services(plane: DataPlane) -> list[Published]:
    return [service for service in plane.doors.published if service.to.address.version == 4]


def _mapped(plane: DataPlane) -> list[Published]:
    return [service for service in _services(plane) if not _is_span(service)]


def _groups(plane: DataPlane) -> list[_Group]:
    """Services by their clients, those for everybody last: the narrower offer of one port counts for its clients."""
    by_clients: dict[tuple[Network, ...], list[Published]] = {}
    for service in _services(plane):
        by_clients.setdefault(service.clients, []).append(service)
    groups = [
        _Group(f"published_for_{services[0].name}" if clients else "published", clients, tuple(services))
        for clients, services in by_clients.items()
    ]
    return sorted(groups, key=lambda group: not group.clients)


def _is_span(service: Published) -> bool:
    """A range of ports that keep their number."""
    return service.first == service.to.port and service.last > service.first


def _span(service: Published, port: str) -> str:
    return f"{service.protocol} {port} {service.first}-{service.last}"


def _rows(plane: DataPlane, service: Published) -> Iterator[tuple[int, Published, int, int]]:
    """Every port by every uplink: mark, service, external and inside port."""
    for uplink in uplinks_of(plane, service.uplinks):
        for offset in range(service.last - service.first + 1):
            mark = plane.marks.uplink_mark(uplink.index)
            yield mark, service, service.first + offset, service.to.port + offset


def _elements(plane: DataPlane, services: tuple[Published, ...]) -> tuple[Element, ...]:
    """The elements of a map; of two services with one external port the first has it."""
    found: dict[tuple[object, ...], Element] = {}
    for service in services:
        for mark, _, external, inside in _rows(plane, service) if not _is_span(service) else ():
            key = (mark, service.protocol, external)
            found.setdefault(key, Element(key, (service.to.address, inside)))
    return tuple(found.values())


def _has_map(plane: DataPlane, group: _Group) -> bool:
    return any(uplinks_of(plane, one.uplinks) for one in group.services if not _is_span(one))


def _map(plane: DataPlane, group: _Group) -> Map:
    names = ", ".join(service.name for service in group.services if not _is_span(service))
    elements = _elements(plane, group.services)
    return Map(group.name, _PORT, elements, comment=f"published: {names}", data=("ipv4_addr", "inet_service"))
