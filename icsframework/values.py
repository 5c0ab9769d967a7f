"""The frozen values that cross contracts.

Everything here is immutable, comparable and free of I/O.  Times are seconds
(float) of ``IClock.now()``, which counts CLOCK_BOOTTIME, unless a name says
otherwise; sizes are bytes; addresses are ``ipaddress`` objects of either
family.  These names are promises for life: fields may be added with a default,
never removed or given another meaning.
"""

from collections.abc import Callable
from dataclasses import field
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, Literal

from icsframework.frozen import dataclass

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One end of a transport flow: an address and a port (0..65535)."""

    address: Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


# --- plugins ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a factory's ``prepare`` says of itself on this machine.

    ``kind`` is one of ready, misconfigured, missing, unsupported; ``reason`` is
    a sentence for the operator and ``remedy`` what to do about it (may be "").
    """

    kind: Literal["ready", "misconfigured", "missing", "unsupported"]
    reason: str = ""
    remedy: str = ""

    @classmethod
    def ready(cls) -> "Readiness":
        """Everything the plugin needs is here."""
        return cls("ready")

    @classmethod
    def misconfigured(cls, why: str) -> "Readiness":
        """The plugin's own keys cannot work together, or not on this machine."""
        return cls("misconfigured", why)

    @classmethod
    def missing(cls, what: str, how_to_get_it: str) -> "Readiness":
        """A program, library or device is absent."""
        return cls("missing", what, how_to_get_it)

    @classmethod
    def unsupported(cls, why: str) -> "Readiness":
        """This kernel or platform cannot do it at all."""
        return cls("unsupported", why)

    @property
    def is_ready(self) -> bool:
        """True if the plugin may be created."""
        return self.kind == "ready"


@dataclass(frozen=True, slots=True)
class Applied:
    """``reconfigure`` took the new settings while running."""


@dataclass(frozen=True, slots=True)
class RestartMe:
    """``reconfigure`` cannot do it in place: stop, create anew, start."""


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """What ``prepare`` may look at: facts about this machine, gathered by the core without changing it."""

    privileged: bool
    """True if CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE are held."""
    kernel: str
    find_program: Callable[[str], str | None]
    """Path of a program in the daemon's PATH or the sbin directories, or None."""


# --- LANs ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lan:
    """A network behind the gateway, as it stands now.

    ``address`` is the gateway's own address there with the prefix length;
    ``ifindex`` and ``mac`` are those of the interface at this moment.  ``auto`` says
    that the address was chosen by us and may become another one while the LAN is
    in use: what its hosts are told of it should not be told for long.
    """

    name: str
    interface: str
    ifindex: int
    mac: str
    address: InterfaceAddress
    mtu: int = 1500
    auto: bool = False

    @property
    def network(self) -> Network:
        """The subnet that the LAN's hosts live in."""
        return self.address.network


