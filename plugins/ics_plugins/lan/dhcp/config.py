"""What an operator can set for the DHCP allocator of a LAN."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Any

from pydantic import Field

from ics_plugins.lan.dhcp.settings import MAX_POOL, SHORTEST_LEASE, default_range
from icsframework.fields import (
    CheckContext,
    DomainName,
    Duration,
    FieldError,
    Finding,
    HostName,
    Ipv4Address,
    LanServiceConfig,
    MacAddress,
    Section,
    text_type,
)
from icsframework.protocols.dhcp import options

MAX_PROBE = 5.0
"""Seconds; a client that waits longer for an offer gives up."""
MAX_OPTION = 255
"""Bytes of one extra option: what every client can take in one piece."""
LONGEST_LEASE = 10 * 365 * 86400.0

OURS = frozenset(
    {
        options.PAD, options.SUBNET_MASK, options.ROUTER, options.DNS_SERVER, options.HOST_NAME,
        options.DOMAIN_NAME, options.NTP_SERVER, options.REQUESTED_ADDRESS, options.LEASE_TIME,
        options.OPTION_OVERLOAD, options.MESSAGE_TYPE, options.SERVER_IDENTIFIER,
        options.PARAMETER_REQUEST_LIST, options.MESSAGE, options.MAX_MESSAGE_SIZE, options.RENEWAL_TIME,
        options.REBINDING_TIME, options.CLIENT_IDENTIFIER, options.CLIENT_FQDN,
        options.RELAY_AGENT_INFORMATION, options.RAPID_COMMIT, options.END,
    }
)  # fmt: skip
"""Options that the protocol or a key of its own decides; ``options`` cannot set them."""


def parse_client_id(value: Any) -> str:
    """A client identifier as ``ics leases`` shows it: octets in hexadecimal with colons."""
    if isinstance(value, str):
        parts = value.lower().split(":")
        if len(parts) > 1 and all(len(p) == 2 and set(p) <= set("0123456789abcdef") for p in parts):
            return ":".join(parts)
    raise FieldError(
        f"{value!r} is no client identifier",
        "write its octets as ics leases shows them, for example 01:02:00:5e:00:53:01",
    )


ClientId = Annotated[
    str,
    text_type(
        parse_client_id,
        summary="a DHCP client identifier (option 61), in hexadecimal",
        examples=("01:02:00:5e:00:53:01",),
    ),
]


class Reservation(Section):
    """An address that belongs to one client, known by its MAC address or its client identifier."""

    mac: MacAddress | None = None
    """Its MAC address, whichever client identifier it sends; or ``client_id``."""
    client_id: ClientId | None = None
    """Its client identifier, as ``ics leases`` shows it; or ``mac``."""
    address: Ipv4Address
    """The address it always gets."""
    hostname: HostName | None = None
    """The name it has in DNS, whatever it calls itself."""


class DhcpConfig(LanServiceConfig):
    """The keys of ``plugin: dhcp``."""

    range: tuple[Ipv4Address, Ipv4Address] | None = None
    """First and last address to give out; derived from the LAN's address if left out."""
    lease: Duration = 43200.0
    """How long a client may use its address without asking again; left out on a LAN with address: auto, 10 minutes."""
    reservations: tuple[Reservation, ...] = ()
    """Addresses that belong to one client each, inside or outside the range."""
    authoritative: bool = False
    """Serve although another DHCP server answers here, and tell unknown clients at once that their address is wrong."""
    domain: DomainName = "home.arpa"
    """The domain that clients are told to look up short names in."""
    router: Ipv4Address | None = None
    """The default router that clients are told; the gateway itself if left out."""
    dns: tuple[Ipv4Address, ...] | None = None
    """The DNS servers that clients are told; the gateway itself if left out."""
    ntp: tuple[Ipv4Address, ...] = ()
    """The time servers that clients are told."""
    probe: Duration = 0.4
    """How long to listen whether somebody uses an address that was never given out; 0 not to ask."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further options by their RFC 2132 name, or ``option-N``."""

    def packed_options(self) -> dict[int, bytes]:
        """The further options by code, as on the wire.  Raises ValueError; ``check`` has found that before."""
        return {code_of(name): pack(code_of(name), value) for name, value in self.options.items()}

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig."""
        yield from self._check_times()
        yield from self._check_options()
        yield from self._check_reservations()
        if context.address is None:
            return
        if not isinstance(context.address, IPv4Interface):
            yield Finding(
                (), f"LAN {context.name} has no IPv4 address", "give it one, such as 192.168.0.1/24"
            )
            return
        if context.address.network.prefixlen > 30:
            yield Finding(
                (), f"{context.address.network} has no room for clients", "use a prefix of 30 or shorter"
            )
            return
        yield from self._check_range(context.address)
        yield from self._check_places(context.address)

    def _check_times(self) -> Iterator[Finding]:
        if not SHORTEST_LEASE <= self.lease <= LONGEST_LEASE:
            yield Finding(
                ("lease",), "a lease takes from two minutes to ten years", "for a home network choose 12h"
            )
        if not 0 <= self.probe <= MAX_PROBE:
            yield Finding(
                ("probe",),
                f"clients do not wait more than {MAX_PROBE:.0f} s for an offer",
                "choose 400ms, or 0",
            )

    def _check_options(self) -> Iterator[Finding]:
        for name, value in self.options.items():
            try:
                pack(code_of(name), value)
            except FieldError as error:
                yield Finding(("options", name), error.problem, error.advice)
        for key in ("dns", "ntp"):
            if len(getattr(self, key) or ()) > MAX_OPTION // 4:
                yield Finding((key,), "too many servers", f"list at most {MAX_OPTION // 4}")

    def _check_reservations(self) -> Iterator[Finding]:
        seen: dict[tuple[str, Any], int] = {}
        for index, entry in enumerate(self.reservations):
            if bool(entry.mac) == bool(entry.client_id):
                yield Finding(
                    ("reservations", index),
                    "a reservation names one client by mac or client_id",
                    "give exactly one of the two",
                )
            for key in ("mac", "client_id", "address", "hostname"):
                value = getattr(entry, key)
                if value and (key, value) in seen:
                    yield Finding(
                        ("reservations", index, key),
                        f"{value} is also in entry {seen[key, value] + 1}",
                        "remove one of the two",
                    )
                seen.setdefault((key, value), index)

    def _check_range(self, address: IPv4Interface) -> Iterator[Finding]:
        if self.range is None:
            return
        first, last = self.range
        for index, end in enumerate(self.range):
            if not _is_host(end, address.network):
                yield Finding(
                    ("range", index),
                    f"{end} is no host address of {address.network}",
                    _hosts(address.network),
                )
                return
        if first > last:
            yield Finding(("range",), f"the range begins at {first} after its end {last}", "swap the two")
        elif int(last) - int(first) >= MAX_POOL:
            yield Finding(("range",), f"a range holds at most {MAX_POOL} addresses", "make it smaller")
        elif first == last == address.ip:
            yield Finding(("range",), f"{first} is the gateway itself", _hosts(address.network))

    def _check_places(self, address: IPv4Interface) -> Iterator[Finding]:
        for index, entry in enumerate(self.reservations):
            path = ("reservations", index, "address")
            if not _is_host(entry.address, address.network):
                yield Finding(
                    path, f"{entry.address} is no host address of {address.network}", _hosts(address.network)
                )
            elif entry.address == address.ip:
                yield Finding(path, f"{entry.address} is the gateway itself", "choose another address")
        if self.router is not None and not _is_host(self.router, address.network):
            yield Finding(
                ("router",), f"{self.router} is no host address of {address.network}", _hosts(address.network)
            )


def _is_host(address: IPv4Address, network: IPv4Network) -> bool:
    return address in network and address not in (network.network_address, network.broadcast_address)


def _hosts(network: IPv4Network) -> str:
    first, last = default_range(IPv4Interface((network.network_address + 1, network.prefixlen)))
    return f"choose it from the LAN, such as {first} to {last}"


# --- further options ---------------------------------------------------------------


def code_of(name: str) -> int:
    """The code of an option by name, or of ``option-N``.  Raises FieldError."""
    kind = options.BY_NAME.get(name)
    digits = name.removeprefix("option-")
    if kind is not None:
        code = kind.code
    elif digits != name and digits.isascii() and digits.isdigit() and 0 < int(digits) < options.END:
        code = int(digits)
    else:
        raise FieldError(
            f"there is no option {name}", f"use option-1 to option-254 or one of {', '.join(options.BY_NAME)}"
        )
    if code in OURS:
        raise FieldError(f"option {name} is decided by the protocol or has a key of its own", "leave it out")
    return code


def pack(code: int, value: Any) -> bytes:
    """The value of an option as written in the file, as on the wire.  Raises FieldError."""
    kind = options.kind_of(code)
    try:
        packed = _packed(kind.shape, value)
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise FieldError(
            f"{value!r} is no value for option {kind.name}", f"write {_HOW_TO_WRITE[kind.shape.name]}"
        ) from error
    if not 0 < len(packed) <= MAX_OPTION:
        raise FieldError(f"option {kind.name} takes 1 to {MAX_OPTION} bytes, not {len(packed)}", "shorten it")
    return packed


def _packed(shape: options.Shape, value: Any) -> bytes:
    if shape is options.BYTES:
        return bytes.fromhex(value.replace(":", ""))
    if shape is options.ADDRESS:
        return shape.pack(IPv4Address(value))
    if shape is options.ADDRESSES:
        return shape.pack([IPv4Address(entry) for entry in _several(value)])
    if shape is options.DOMAINS:
        return shape.pack(_several(value))
    if shape is options.ROUTES:
        return shape.pack([_route(entry) for entry in _several(value)])
    if isinstance(value, bool) is not (shape is options.FLAG):
        raise TypeError("a truth value where none belongs, or the other way round")
    return shape.pack(value)


def _several(value: Any) -> list[str]:
    """A list of texts; one text stands for a list of itself."""
    entries = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(entry, str) for entry in entries):
        raise TypeError("not a list of texts")
    return entries


def _route(text: str) -> options.Route:
    net, _, router = text.partition(" via ")
    return IPv4Network(net.strip()), IPv4Address(router.strip())


_HOW_TO_WRITE = {
    "addresses": "an IPv4 address or a list of them",
    "address": "an IPv4 address",
    "text": "a text of ASCII characters",
    "u8": "a number from 0 to 255",
    "u16": "a number from 0 to 65535",
    "u32": "a number from 0 to 4294967295",
    "flag": "true or false",
    "routes": 'a list of routes such as "10.0.0.0/8 via 192.168.0.2"',
    "domains": "a domain name or a list of them",
    "bytes": 'its octets in hexadecimal, such as "01:0a:ff"',
}
