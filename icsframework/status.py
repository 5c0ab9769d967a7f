"""The frozen status tree that API, CLI, page, metrics and tests all read.

``to_json`` gives the stable shapes of DESIGN §8: fields may be added, never
renamed.  Times are ISO 8601 in UTC with a Z.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from icsframework.frozen import dataclass
from icsframework.values import Cause


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment of the wall clock, in seconds since 1970.

    As text it is the nearest second: what was reckoned from another clock and back is some microseconds off, and an hour
    that begins at 06:00:00 must not be shown as 05:59:59.
    """

    seconds: float

    def __str__(self) -> str:
        return datetime.fromtimestamp(round(self.seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class PendingReload:
    """A reload on trial: what it changed in words, and when what was before it comes back unless it is confirmed."""

    changes: str
    until: Instant
    seconds_left: float


@dataclass(frozen=True, slots=True)
class ReloadPreview:
    """What a reload would change: in words, on the machine (a line each), and in the packet filter (a unified diff)."""

    changes: str
    machine: tuple[str, ...]
    nft: str


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The daemon: ``state`` is starting, ready or stopping; ``pending`` is a reload that waits to be confirmed."""

    version: str
    state: str
    since: Instant
    pid: int
    config: str
    pending: PendingReload | None = None


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """One uplink.  ``active`` is true for the one that the Internet is reached by now.

    ``since``: it is up or connecting since then; ``stage_since``: its ``stage`` of a connect has begun then.
    ``hangs_up_at``: it is hung up then, if nothing more keeps it up; None if it is not up, or not hung up for quiet.
    ``override``: limits and hours are lifted for this link, by command.
    ``limits`` are empty for one that has no meter, else what gateway/meter.py says: ``rates`` with ``used`` and ``limit``,
    ``hours``, ``refused`` until ``again``, ``warnings``, ``usage``.
    """

    name: str
    plugin: str
    connect: str
    state: str
    stage: str | None
    active: bool
    interface: str | None
    addresses: tuple[str, ...]
    dns: tuple[str, ...]
    mtu: int | None
    metered: bool
    since: Instant | None
    cause: Mapping[str, str] | None
    reason: str | None
    retry_at: Instant | None
    rx_bytes: int
    tx_bytes: int
    limits: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    stage_since: Instant | None = None
    hangs_up_at: Instant | None = None
    override: bool = False


@dataclass(frozen=True, slots=True)
class LanStatus:
    """One LAN: ``services`` maps a plugin's name to its state, ``leases`` counts live leases."""

    name: str
    interface: str
    address: str
    state: str
    reason: str | None
    services: tuple[Mapping[str, Any], ...]
    leases: int


@dataclass(frozen=True, slots=True)
class HelperStatus:
    """One NAT helper: control connections and the ports they hold open now, and how many of both were refused.

    ``state`` is ready; or missing, misconfigured, unsupported or failed, with the reason.
    """

    name: str
    plugin: str
    sessions: int
    expectations: int
    refused: int
    details: Mapping[str, Any] = field(default_factory=dict)
    state: str = "ready"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class HoldStatus:
    """The packets that wait for a link: how many, their octets, how many clients sent them, the oldest one's age in seconds.

    The rest is counted since the start: those ``delivered`` when a link was up, retransmissions of what waited already
    (``duplicates``), those ``dropped`` by reason, those ``refused``, the ICMP errors that were sent for them, and
    (``icmp_withheld``) those that would have been too many or that the kernel did not send.
    ``ready`` false: there is no device that packets could wait in.
    """

    ready: bool
    held: int
    bytes: int
    clients: int
    oldest: float | None
    delivered: int
    duplicates: int
    dropped: Mapping[str, int]
    refused: int
    icmp_sent: int
    icmp_withheld: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that ``ics status`` shows."""

    gateway: GatewayStatus
    uplinks: tuple[UplinkStatus, ...]
    lans: tuple[LanStatus, ...]
    helpers: tuple[HelperStatus, ...]
    mappings: int
    warnings: tuple[str, ...] = ()
    hold: HoldStatus | None = None


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    """One line of ``ics leases``; ``expires`` None means never."""

    address: str
    mac: str
    client_id: str
    hostname: str
    expires: Instant | None
    lan: str


@dataclass(frozen=True, slots=True)
class MappingStatus:
    """One line of ``ics mappings``: ``count`` external ports from ``external_port`` on lead to ``to`` and those after it.

    ``remote`` says who may use it, None for everybody; ``expires`` None means never.  ``once``: each port is used up by
    the first flow that comes.  ``reason`` says why it does not work now, None if it does.
    """

    protocol: str
    uplink: str
    external_port: int
    to: str
    remote: str | None
    owner: str
    expires: Instant | None
    count: int = 1
    once: bool = False
    external_address: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of ``ics history``.  ``time_trusted`` false: the clock could not be right then, and only the order is.

    ``steps`` says how a connect went: each ``{"stage", "seconds"}``, the newest of several equal failures.  Those are
    one entry: so many ``times`` since ``time``, the last one at ``last``.
    ``skipped`` entries of this uplink before this one are not kept, because a day had too many.
    """

    time: Instant
    uplink: str
    event: str
    cause: Mapping[str, str] | None
    reason: str
    time_trusted: bool = True
    steps: tuple[Mapping[str, Any], ...] = ()
    times: int = 1
    last: Instant | None = None
    skipped: int = 0


def cause_to_json(cause: Cause | None) -> dict[str, str] | None:
    """A cause in its stable shape (every field is text, "" if unknown); None stays None."""
    if cause is None:
        return None
    return {
        "client": str(cause.client) if cause.client is not None else "",
        "mac": cause.mac,
        "hostname": cause.hostname,
        "protocol": cause.protocol,
        "destination": cause.destination,
        "name": cause.name,
        "rule": cause.rule,
    }


_TEXTS = (Instant, IPv4Address, IPv6Address, IPv4Interface, IPv6Interface, IPv4Network, IPv6Network)
"""Values that are text in JSON."""


def to_json(value: Any) -> Any:
    """Any value as JSON-able dictionaries, lists, strings and numbers; what has no such shape becomes its text."""
    if isinstance(value, _TEXTS):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)  # figures of a plugin may hold anything
