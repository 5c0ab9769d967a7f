"""Names and addresses as people write them in the configuration.

Pure text in, canonical text or ``ipaddress`` values out, with a FieldError that
says what is accepted.  Nothing is looked up.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

from icsframework.frozen import dataclass
from icsframework.quantities import MAX_TEXT, FieldError, shown
from icsframework.values import Address, Endpoint, InterfaceAddress, Network

__all__ = [
    "PortRange",
    "parse_address",
    "parse_domain",
    "parse_domain_pattern",
    "parse_endpoint",
    "parse_hostname",
    "parse_interface_address",
    "parse_interface_name",
    "parse_ipv4_address",
    "parse_ipv4_interface",
    "parse_ipv6_address",
    "parse_ipv6_interface",
    "parse_mac",
    "parse_name",
    "parse_network",
    "parse_port",
    "parse_port_range",
]

NAME = r"[a-z][a-z0-9-]{0,9}"
"""LANs, uplinks and published services: ``icsu-NAME`` must fit the kernel's 15 characters."""
MAX_INTERFACE = 15
"""Characters of an interface name (IFNAMSIZ - 1)."""
MAX_DOMAIN = 253
"""Characters of a domain name as text (RFC 1035 section 2.3.4)."""

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_HOSTNAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NAME = re.compile(NAME, re.ASCII)
_INTERFACE = re.compile(rf"[A-Za-z0-9_.@+~-]{{1,{MAX_INTERFACE}}}", re.ASCII)
_MAC = re.compile(
    r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.ASCII
)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def _text(value: object, what: str, advice: str) -> str:
    """The stripped text of a scalar that must be a string."""
    if not isinstance(value, str) or len(value) > MAX_TEXT + MAX_DOMAIN:
        raise FieldError(f"{shown(value)} is not {what}", advice)
    return value.strip()


def parse_name(value: object) -> str:
    """A name of a LAN, uplink or published service."""
    advice = "use a letter, then up to 9 of a-z, 0-9 and -, such as home or cable-2"
    text = _text(value, "a name", advice)
    if not _NAME.fullmatch(text):
        raise FieldError(f"{shown(value)} is not a name", advice)
    return text


def parse_interface_name(value: object) -> str:
    """A network interface of the kernel: up to 15 characters.

    The kernel would allow nearly all others too; what is refused here are
    characters that mean something to nft or a shell (quotes, ``*``, ``;``).
    """
    advice = "write the name as ip link shows it, such as eth0"
    text = _text(value, "an interface name", advice)
    if not _INTERFACE.fullmatch(text) or text in (".", ".."):
        raise FieldError(f"{shown(value)} is not an interface name", advice)
    return text