# --- uplinks --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prefix:
    """A delegated or on-link IPv6 prefix (or an IPv4 one) with its lifetimes; None means for ever."""

    net: Network
    preferred_until: float | None = None
    valid_until: float | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """What an uplink got for one IP family.

    ``gateway`` is None on a point-to-point link, where the default route needs
    only the interface.  ``dns`` are the servers learned on this link.
    """

    addresses: tuple[InterfaceAddress, ...]
    gateway: Address | None
    dns: tuple[Address, ...] = ()
    prefixes: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A live uplink.  The plugin made the interface; only the core sets addresses, routes and rules on it.

    ``parent`` is the interface below (the Ethernet device of a PPPoE session),
    or None.  ``carrier`` says who moves the bytes: the kernel, this process
    (inline), the pump process, or an eBPF program.  ``since`` is when it came
    up.  A Link is announced again while up whenever something in it changes.
    """

    interface: str
    ifindex: int
    parent: str | None
    kind: Literal["ethernet", "ppp"]
    carrier: Literal["kernel", "inline", "pump", "ebpf"]
    mtu: int
    metered: bool
    since: float
    v4: Family | None
    v6: Family | None = None

    @property
    def families(self) -> tuple[Family, ...]:
        """The families this link carries, IPv4 first."""
        return tuple(f for f in (self.v4, self.v6) if f is not None)


@dataclass(frozen=True, slots=True)
class Absent:
    """The device is not there; ``reason`` names it."""

    reason: str
    name = "absent"


@dataclass(frozen=True, slots=True)
class Down:
    """Not connected and not trying."""

    reason: str = ""
    name = "down"


@dataclass(frozen=True, slots=True)
class Connecting:
    """On the way; ``stage`` is a word or two for people, such as ``dhcp discover`` or ``authenticating``."""

    stage: str
    name = "connecting"


@dataclass(frozen=True, slots=True)
class Up:
    """Connected."""

    link: Link
    name = "up"


@dataclass(frozen=True, slots=True)
class Failed:
    """The last try failed; ``retry_at`` (seconds of IClock.now) is when the next is due, None for never by itself."""

    reason: str
    retry_at: float | None = None
    name = "failed"


@dataclass(frozen=True, slots=True)
class Armed:
    """Down, and brought up by traffic or by the failure of a better link (said by the policy, never by a plugin)."""

    reason: str = ""
    name = "armed"


@dataclass(frozen=True, slots=True)
class Cooling:
    """Waiting before the next try (policy)."""

    reason: str
    retry_at: float
    name = "cooling"


@dataclass(frozen=True, slots=True)
class Refused:
    """A limit or a rule forbids it; the reason contains the key that decided (``limits.time``, ``hours``).

    As an uplink's state it comes from the policy; as the answer to ``Open`` it says why no mapping was granted.
    """

    reason: str
    retry_at: float | None = None
    name = "refused"


UplinkState = Absent | Down | Connecting | Up | Failed
"""What a plugin may report to its observer."""

ShownState = UplinkState | Armed | Cooling | Refused
"""What status shows: a plugin's state or the policy's."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the Internet was wanted; kept in history with every connect.

    All fields are optional except ``rule``: the configured rule or command that
    let it happen (``always``, ``manual``, ``demand.wake``, ...).
    """

    rule: str
    client: Address | None = None
    mac: str = ""
    hostname: str = ""
    protocol: str = ""
    destination: str = ""
    name: str = ""

    def __str__(self) -> str:
        who = self.hostname or (str(self.client) if self.client is not None else "")
        what = " ".join(part for part in (self.protocol, self.name or self.destination) if part)
        return ", ".join(part for part in (self.rule, who, what) if part)


@dataclass(frozen=True, slots=True)
class UplinkView:
    """An uplink as others see it: its name, state and, while up, link and mark."""

    name: str
    state: ShownState
    active: bool = False
    mark: int = 0
    """Value for SO_MARK that makes a socket's packets leave by this uplink (already shifted and masked)."""

    @property
    def link(self) -> Link | None:
        """The live link, or None."""
        return self.state.link if isinstance(self.state, Up) else None


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """One entry of ``uplinks:`` as its plugin gets it: the core's keys that concern it, and the plugin's own.

    ``own`` is an instance of the factory's ``Config``.  ``mac`` is the address
    the interface shall use ("" for its own); ``mtu`` None means the medium's own.
    """

    name: str
    interface: str
    own: Any
    metered: bool = False
    mtu: int | None = None
    mac: str = ""
    dns: tuple[Address, ...] = ()
    mark: int = 0


# --- leases and names -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A DHCP lease as status and other plugins see it; ``expires`` is in seconds of IClock.now, None for ever."""

    address: Address
    mac: str
    client_id: str
    hostname: str
    expires: float | None
    lan: str


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A local name and its addresses, published by ``owner``."""

    owner: str
    host: str
    addresses: tuple[Address, ...]
    ttl: int


# --- host resources ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InterfaceInfo:
    """A network interface of this machine at this moment."""

    name: str
    ifindex: int
    mac: str
    mtu: int
    up: bool
    carrier: bool
    addresses: tuple[InterfaceAddress, ...] = ()
    kind: str = ""
    """The kernel's link kind: "", "veth", "bridge", "tun", ..."""
    permanent_mac: str = ""
    """The address that the device was made with, whatever it shows now; "" if it has none (most virtual devices)."""


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """What an AF_PACKET socket lets through: UDP to ``udp_port``, or all frames of the ethertype.

    The kernel filters, so the rest never wakes Python.
    """

    ethertype: int
    udp_port: int | None = None


# --- NAT helpers -----------------------------------------------------------------------

Protocol = Literal["tcp", "udp"]


