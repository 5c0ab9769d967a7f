"""What the allocator must know of one LAN: the configuration and the LAN as one plain value, addresses as integers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from icsframework.errors import ConfigurationError
from icsframework.protocols.dhcp import options
from icsframework.values import Lan

if TYPE_CHECKING:
    from ics_plugins.lan.dhcp.config import DhcpConfig

SHORTEST_LEASE = 120
"""Seconds; a client may ask for less than is configured, but not so little that it keeps us busy."""
LONGEST_LEASE = 0xFFFFFFFE
"""Seconds; 0xFFFFFFFF would mean for ever (RFC 2131 section 3.3)."""
AUTO_LEASE = 600
"""Seconds, where the LAN's subnet may change (Lan.auto): after a change a client is without network until it asks
again, by broadcast after seven eighths of this."""
MAX_POOL = 65536
"""Addresses in one pool: a /16, more than one link can sensibly hold."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The address, and perhaps the name, that belongs to one client."""

    address: int
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """See the module's docstring.  ``options`` are those for clients, in the order of sending (mask before router)."""

    lan: str
    mac: bytes
    server: int
    network: int
    mask: int
    first: int
    last: int
    lease: int
    options: Mapping[int, bytes]
    by_mac: Mapping[bytes, Reserved]
    by_client: Mapping[bytes, Reserved]
    domain: str = ""
    probe: float = 0.0
    authoritative: bool = False

    def reserved_for(self, client: bytes, chaddr: bytes) -> Reserved | None:
        """The reservation of a client: by its identifier, else by its hardware address."""
        return self.by_client.get(client) or self.by_mac.get(chaddr)

    @property
    def excluded(self) -> frozenset[int]:
        """Addresses that no client gets from the pool: our own, the network's two, and the reserved ones."""
        reserved = (r.address for group in (self.by_mac, self.by_client) for r in group.values())
        return frozenset({self.server, self.network, self.network | ~self.mask & 0xFFFFFFFF, *reserved})

    def is_local(self, address: int) -> bool:
        """True if the address lies in the LAN's subnet."""
        return address & self.mask == self.network


def default_range(address: IPv4Interface) -> tuple[IPv4Address, IPv4Address]:
    """The pool where none is configured: .100 to .199 of a /24, the same share of a larger net, all of a tiny one."""
    net = address.network
    base, size = int(net.network_address), net.num_addresses
    if size <= 16:
        return IPv4Address(base + 1), IPv4Address(base + max(1, size - 2))
    first = base + size * 100 // 256
    last = base + size * 200 // 256 - 1
    return IPv4Address(first), IPv4Address(min(last, first + MAX_POOL - 1))


def settings_for(lan: Lan, config: "DhcpConfig") -> Settings:
    """Bring LAN and configuration together.  Raises ConfigurationError for a LAN without IPv4."""
    address = lan.address
    if not isinstance(address, IPv4Interface):
        raise ConfigurationError(
            f"LAN {lan.name} has the IPv6 address {address}; dhcp needs an IPv4 one: set address to, say, 192.168.0.1/24."
        )
    first, last = _range(address, config)
    by_mac = {_mac(r.mac): Reserved(int(r.address), r.hostname or "") for r in config.reservations if r.mac}
    by_client = {
        bytes.fromhex(r.client_id.replace(":", "")): Reserved(int(r.address), r.hostname or "")
        for r in config.reservations
        if r.client_id
    }
    return Settings(
        lan=lan.name,
        mac=_mac(lan.mac),
        server=int(address.ip),
        network=int(address.network.network_address),
        mask=int(address.netmask),
        first=int(first),
        last=int(last),
        lease=min(LONGEST_LEASE, max(SHORTEST_LEASE, math.floor(_lease(lan, config)))),
        options=_client_options(lan, address, config),
        by_mac=by_mac,
        by_client=by_client,
        domain=config.domain,
        probe=config.probe,
        authoritative=config.authoritative,
    )


def _lease(lan: Lan, config: "DhcpConfig") -> float:
    """What the file says; what it leaves to us is short where the subnet may change."""
    written = "lease" in config.model_fields_set
    return min(config.lease, AUTO_LEASE) if lan.auto and not written else config.lease


def _range(address: IPv4Interface, config: "DhcpConfig") -> tuple[IPv4Address, IPv4Address]:
    """The range of the file, unless the LAN has moved to a subnet of which it is no part."""
    written = config.range
    if written is None or not all(end in address.network for end in written):
        return default_range(address)
    return written


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _client_options(lan: Lan, address: IPv4Interface, config: "DhcpConfig") -> dict[int, bytes]:
    """RFC 2132 section 3.3: the mask comes before the router.  An option without a value is not there (RFC 5625 section 5.2)."""
    ours = address.ip.packed
    found = {
        options.SUBNET_MASK: address.netmask.packed,
        options.ROUTER: ours if config.router is None else config.router.packed,
        options.DNS_SERVER: ours if config.dns is None else options.pack_addresses(config.dns),
        options.DOMAIN_NAME: options.pack_text(config.domain),
        options.BROADCAST_ADDRESS: address.network.broadcast_address.packed,
        options.NTP_SERVER: options.pack_addresses(config.ntp),
    }
    if lan.mtu < 1500:
        found[options.INTERFACE_MTU] = options.pack_u16(lan.mtu)
    found.update(config.packed_options())
    return {code: value for code, value in found.items() if value}
