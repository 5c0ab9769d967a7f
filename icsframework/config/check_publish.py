"""Checks over several keys of ``publish:``."""

from collections.abc import Iterator

from icsframework.config.check_lans import lan_networks
from icsframework.config.parts import Parts
from icsframework.config.problem import KeyPath, show_path
from icsframework.config.publish import PublishSection
from icsframework.config.reading import Part
from icsframework.fields import Finding
from icsframework.values import Address, InterfaceAddress

__all__ = ["MAX_MOVED", "check_publish"]

MAX_MOVED = 1024
"""Ports of a range that get other numbers: each is three elements of the packet filter an uplink; a range that keeps its numbers is one rule."""


def check_publish(parts: Parts) -> Iterator[Finding]:
    """Targets are inside a LAN, and each port of an uplink leads to one place."""
    for index, published in enumerate(parts.publish):
        yield from _target(parts, published)
        yield from _clash(published, parts.publish[:index])


def _target(parts: Parts, published: Part[PublishSection]) -> Iterator[Finding]:
    section = published.sound("to", "port")
    if section is None:
        return
    path = (*published.path, "to")
    last = section.inside.port + section.port.last - section.port.first
    if last > 65535:
        yield Finding(path, f"the last port of the range would be {last}", "choose a lower port")
    count = section.port.last - section.port.first + 1
    if section.inside.port != section.port.first and count > MAX_MOVED:
        yield Finding(
            path,
            f"{count} ports would lead to ports with other numbers; {MAX_MOVED} is the most",
            "keep the numbers: write the address alone",
        )
    known = [lan.core.sound("address") for lan in parts.lans]
    if any(lan is None or lan.address is None for lan in known):
        return  # a subnet that is not known may hold the target
    networks = [network for _, network in lan_networks(parts)]
    if not any(section.to.address in network for network in networks):
        listed = ", ".join(str(network) for network in networks)
        yield Finding(path, f"{section.to.address} is in no LAN", f"write an address in {listed or 'a LAN'}")
    for lan in known:
        if lan is not None and lan.address is not None and section.to.address in lan.address.network:
            yield from _no_host(path, section.to.address, lan.address)


def _no_host(path: KeyPath, target: Address, gateway: InterfaceAddress) -> Iterator[Finding]:
    if target == gateway.ip:
        yield Finding(path, f"{target} is the gateway itself", "write the address of a host of the LAN")
    elif target == gateway.network.broadcast_address or target == gateway.network.network_address:
        yield Finding(path, f"{target} is no host's address", f"write another one in {gateway.network}")


def _clash(published: Part[PublishSection], earlier: tuple[Part[PublishSection], ...]) -> Iterator[Finding]:
    section = published.sound("port", "protocol", "uplinks")
    if section is None:
        return
    for other_part in earlier:
        other = other_part.sound("port", "protocol", "uplinks")
        if other is None or other.protocol != section.protocol:
            continue
        apart = section.uplinks and other.uplinks and set(section.uplinks).isdisjoint(other.uplinks)
        if not apart and section.port.first <= other.port.last and other.port.first <= section.port.last:
            message = (
                f"{section.protocol} port {section.port} is already published by {show_path(other_part.path)}"
            )
            yield Finding((*published.path, "port"), message, "choose another port, or other uplinks")
            return
