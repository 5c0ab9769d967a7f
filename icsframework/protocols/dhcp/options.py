"""DHCP options: their codes, the shapes of their values, and how they are laid out (RFC 2132, RFC 3396).

On the wire an option is code, length, value; 0 is padding and 255 the end.  An
option that occurs several times is one long value in pieces (RFC 3396 section 7),
so a message's options are a dictionary from code to bytes whose order is that of
the wire.  ``KINDS`` names every option we know and its shape; what is not in
it is bytes.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from icsframework.errors import WireError
from icsframework.frozen import dataclass

PAD = 0
SUBNET_MASK = 1
ROUTER = 3
DNS_SERVER = 6
HOST_NAME = 12
DOMAIN_NAME = 15
INTERFACE_MTU = 26
BROADCAST_ADDRESS = 28
STATIC_ROUTE = 33
NTP_SERVER = 42
REQUESTED_ADDRESS = 50
LEASE_TIME = 51
OPTION_OVERLOAD = 52
MESSAGE_TYPE = 53
SERVER_IDENTIFIER = 54
PARAMETER_REQUEST_LIST = 55
MESSAGE = 56
MAX_MESSAGE_SIZE = 57
RENEWAL_TIME = 58
REBINDING_TIME = 59
VENDOR_CLASS = 60
CLIENT_IDENTIFIER = 61
TFTP_SERVER_NAME = 66
BOOTFILE_NAME = 67
RAPID_COMMIT = 80
CLIENT_FQDN = 81
RELAY_AGENT_INFORMATION = 82
DOMAIN_SEARCH = 119
CLASSLESS_STATIC_ROUTE = 121
END = 255

MAX_PIECE = 255
"""Bytes of value in one piece of an option: its length is one octet."""

MAX_LABEL = 63
"""Bytes of a DNS label (RFC 1035 section 2.3.4)."""


class MalformedOption(WireError):
    """A DHCP option has a length or a value that its definition does not allow (RFC 2132)."""


# --- layout -----------------------------------------------------------------------


def parse_options(data: bytes, start: int, stop: int, into: dict[int, bytes]) -> None:
    """Read the options in ``data[start:stop]`` into ``into``, appending to what is there (RFC 3396 section 7).

    The end option may be absent, as in fields that are full.  Raises
    MalformedOption if an option reaches past ``stop``.
    """
    at = start
    while at < stop:
        code = data[at]
        if code == END:
            return
        if code == PAD:
            at += 1
            continue
        value = at + 2
        if value > stop:
            raise MalformedOption(f"option {code} has no length")
        at = value + data[at + 1]
        if at > stop:
            raise MalformedOption(f"option {code} reaches past the end of its field")
        if code in into:
            into[code] += data[value:at]
        else:
            into[code] = data[value:at]


def pack_option(code: int, value: bytes) -> bytes:
    """One option, in pieces if it is long (RFC 3396 section 6)."""
    if len(value) <= MAX_PIECE:
        return bytes((code, len(value))) + value
    pieces = (value[at : at + MAX_PIECE] for at in range(0, len(value), MAX_PIECE))
    return b"".join(bytes((code, len(piece))) + piece for piece in pieces)


def pack_options(options: Mapping[int, bytes]) -> bytes:
    """All options in their order, without the end."""
    # One format call for the common short ones: this runs for every reply.
    return b"".join(
        [
            bytes((code, len(value))) + value if len(value) <= MAX_PIECE else pack_option(code, value)
            for code, value in options.items()
        ]
    )


# --- shapes -----------------------------------------------------------------------


def parse_addresses(value: bytes) -> tuple[IPv4Address, ...]:
    """One or more addresses; the length is a multiple of 4 (RFC 2132 section 3.5)."""
    if not value or len(value) % 4:
        raise MalformedOption(f"{len(value)} bytes are no list of addresses")
    return tuple(IPv4Address(address) for address in struct.unpack(f">{len(value) // 4}I", value))


def pack_addresses(addresses: Iterable[IPv4Address]) -> bytes:
    """The opposite of parse_addresses."""
    return b"".join(address.packed for address in addresses)


def parse_address(value: bytes) -> IPv4Address:
    """Exactly one address."""
    return IPv4Address(parse_u32(value))


def pack_address(address: IPv4Address) -> bytes:
    """The opposite of parse_address."""
    return address.packed


def parse_text(value: bytes) -> str:
    """Text without trailing NULs (RFC 2132 section 2); what is not printable ASCII becomes a question mark."""
    text = value.rstrip(b"\0")
    if not text:
        raise MalformedOption("a text of no length")
    return "".join(chr(octet) if 0x20 <= octet < 0x7F else "?" for octet in text)


def pack_text(text: str) -> bytes:
    """The opposite of parse_text, without a NUL."""
    return text.encode("ascii")


def _integers(length: int) -> tuple[Callable[[bytes], int], Callable[[int], bytes]]:
    def parse(value: bytes) -> int:
        """An unsigned integer of a fixed size, most significant octet first."""
        if len(value) != length:
            raise MalformedOption(f"{len(value)} bytes instead of {length}")
        return int.from_bytes(value, "big")

    def pack(number: int) -> bytes:
        """The opposite."""
        return number.to_bytes(length, "big")

    return parse, pack


parse_u8, pack_u8 = _integers(1)
parse_u16, pack_u16 = _integers(2)
parse_u32, pack_u32 = _integers(4)


def parse_flag(value: bytes) -> bool:
    """One octet, 0 or 1."""
    number = parse_u8(value)
    if number > 1:
        raise MalformedOption(f"{number} is neither 0 nor 1")
    return bool(number)


def pack_flag(flag: bool) -> bytes:
    """The opposite of parse_flag."""
    return bytes((flag,))


def parse_bytes(value: bytes) -> bytes:
    """Whatever it is."""
    return value


Route = tuple[IPv4Network, IPv4Address]
"""A destination and its router; 0.0.0.0 as the router means on-link."""


def parse_routes(value: bytes) -> tuple[Route, ...]:
    """Classless static routes: prefix length, significant octets, router (RFC 3442)."""
    routes: list[Route] = []
    at = 0
    while at < len(value):
        length = value[at]
        octets = (length + 7) // 8
        router = at + 1 + octets
        if length > 32 or router + 4 > len(value):
            raise MalformedOption("a classless route has a wrong length")
        net = IPv4Network((value[at + 1 : router].ljust(4, b"\0"), length), strict=False)
        routes.append((net, IPv4Address(value[router : router + 4])))
        at = router + 4
    if not routes:
        raise MalformedOption("no route at all")
    return tuple(routes)


def pack_routes(routes: Iterable[Route]) -> bytes:
    """The opposite of parse_routes."""
    return b"".join(
        bytes((net.prefixlen,)) + net.network_address.packed[: (net.prefixlen + 7) // 8] + router.packed
        for net, router in routes
    )


def parse_domains(value: bytes) -> tuple[str, ...]:
    """A list of domain names in DNS form, compressed or not (RFC 3397)."""
    names: list[str] = []
    at = 0
    while at < len(value):
        labels, at = _labels(value, at)
        names.append(".".join(labels))
    if not names:
        raise MalformedOption("no domain at all")
    return tuple(names)


def _labels(value: bytes, at: int) -> tuple[list[str], int]:
    """The labels of the name at ``at`` and where the next name begins."""
    labels: list[str] = []
    after = -1
    lowest = at
    while True:
        if at >= len(value):
            raise MalformedOption("a domain name does not end")
        length = value[at]
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | value[at + 1] if at + 1 < len(value) else len(value)
            after = at + 2 if after < 0 else after
            if target >= lowest:  # only backwards, so it ends
                raise MalformedOption("a domain name points forward")
            at = lowest = target
        elif length > MAX_LABEL:
            raise MalformedOption("a label is too long")
        elif length == 0:
            return labels, at + 1 if after < 0 else after
        else:
            labels.append(parse_text(value[at + 1 : at + 1 + length]))
            at += 1 + length


def pack_domains(names: Iterable[str]) -> bytes:
    """The opposite of parse_domains, uncompressed."""
    return b"".join(
        b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.rstrip(".").split("."))
        + b"\0"
        for name in names
    )


# --- the table ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """How the value of an option is read and written."""

    name: str
    parse: Callable[[bytes], Any]
    pack: Callable[[Any], bytes]


ADDRESSES = Shape("addresses", parse_addresses, pack_addresses)
ADDRESS = Shape("address", parse_address, pack_address)
TEXT = Shape("text", parse_text, pack_text)
U8 = Shape("u8", parse_u8, pack_u8)
U16 = Shape("u16", parse_u16, pack_u16)
U32 = Shape("u32", parse_u32, pack_u32)
FLAG = Shape("flag", parse_flag, pack_flag)
ROUTES = Shape("routes", parse_routes, pack_routes)
DOMAINS = Shape("domains", parse_domains, pack_domains)
BYTES = Shape("bytes", parse_bytes, parse_bytes)


@dataclass(frozen=True, slots=True)
class OptionKind:
    """One option: code, name as in RFC 2132 (lower case, hyphens), shape."""

    code: int
    name: str
    shape: Shape


_KINDS = (
    OptionKind(SUBNET_MASK, "subnet-mask", ADDRESS),
    OptionKind(2, "time-offset", U32),
    OptionKind(ROUTER, "router", ADDRESSES),
    OptionKind(DNS_SERVER, "dns-server", ADDRESSES),
    OptionKind(7, "log-server", ADDRESSES),
    OptionKind(9, "lpr-server", ADDRESSES),
    OptionKind(HOST_NAME, "host-name", TEXT),
    OptionKind(DOMAIN_NAME, "domain-name", TEXT),
    OptionKind(17, "root-path", TEXT),
    OptionKind(23, "default-ttl", U8),
    OptionKind(INTERFACE_MTU, "interface-mtu", U16),
    OptionKind(BROADCAST_ADDRESS, "broadcast-address", ADDRESS),
    OptionKind(STATIC_ROUTE, "static-route", ADDRESSES),
    OptionKind(40, "nis-domain", TEXT),
    OptionKind(41, "nis-server", ADDRESSES),
    OptionKind(NTP_SERVER, "ntp-server", ADDRESSES),
    OptionKind(43, "vendor-specific", BYTES),
    OptionKind(44, "netbios-name-server", ADDRESSES),
    OptionKind(46, "netbios-node-type", U8),
    OptionKind(REQUESTED_ADDRESS, "requested-address", ADDRESS),
    OptionKind(LEASE_TIME, "lease-time", U32),
    OptionKind(OPTION_OVERLOAD, "option-overload", U8),
    OptionKind(MESSAGE_TYPE, "message-type", U8),
    OptionKind(SERVER_IDENTIFIER, "server-identifier", ADDRESS),
    OptionKind(PARAMETER_REQUEST_LIST, "parameter-request-list", BYTES),
    OptionKind(MESSAGE, "message", TEXT),
    OptionKind(MAX_MESSAGE_SIZE, "max-message-size", U16),
    OptionKind(RENEWAL_TIME, "renewal-time", U32),
    OptionKind(REBINDING_TIME, "rebinding-time", U32),
    OptionKind(VENDOR_CLASS, "vendor-class", TEXT),
    OptionKind(CLIENT_IDENTIFIER, "client-identifier", BYTES),
    OptionKind(TFTP_SERVER_NAME, "tftp-server-name", TEXT),
    OptionKind(BOOTFILE_NAME, "bootfile-name", TEXT),
    OptionKind(RAPID_COMMIT, "rapid-commit", BYTES),
    OptionKind(CLIENT_FQDN, "client-fqdn", BYTES),
    OptionKind(RELAY_AGENT_INFORMATION, "relay-agent-information", BYTES),
    OptionKind(100, "posix-timezone", TEXT),
    OptionKind(101, "tzdb-timezone", TEXT),
    OptionKind(DOMAIN_SEARCH, "domain-search", DOMAINS),
    OptionKind(CLASSLESS_STATIC_ROUTE, "classless-static-route", ROUTES),
    OptionKind(150, "tftp-server-address", ADDRESSES),
    OptionKind(252, "proxy-autoconfiguration", TEXT),
)

KINDS: dict[int, OptionKind] = {kind.code: kind for kind in _KINDS}
"""By code."""

BY_NAME: dict[str, OptionKind] = {kind.name: kind for kind in _KINDS}
"""By name."""


def kind_of(code: int) -> OptionKind:
    """The kind of the option ``code``; one we do not know is ``option-CODE`` and bytes."""
    return KINDS.get(code) or OptionKind(code, f"option-{code}", BYTES)


def listed(requested: Sequence[int], available: Mapping[int, bytes]) -> list[int]:
    """The codes of ``requested`` that are ``available``, each once, in the order asked for (RFC 2131 section 4.3.1)."""
    return [code for code in dict.fromkeys(requested) if code in available]