def parse_mac(value: object) -> str:
    """A MAC address, made lower-case with colons: ``02:00:5e:00:53:01``."""
    advice = 'write six pairs of hex digits, such as "02:00:5e:00:53:01"'
    text = _text(value, "a MAC address", advice).lower()
    if not _MAC.fullmatch(text):
        raise FieldError(f"{shown(value)} is not a MAC address", advice)
    digits = re.sub(r"[:.-]", "", text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        raise FieldError(f"{shown(value)} is not the MAC address of one station", advice)
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def parse_hostname(value: object) -> str:
    """One label of a host name (RFC 1123 section 2.1), made lower-case."""
    advice = "use letters, digits and -, such as printer"
    text = _text(value, "a host name", advice).lower()
    if not _HOSTNAME.fullmatch(text):
        raise FieldError(f"{shown(value)} is not a host name", advice)
    return text


def parse_domain(value: object) -> str:
    """A domain name, made lower-case and without its last dot: ``home.arpa``."""
    advice = "write for example home.arpa (names beyond ASCII in their xn-- form)"
    text = _text(value, "a domain name", advice).lower().removesuffix(".")
    if len(text) > MAX_DOMAIN or not _DOMAIN.fullmatch(text):
        raise FieldError(f"{shown(value)} is not a domain name", advice)
    return text


def parse_domain_pattern(value: object) -> str:
    """A domain name, or ``*.`` and a domain name for everything below it."""
    advice = 'write for example telemetry.example or "*.telemetry.example"'
    text = _text(value, "a domain name pattern", advice)
    try:
        return f"*.{parse_domain(text[2:])}" if text.startswith("*.") else parse_domain(text)
    except FieldError:
        raise FieldError(f"{shown(value)} is not a domain name pattern", advice) from None


def parse_address(value: object) -> Address:
    """An IPv4 or IPv6 address without prefix length."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    advice = "write for example 192.168.0.10 or fd00::10"
    text = _text(value, "an IP address", advice)
    try:
        address = ip_address(text)
    except ValueError:
        raise FieldError(f"{shown(value)} is not an IP address", advice) from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise FieldError(f"{shown(value)} names an interface", "write the address without %")
    return address


def parse_ipv4_address(value: object) -> IPv4Address:
    """An IPv4 address."""
    address = parse_address(value)
    if not isinstance(address, IPv4Address):
        raise FieldError(f"{shown(str(value))} is not an IPv4 address", "write for example 192.168.0.10")
    return address


def parse_ipv6_address(value: object) -> IPv6Address:
    """An IPv6 address."""
    address = parse_address(value)
    if not isinstance(address, IPv6Address):
        raise FieldError(f"{shown(str(value))} is not an IPv6 address", "write for example fd00::10")
    return address


def parse_interface_address(value: object) -> InterfaceAddress:
    """An address with the prefix length of its network: ``192.168.0.1/24``, ``fd00::1/64``."""
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    advice = "write for example 192.168.0.1/24 or fd00::1/64"
    text = _text(value, "an address with its prefix length", advice)
    address, slash, _ = text.partition("/")
    if not slash:
        raise FieldError(
            f"{shown(value)} lacks the prefix length",
            f"write for example {address}/24" if ":" not in address else advice,
        )
    try:
        interface = ip_interface(text)
    except ValueError:
        raise FieldError(f"{shown(value)} is not an address with its prefix length", advice) from None
    if isinstance(interface, IPv6Interface) and interface.scope_id is not None:
        raise FieldError(f"{shown(value)} names an interface", "write the address without %")
    return interface


def parse_ipv4_interface(value: object) -> IPv4Interface:
    """An IPv4 address with its prefix length."""
    interface = parse_interface_address(value)
    if not isinstance(interface, IPv4Interface):
        raise FieldError(f"{shown(str(value))} is not an IPv4 address", "write for example 192.168.0.1/24")
    return interface


def parse_ipv6_interface(value: object) -> IPv6Interface:
    """An IPv6 address with its prefix length."""
    interface = parse_interface_address(value)
    if not isinstance(interface, IPv6Interface):
        raise FieldError(f"{shown(str(value))} is not an IPv6 address", "write for example fd00::1/64")
    return interface


def parse_network(value: object) -> Network:
    """A network, or one address: ``10.0.0.0/8``, ``192.0.2.7``, ``fd00::/8``."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    advice = "write for example 10.0.0.0/8, 192.0.2.7 or fd00::/8"
    text = _text(value, "a network", advice)
    try:
        network, address = ip_network(text, strict=False), ip_interface(text).ip
    except ValueError:
        raise FieldError(f"{shown(value)} is not a network", advice) from None
    if "%" in text:
        raise FieldError(f"{shown(value)} names an interface", "write the network without %")
    if address != network.network_address:
        raise FieldError(f"{shown(value)} has bits beyond its prefix length", f"write {network}")
    return network


def parse_port(value: object) -> int:
    """A TCP or UDP port, 1 to 65535."""
    if isinstance(value, str) and _PORT.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise FieldError(f"{shown(value)} is not a port", "write a number from 1 to 65535")
    return value


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports ``first`` to ``last``, both included."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def parse_port_range(value: object) -> PortRange:
    """One port or two with a hyphen: ``80``, ``6112-6119``."""
    if isinstance(value, PortRange):
        return value
    advice = "write a port such as 80, or a range such as 6112-6119"
    first, hyphen, last = str(value).partition("-") if isinstance(value, int | str) else ("", "", "")
    try:
        span = PortRange(parse_port(first), parse_port(last if hyphen else first))
    except FieldError:
        raise FieldError(f"{shown(value)} is not a port or port range", advice) from None
    if span.first > span.last:
        raise FieldError(f"{shown(value)} runs backwards", advice)
    return span


def parse_endpoint(value: object) -> Endpoint:
    """An address and a port: ``192.168.0.10:8080``, ``[fd00::1]:80``."""
    if isinstance(value, Endpoint):
        return value
    advice = 'write for example "192.168.0.10:8080" or "[fd00::1]:80"'
    text = _text(value, "an address with a port", advice)
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or (":" in host) != bracketed:
        raise FieldError(f"{shown(value)} is not an address with a port", advice)
    try:
        return Endpoint(parse_address(host[1:-1] if bracketed else host), parse_port(port))
    except FieldError:
        raise FieldError(f"{shown(value)} is not an address with a port", advice) from None
