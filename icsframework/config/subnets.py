"""Subnets for LANs: which fit, which collide, and a free one for ``address: auto``.  Pure."""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Interface, IPv4Network

from icsframework.config.lans import DEFAULT_ADDRESS
from icsframework.errors import ConfigurationError
from icsframework.values import InterfaceAddress, Network

__all__ = ["LARGEST_PREFIX", "pick_subnet", "unfit_address"]

LARGEST_PREFIX = 30
"""Bits: the gateway, one more host, network and broadcast address need four addresses."""
SMALLEST_PREFIX = 8
"""Bits: the largest private network there is."""

_SPECIAL = {
    IPv4Network("0.0.0.0/8"): "this network itself (RFC 1122)",
    IPv4Network("127.0.0.0/8"): "the loopback network",
    IPv4Network("169.254.0.0/16"): "the link-local network (RFC 3927)",
    IPv4Network("224.0.0.0/4"): "the multicast network",
    IPv4Network("240.0.0.0/4"): "the reserved network",
}


def unfit_address(address: InterfaceAddress) -> tuple[str, str] | None:
    """Why this cannot be the gateway's address on a LAN, and what to write instead; None if it can."""
    network = address.network
    if not isinstance(network, IPv4Network):
        return "only IPv4 addresses have a function yet", "write for example 192.168.0.1/24"
    if not SMALLEST_PREFIX <= network.prefixlen <= LARGEST_PREFIX:
        return (
            f"the prefix length {network.prefixlen} is not between {SMALLEST_PREFIX} and {LARGEST_PREFIX}",
            f"write for example {address.ip}/24",
        )
    for special, name in _SPECIAL.items():
        if network.overlaps(special):
            return f"{network} overlaps {special}, {name}", "take a private network, such as 192.168.0.1/24"
    if address.ip == network.network_address:
        return (
            f"{address.ip} is the network's own address",
            f"write for example {network[1]}/{network.prefixlen}",
        )
    if address.ip == network.broadcast_address:
        return f"{address.ip} is the broadcast address", f"write for example {network[1]}/{network.prefixlen}"
    return None


def pick_subnet(taken: Collection[Network]) -> IPv4Interface:
    """The first private /24 that overlaps none of ``taken``, with the gateway at its first address.

    ``taken`` are all networks known here: of other LANs, of uplinks, of routes.
    Raises ConfigurationError when no private network is left.
    """
    in_use = [network for network in taken if isinstance(network, IPv4Network)]
    for network in _candidates():
        if not any(network.overlaps(other) for other in in_use):
            return IPv4Interface(f"{network[1]}/{network.prefixlen}")
    raise ConfigurationError(
        "address: auto finds no private subnet that is free; give the LAN an address such as 192.168.0.1/24."
    )


def _candidates() -> Iterator[IPv4Network]:
    yield DEFAULT_ADDRESS.network
    yield from _slices("192.168.0.0/16")
    yield from _slices("172.16.0.0/12")
    yield from _slices("10.0.0.0/8")


def _slices(network: str) -> Iterable[IPv4Network]:
    return IPv4Network(network).subnets(new_prefix=24)
