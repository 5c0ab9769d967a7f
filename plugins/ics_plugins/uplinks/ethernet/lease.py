"""The lease that a DHCP server gave us, read from its message and kept in the journal.  Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import Message
from icsframework.values import Family

SHORTEST_LEASE = 60.0
"""Seconds; a server that gives less (or 0) is taken to mean this, so that it cannot make us shout."""
INFINITE = 0xFFFFFFFF
"""A lease time that never ends (RFC 2131 section 3.3)."""
NEVER = 10 * 365 * 86400.0
"""Seconds that stand for it: no timer of ours need be infinite."""
SMALLEST_MTU = 576
"""Bytes; every IPv4 host must take so much (RFC 791), so a server that says less is not believed."""


class UnusableOffer(WireError):
    """A server's message does not hold a lease that can be used."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What was leased.  ``obtained`` is IClock.now when the request was sent (RFC 2131 section 4.4.5); the rest is seconds from it."""

    address: IPv4Interface
    server: IPv4Address
    routers: tuple[IPv4Address, ...]
    dns: tuple[IPv4Address, ...]
    mtu: int | None
    obtained: float
    duration: float
    renewal: float
    rebinding: float

    @property
    def T1(self) -> float:
        """When to ask the server for more time."""
        return self.obtained + self.renewal

    @property
    def T2(self) -> float:
        """When to ask any server."""
        return self.obtained + self.rebinding

    @property
    def expires(self) -> float:
        """When the address must not be used any more."""
        return self.obtained + self.duration

    def family(self, dns: tuple[Any, ...] = ()) -> Family:
        """As the core wants it; ``dns`` replaces the servers of the lease if there are any."""
        gateway = self.routers[0] if self.routers else None
        return Family((self.address,), gateway, dns or self.dns)


def read_lease(message: Message, obtained: float) -> Lease:
    """The lease in an OFFER or ACK.  Raises UnusableOffer if something is missing or cannot be true."""
    address = IPv4Address(message.yiaddr)
    if not _is_host(address):
        raise UnusableOffer(f"{address} is no address for a host")
    server = _option(message, options.SERVER_IDENTIFIER, options.parse_address)
    if server is None:
        raise UnusableOffer("the server does not say who it is")
    duration = _duration(message)
    renewal, rebinding = _times(message, duration)
    mtu = _option(message, options.INTERFACE_MTU, options.parse_u16)
    return Lease(
        IPv4Interface((address, _prefix_length(message, address))),
        server,
        _routers(message),
        _option(message, options.DNS_SERVER, options.parse_addresses) or (),
        mtu if mtu is not None and mtu >= SMALLEST_MTU else None,
        obtained,
        duration,
        renewal,
        rebinding,
    )


def _option(message: Message, code: int, parse: Any) -> Any:
    value = message.options.get(code)
    return None if value is None else parse(value)


def _is_host(address: IPv4Address) -> bool:
    return not (address.is_multicast or address.is_loopback or address.is_unspecified or address.is_reserved)


def _prefix_length(message: Message, address: IPv4Address) -> int:
    mask = _option(message, options.SUBNET_MASK, options.parse_addresses)
    if mask is None:
        # RFC 950: without a mask, that of the address's class. Such servers are old; /24 and the like are right for them.
        return 8 if address.packed[0] < 128 else 16 if address.packed[0] < 192 else 24
    try:
        return IPv4Network((0, str(mask[0]))).prefixlen
    except ValueError:
        raise UnusableOffer(f"{mask[0]} is no subnet mask") from None


def _duration(message: Message) -> float:
    seconds = _option(message, options.LEASE_TIME, options.parse_u32)
    if seconds is None:
        raise UnusableOffer("the server does not say for how long")
    return NEVER if seconds == INFINITE else max(SHORTEST_LEASE, float(seconds))


def _times(message: Message, duration: float) -> tuple[float, float]:
    """T1 and T2, the server's own where they are in order, else the defaults of RFC 2131 section 4.4.5."""
    renewal = _option(message, options.RENEWAL_TIME, options.parse_u32)
    rebinding = _option(message, options.REBINDING_TIME, options.parse_u32)
    second = float(rebinding) if rebinding is not None else 0.875 * duration
    first = float(renewal) if renewal is not None else min(0.5 * duration, second)
    return (first, second) if 0 < first <= second < duration else (0.5 * duration, 0.875 * duration)


def _routers(message: Message) -> tuple[IPv4Address, ...]:
    """Option 121's default route where there is one: then option 3 is ignored (RFC 3442)."""
    routes = _option(message, options.CLASSLESS_STATIC_ROUTE, options.parse_routes)
    if routes is not None:
        return tuple(router for net, router in routes if net.prefixlen == 0 and int(router))
    return _option(message, options.ROUTER, options.parse_addresses) or ()


# --- the journal ------------------------------------------------------------------------


def to_record(lease: Lease, mac: str, wall: float) -> dict[str, Any]:
    """For the journal.  ``wall`` is the wall clock at ``lease.obtained``, ``mac`` the address it was given to."""
    return {
        "mac": mac,
        "address": str(lease.address),
        "server": str(lease.server),
        "routers": [str(router) for router in lease.routers],
        "dns": [str(server) for server in lease.dns],
        "mtu": lease.mtu,
        "obtained": lease.obtained,
        "wall": wall,
        "times": [lease.renewal, lease.rebinding, lease.duration],
    }


def from_record(record: dict[str, Any]) -> Lease:
    """What ``to_record`` wrote.  Raises ValueError or KeyError for anything else."""
    renewal, rebinding, duration = record["times"]
    return Lease(
        IPv4Interface(record["address"]),
        IPv4Address(record["server"]),
        tuple(IPv4Address(router) for router in record["routers"]),
        tuple(IPv4Address(server) for server in record["dns"]),
        record["mtu"],
        float(record["obtained"]),
        float(duration),
        float(renewal),
        float(rebinding),
    )