class Side(Enum):
    """Whose half of a flow: the client opened it, the server was called."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


@dataclass(frozen=True, slots=True)
class Flow:
    """A control connection that a helper watches.

    ``client`` opened it and ``server`` was called, as each knows itself.  ``outside`` is the gateway's own endpoint
    towards the Internet for this flow; ``uplink`` the uplink it is bound to for life.  Outbound the client is
    behind the gateway, inbound (a published service) the server is.
    """

    protocol: Protocol
    client: Endpoint
    server: Endpoint
    outside: Endpoint
    uplink: str
    direction: Literal["outbound", "inbound"] = "outbound"

    @property
    def inside(self) -> Endpoint:
        """The end that is behind the gateway: the only host that mappings of this flow may lead to."""
        return self.client if self.direction == "outbound" else self.server

    @property
    def peer(self) -> Endpoint:
        """The end in the Internet: the only host that may use them."""
        return self.server if self.direction == "outbound" else self.client


@dataclass(frozen=True, slots=True)
class Mapping:
    """An external port that leads to an inside endpoint; ``remote`` limits who may use it.

    ``external`` is the uplink's address and the first port, ``to`` the inside end of that port; ``count`` says how
    many consecutive ports lead to as many consecutive ones.  ``once``: an expectation, used up port by port by the
    first flow that comes.  ``expires`` is in seconds of IClock.now, None for never.
    """

    protocol: Protocol
    uplink: str
    external: Endpoint
    to: Endpoint
    remote: Address | None
    owner: str
    expires: float | None
    count: int = 1
    once: bool = False


SessionFactory = Callable[[Flow], Any]
"""Makes an ISession for one flow."""


@dataclass(frozen=True, slots=True)
class KernelHelper:
    """The kernel's own conntrack helper ``name`` for traffic to ``ports``."""

    name: str
    protocol: Protocol
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StreamProxy:
    """A TCP control channel to ``ports`` passes through ``session(flow)``."""

    ports: tuple[int, ...]
    session: SessionFactory
    direction: Literal["outbound", "inbound"] = "outbound"
    fail: Literal["open", "closed"] = "closed"


@dataclass(frozen=True, slots=True)
class DatagramProxy:
    """The same for UDP."""

    ports: tuple[int, ...]
    session: SessionFactory
    fail: Literal["open", "closed"] = "open"


@dataclass(frozen=True, slots=True)
class PortSpan:
    """Ports ``first``..``last`` (inclusive) of one protocol."""

    protocol: Protocol
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PortTrigger:
    """Traffic out to ``outbound`` opens ``inbound`` in to the same host, in the kernel.

    It stays open while such traffic goes on and ``lifetime`` seconds longer.  The first host has it until then.
    ``name`` tells it from the helper's other triggers (letters, digits, ``_``, ``.`` and ``-``).
    """

    name: str
    outbound: tuple[PortSpan, ...]
    inbound: tuple[PortSpan, ...]
    lifetime: float


@dataclass(frozen=True, slots=True)
class EndpointIndependent:
    """RFC 4787 endpoint-independent mapping and filtering for these clients and local ports."""

    clients: tuple[Network, ...]
    ports: tuple[PortSpan, ...]


Attachment = KernelHelper | StreamProxy | DatagramProxy | PortTrigger | EndpointIndependent


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes to one side."""

    side: Side
    data: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Ask for an external port that leads to ``to``; answered by ``opened(token, ...)``.

    ``remote`` is the only address that may use it (None: anybody), ``count``
    consecutive ports are wanted, ``parity`` keeps odd/even, ``lifetime`` is in seconds.
    ``once`` (an expectation): each port is used up by the first flow that comes.  The inside
    port is kept as the external one where that is free and not below 1024.
    """

    token: Any
    protocol: Protocol
    to: Endpoint
    remote: Address | None
    count: int = 1
    parity: bool = False
    lifetime: float = 60.0
    once: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    """Give back what ``Open`` with this token got."""

    token: Any


@dataclass(frozen=True, slots=True)
class StepAside:
    """Relay the rest untouched; the session is not called again."""


@dataclass(frozen=True, slots=True)
class End:
    """Close both sides; ``reason`` goes to log and counters."""

    reason: str


Action = Send | Open | Close | StepAside | End


# --- events and status ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a catalogue id (events.py), who said it, fields, when (wall clock), sequence number."""

    id: str
    owner: str
    fields: dict[str, Any] = field(default_factory=dict)
    wall: float = 0.0
    seq: int = 0
