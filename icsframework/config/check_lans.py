"""Checks over several keys of ``lans:``: addresses, interfaces, services."""

from collections.abc import Iterator

from icsframework.config.parts import LanPart, Parts
from icsframework.config.problem import KeyPath, show_path
from icsframework.config.subnets import unfit_address
from icsframework.fields import Finding
from icsframework.quantities import shown
from icsframework.values import Network

__all__ = ["check_lans", "lan_networks"]


def check_lans(parts: Parts) -> Iterator[Finding]:
    """Everything about LANs that one key alone does not show."""
    for lan in parts.lans:
        yield from _device(lan)
        yield from _reach(lan)
        yield from _services(lan)
    yield from _addresses(parts)
    yield from _interfaces(parts)


def lan_networks(parts: Parts) -> Iterator[tuple[KeyPath, Network]]:
    """The subnets of the LANs whose address is written in the file and could be read."""
    for lan in parts.lans:
        section = lan.core.sound("address")
        if section is not None and section.address is not None:
            yield (*lan.core.path, "address"), section.address.network


def _device(lan: LanPart) -> Iterator[Finding]:
    section = lan.core.sound("interface", "match", "bridge")
    if section is None:
        return
    given = [key for key in ("interface", "match", "bridge") if getattr(section, key) is not None]
    if not given:
        yield Finding(
            (*lan.core.path, "interface"), "is missing", "name the interface of this LAN, such as eth1"
        )
    elif len(given) > 1:
        message = f"{' and '.join(given)} exclude each other"
        yield Finding((*lan.core.path, given[1]), message, f"keep only one of them, such as {given[0]}")


def _reach(lan: LanPart) -> Iterator[Finding]:
    section = lan.core.sound("reach", "name")
    if section is not None and section.name in section.reach:
        path = (*lan.core.path, "reach", section.reach.index(section.name))
        yield Finding(path, "a LAN always reaches itself", "remove it")


def _services(lan: LanPart) -> Iterator[Finding]:
    first: dict[str, KeyPath] = {}
    for service in lan.services:
        section = service.core.sound("plugin", "enabled")
        if section is None or not section.enabled or service.own.value is None:
            continue
        if section.plugin in first:
            message = (
                f"{shown(section.plugin)} serves this LAN already, by {show_path(first[section.plugin])}"
            )
            yield Finding((*service.path, "plugin"), message, "remove one of them")
        first.setdefault(section.plugin, service.path)


def _addresses(parts: Parts) -> Iterator[Finding]:
    seen: list[tuple[KeyPath, Network]] = []
    for lan in parts.lans:
        section = lan.core.sound("address")
        if section is None or section.address is None:
            continue
        path: KeyPath = (*lan.core.path, "address")
        if (unfit := unfit_address(section.address)) is not None:
            yield Finding(path, *unfit)
            continue
        network = section.address.network
        for other_path, other in seen:
            if network.version == other.version and network.overlaps(other):
                advice = "give one of them another subnet, or write address: auto"
                yield Finding(path, f"{network} overlaps {other} of {show_path(other_path[:-1])}", advice)
                break
        seen.append((path, network))


def _interfaces(parts: Parts) -> Iterator[Finding]:
    """Each interface is used once, counting LANs, bridges and enabled uplinks; VLANs of one interface are several."""
    first: dict[tuple[str, int | None], KeyPath] = {}
    for path, device, vlan in _uses(parts):
        if device == "lo":
            yield Finding(path, "lo is the loopback interface", "name the interface of a network")
        elif (device, vlan) in first:
            user = show_path(first[device, vlan])
            yield Finding(
                path, f"the interface {shown(device)} is already used by {user}", "name another interface"
            )
        first.setdefault((device, vlan), path)


def _uses(parts: Parts) -> Iterator[tuple[KeyPath, str, int | None]]:
    for lan in parts.lans:
        section = lan.core.value
        if section is None:
            continue
        if section.interface is not None:
            yield (*lan.core.path, "interface"), section.interface, None
        if section.match is not None:
            yield (*lan.core.path, "match", "mac"), section.match.mac, None
        if section.bridge is not None:
            yield (*lan.core.path, "bridge", "name"), section.bridge.name, None
            for index, port in enumerate(section.bridge.ports):
                yield (*lan.core.path, "bridge", "ports", index), port, None
    for uplink in parts.uplinks:
        link = uplink.core.sound("enabled", "vlan")
        if link is None or not link.enabled:
            continue
        if link.interface is not None:
            yield (*uplink.path, "interface"), link.interface, link.vlan
        if link.match is not None:
            yield (*uplink.path, "match", "mac"), link.match.mac, link.vlan
