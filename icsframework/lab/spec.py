"""What a lab consists of, as frozen values.

A lab is a list of segments (Ethernet switches) and of hosts.  A host has
interfaces on segments, routes, and the services it runs: `dns` and `web`
(Twisted's servers), `ftp` (vsftpd), `dhcp` (dnsmasq), `telephone` (a provider's
PPP server) and `gateway` (the real daemon); and `modems`, from which a telephone can be called.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from icsframework.lab.errors import LabSpecError
from icsframework.lab.reading import Address, InterfaceAddress, Network

__all__ = [
    "DhcpService",
    "DnsService",
    "FtpService",
    "GatewayService",
    "HostSpec",
    "InterfaceSpec",
    "LabSpec",
    "ModemSpec",
    "RouteSpec",
    "TelephoneService",
    "WebService",
]


@dataclass(frozen=True, slots=True)
class InterfaceSpec:
    """One network card of a host and the segment its cable goes to."""

    name: str
    segment: str
    addresses: tuple[InterfaceAddress, ...] = ()
    dhcp: bool = False
    """The lab's own start leaves it without an address; a DHCP client is run on it by hand, by the demo or by `ics lab`."""
    mac: str = ""
    """Empty: 02:00:00:00:HOST:INTERFACE, counted in the order of the file."""
    mtu: int = 1500
    up: bool = True


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A static route; ``to`` None is the default route."""

    to: Network | None
    via: Address


@dataclass(frozen=True, slots=True)
class DnsService:
    """Twisted's DNS server with one table of names (see zone.py for the record texts)."""

    names: tuple[tuple[str, tuple[str, ...]], ...]
    ttl: int = 300
    """Seconds."""


@dataclass(frozen=True, slots=True)
class WebService:
    """Twisted's web server: `/` is ``page``, `/big` is ``big`` bytes (see isp.py), `/ip` the client's address."""

    page: str
    big: int = 10_000_000
    port: int = 80


@dataclass(frozen=True, slots=True)
class FtpService:
    """An anonymous FTP server with one file, `big` of ``size`` bytes (see ftp_server.py)."""

    size: int = 5_000_000
    port: int = 21


@dataclass(frozen=True, slots=True)
class DhcpService:
    """dnsmasq as the provider's DHCP server on one interface."""

    interface: str
    first: Address
    last: Address
    router: Address | None = None
    dns: tuple[Address, ...] = ()
    domain: str = ""
    lease: int = 3600
    """Seconds; dnsmasq gives nothing shorter than 120."""
    options: tuple[str, ...] = ()
    """More DHCP options as dnsmasq writes them, such as `58,10` or `option:mtu,1400`."""


@dataclass(frozen=True, slots=True)
class GatewayService:
    """The real daemon.  ``config`` is its file's text without state and run directory, which the lab adds."""

    config: str
    static: tuple[tuple[str, str], ...] = ()
    """Uplink name and the YAML of its static address, used instead of `address: dhcp` where dnsmasq is not installed."""
    environment: str = ""
    """Directory of the virtual environment whose daemon runs; empty: the one that this program runs in."""


@dataclass(frozen=True, slots=True)
class ModemSpec:
    """A modem on a serial line of a host, `/run/NAME` there, and the line from it to the telephone network."""

    name: str
    kind: str = "hayes"
    """hayes, cellular, or null-modem: a cable to the first provider."""
    rate: int = 0
    """bit/s each way; 0 is without limit."""
    latency: float = 0.0
    """Seconds one way."""
    pin: str = ""
    """Of a cellular modem's SIM; empty: none is asked for."""
    numbers: tuple[tuple[str, str], ...] = ()
    """More numbers, see telephone.numbers; those of the providers, and those that meet a fault, are known."""

    @property
    def device(self) -> str:
        """The name of the serial line on its host."""
        return f"/run/{self.name}"


@dataclass(frozen=True, slots=True)
class TelephoneService:
    """A provider's PPP server that answers the telephone (see telephone.provider)."""

    numbers: tuple[str, ...]
    address: Address
    """The server's."""
    clients: tuple[Address, ...]
    """Those it gives, one for each call at a time.  slirp has its own, 10.0.2.15."""
    dns: tuple[Address, ...] = ()
    auth: str = "chap"
    """none, pap, chap or mschapv2."""
    users: tuple[tuple[str, str], ...] = ()
    """Name and password."""
    server: str = "ics"
    """ics or slirp."""
    options: tuple[str, ...] = ()
    """More of slirp's."""
    delay: float = 0.0
    """Seconds that it lets the telephone ring."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One machine."""

    name: str
    interfaces: tuple[InterfaceSpec, ...] = ()
    routes: tuple[RouteSpec, ...] = ()
    forward: bool = False
    resolver: tuple[Address, ...] = ()
    """What its /etc/resolv.conf names at the start."""
    sysctls: tuple[tuple[str, str], ...] = ()
    dns: DnsService | None = None
    web: WebService | None = None
    ftp: FtpService | None = None
    dhcp: DhcpService | None = None
    gateway: GatewayService | None = None
    modems: tuple[ModemSpec, ...] = ()
    telephone: TelephoneService | None = None
    run: tuple[str, ...] = ()
    """Shell commands started with the host, for whatever else it should do."""

    @property
    def address(self) -> Address:
        """The first static address.  Raises LabSpecError if it has none."""
        for interface in self.interfaces:
            if interface.addresses:
                return interface.addresses[0].ip
        raise LabSpecError(f"host {self.name} has no static address")


@dataclass(frozen=True, slots=True)
class LabSpec:
    """A whole lab."""

    segments: tuple[str, ...]
    hosts: Mapping[str, HostSpec] = field(default_factory=dict)

    def with_host(self, host: HostSpec) -> "LabSpec":
        """The same lab with this host added, or in the place of the one of its name."""
        return replace(self, hosts={**self.hosts, host.name: host})

    def with_gateway_config(self, config: str, name: str = "gateway", environment: str = "") -> "LabSpec":
        """The same lab with another configuration (YAML text) for the daemon on host ``name``."""
        service = GatewayService(config, environment=environment)
        return self.with_host(replace(self.hosts[name], gateway=service))
