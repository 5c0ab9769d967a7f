"""The lease that a DHCP server gives: read from its OFFER or ACK, and as a record of the journal.  Pure.

What cannot be true makes the whole message unusable, with a sentence that says why:
another server may do better, and a link configured by half helps nobody.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from icsframework.errors import WireError
from icsframework.protocols.dhcp import options
from icsframework.protocols.dhcp.message import Message

SHORTEST_LEASE = 10.0
"""Seconds; a cable modem that waits for its line gives 30, less than this only a server that wants to keep us busy."""
SHORTEST_RENEWAL = 5.0
"""Seconds to T1 at least, whatever a server says: each renewal costs messages and a write to disk."""
INFINITE = 0xFFFFFFFF
"""A lease time that never ends (RFC 2131 section 3.3)."""
NEVER = 10 * 365 * 86400.0
"""Seconds that stand for it: no timer of ours need be infinite."""
SMALLEST_MTU = 576
"""Bytes; every IPv4 host must take so much (RFC 791), so a server that says less is not believed."""
THIS_NETWORK = IPv4Network("0.0.0.0/8")
"""Addresses that only stand for the sender itself (RFC 1122 section 3.2.1.3)."""


class UnusableOffer(WireError):
    """A server's message does not hold a lease that can be used."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What was leased.

    ``obtained`` is IClock.now when the request was sent (RFC 2131 section 4.4.5); ``duration``,
    ``renewal`` (T1) and ``rebinding`` (T2) are seconds from it.  ``router`` None: all of the
    Internet is on the link (RFC 3442's router 0.0.0.0).
    """

    address: IPv4Interface
    server: IPv4Address
    router: IPv4Address | None
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


def read_lease(message: Message, obtained: float) -> Lease:
    """The lease in an OFFER or ACK.  Raises UnusableOffer, or MalformedOption (both WireError)."""
    address = _address(message)
    server = _option(message, options.SERVER_IDENTIFIER, options.parse_address)
    if server is None or not is_host(server):
        raise UnusableOffer("the server does not say who it is")
    duration = _duration(message)
    renewal, rebinding = _times(message, duration)
    mtu = _option(message, options.INTERFACE_MTU, options.parse_u16)
    dns = _option(message, options.DNS_SERVER, options.parse_addresses) or ()
    return Lease(
        address,
        server,
        _router(message, address.ip),
        tuple(one for one in dict.fromkeys(dns) if is_host(one)),
        mtu if mtu is not None and mtu >= SMALLEST_MTU else None,
        obtained,
        duration,
        renewal,
        rebinding,
    )


def is_host(address: IPv4Address) -> bool:
    """True if it can be the address of one machine."""
    return not (
        address.is_multicast or address.is_loopback or address.is_reserved or address in THIS_NETWORK
    )  # 255.255.255.255 is among the reserved ones


def _option(message: Message, code: int, parse: Any) -> Any:
    value = message.options.get(code)
    return None if value is None else parse(value)


def _address(message: Message) -> IPv4Interface:
    found = IPv4Interface((message.yiaddr, _prefix_length(message)))
    net = found.network
    ends = (net.network_address, net.broadcast_address) if net.prefixlen < 31 else ()
    if not is_host(found.ip) or found.ip in ends:
        raise UnusableOffer(f"{found} is no address for a host")
    return found


def _prefix_length(message: Message) -> int:
    mask = _option(message, options.SUBNET_MASK, options.parse_u32)
    if mask is None:
        # RFC 950: without a mask, that of the address's class. Such servers are old, and so are their networks.
        first = message.yiaddr >> 24
        return 8 if first < 128 else 16 if first < 192 else 24
    length = int(mask).bit_count()
    if mask == 0 or mask != 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF:
        raise UnusableOffer(f"{IPv4Address(mask)} is no subnet mask")
    return length


def _duration(message: Message) -> float:
    seconds = _option(message, options.LEASE_TIME, options.parse_u32)
    if seconds is None:
        raise UnusableOffer("the server does not say for how long")
    if seconds < SHORTEST_LEASE:
        raise UnusableOffer(f"a lease of {seconds} s is too short to be used")
    return NEVER if seconds == INFINITE else float(seconds)


def _times(message: Message, duration: float) -> tuple[float, float]:
    """T1 and T2: the server's own where they are in order, else the defaults of RFC 2131 section 4.4.5."""
    renewal = _option(message, options.RENEWAL_TIME, options.parse_u32)
    rebinding = _option(message, options.REBINDING_TIME, options.parse_u32)
    second = float(rebinding) if rebinding is not None else 0.875 * duration
    first = float(renewal) if renewal is not None else min(0.5 * duration, second)
    first = max(first, SHORTEST_RENEWAL)
    return (first, second) if first <= second < duration else (0.5 * duration, 0.875 * duration)


def _router(message: Message, own: IPv4Address) -> IPv4Address | None:
    """The way to the rest of the world; where there is option 121, option 3 is ignored (RFC 3442)."""
    routes = _option(message, options.CLASSLESS_STATIC_ROUTE, options.parse_routes)
    if routes is not None:
        routers = [router for net, router in routes if net.prefixlen == 0]
        if IPv4Address(0) in routers[:1]:
            return None
    else:
        routers = list(_option(message, options.ROUTER, options.parse_addresses) or ())
    for router in routers:
        if is_host(router) and router != own:
            return IPv4Address(router)
    raise UnusableOffer("the server names no router, so there is no way to the Internet")


# --- the journal ------------------------------------------------------------------------


def to_record(lease: Lease) -> dict[str, Any]:
    """For the journal."""
    return {
        "address": str(lease.address),
        "server": str(lease.server),
        "router": str(lease.router) if lease.router is not None else None,
        "dns": [str(server) for server in lease.dns],
        "mtu": lease.mtu,
        "obtained": lease.obtained,
        "times": [lease.renewal, lease.rebinding, lease.duration],
    }


def from_record(record: dict[str, Any]) -> Lease:
    """What ``to_record`` wrote.  Raises ValueError, KeyError or TypeError for anything else."""
    renewal, rebinding, duration = map(float, record["times"])
    router, mtu = record["router"], record["mtu"]
    return Lease(
        IPv4Interface(record["address"]),
        IPv4Address(record["server"]),
        None if router is None else IPv4Address(router),
        tuple(IPv4Address(server) for server in record["dns"]),
        None if mtu is None else int(mtu),
        float(record["obtained"]),
        duration,
        renewal,
        rebinding,
    )
