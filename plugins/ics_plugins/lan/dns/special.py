"""Domains that are answered here because nobody on the Internet can know them, and addresses that must not come from there."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from icsframework.protocols.dns.name import is_below, name_from_text

__all__ = ["NO_DATA", "NO_SUCH_NAME", "PRIVATE_REVERSE", "PRIVATE_SUFFIXES", "is_private", "zones"]


def zones(*texts: str) -> frozenset[bytes]:
    """Folded wire names."""
    return frozenset(name_from_text(text).lower() for text in texts)


PRIVATE_REVERSE = zones(
    # RFC 6303 section 4.1 and 4.2
    "10.in-addr.arpa", "168.192.in-addr.arpa", "0.in-addr.arpa", "127.in-addr.arpa", "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
    *(f"{n}.172.in-addr.arpa" for n in range(16, 32)),
    # RFC 7793: shared address space
    *(f"{n}.100.in-addr.arpa" for n in range(64, 128)),
    # RFC 6303 sections 4.3 to 4.6
    IPv6Address("::").reverse_pointer, IPv6Address("::1").reverse_pointer, "d.f.ip6.arpa",
    "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa",
)  # fmt: skip
"""Reverse zones of addresses that mean something else in every network."""

NO_SUCH_NAME = zones("invalid", "test", "local", "onion", "alt", "home.arpa")
"""Nothing exists here: RFC 6761 sections 6.2 and 6.4, RFC 6762 section 22.1, RFC 7686, RFC 9476, RFC 8375."""
NO_DATA = zones("resolver.arpa")
"""The name exists, empty: RFC 9462 section 6.4 for resolvers that are not designated."""

PRIVATE_SUFFIXES = zones("internal", "intranet", "private", "corp", "home", "lan", "local", "home.arpa")
"""Top-level domains that nobody can own (RFC 6762 appendix G), so that no attacker can answer for them."""

_PRIVATE_V4 = tuple(
    IPv4Network(net)
    for net in ("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
)
_PRIVATE_V6 = tuple(IPv6Network(net) for net in ("::/127", "fc00::/7", "fe80::/10"))
_MAPPED = ip_network("::ffff:0:0/96")


def _by_first_octet() -> dict[int, tuple[tuple[int, int], ...]]:
    """The private ranges by the first octet of an address, as numbers: this is asked for every address of every answer."""
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for net in _PRIVATE_V4:
        first = net.network_address.packed[0]
        found[first] = (*found.get(first, ()), (int(net.network_address), int(net.broadcast_address)))
    return found


_PRIVATE_RANGES = _by_first_octet()


def is_private(address: IPv4Address | IPv6Address) -> bool:
    """True if a public name has no business with this address (a mapped IPv4 address counts as such)."""
    number = int(address)
    if isinstance(address, IPv6Address):
        if address not in _MAPPED:
            return any(address in net for net in _PRIVATE_V6)
        number &= 0xFFFFFFFF
    return any(first <= number <= last for first, last in _PRIVATE_RANGES.get(number >> 24, ()))


def below_any(name: bytes, domains: frozenset[bytes]) -> bool:
    """True if the folded name is one of the domains or in one."""
    return any(is_below(name, domain) for domain in domains)
