"""The section ``uplinks:``: the ways to the Internet, in order of preference."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from icsframework import values
from icsframework.addresses import parse_network
from icsframework.config.common import UNNAMED, Match, PluginName, Tag
from icsframework.fields import (
    Bandwidth,
    CountRate,
    DomainPattern,
    Duration,
    FieldError,
    InterfaceName,
    IpAddress,
    MacAddress,
    Money,
    MoneyRate,
    Name,
    Network,
    OneOrMore,
    PortRange,
    Section,
    SizeRate,
    TimeRate,
    TimeWindow,
    text_type,
)
from icsframework.quantities import shown

__all__ = ["GATEWAY", "Demand", "Limits", "Probe", "Rule", "Shaping", "UplinkSection"]

GATEWAY = "gateway"
"""As the ``client`` of a rule: the gateway itself."""

Group = Literal["broadcast", "dns", "icmp", "llmnr", "mdns", "multicast", "netbios", "ntp", "smb", "ssdp"]
"""Kinds of noise that ``demand.ignore`` knows."""


class Demand(Section):
    """When a link that is dialled on demand comes up and goes down again."""

    idle: Duration = 300.0
    """Hang up after so much quiet."""
    hold: Duration = 60.0
    """How long the first packets are kept while the link comes up."""
    min_up: Duration = 0.0
    """Stay up at least so long."""
    ignore: Annotated[tuple[Group, ...], OneOrMore()] = ()
    """Kinds of traffic that neither wake the link nor keep it up, besides those that never do."""
    hours: Annotated[tuple[TimeWindow, ...], OneOrMore()] = ()
    """Hours of the day when it may be up, whatever connect says, in gateway.timezone; left out, always."""


def parse_client(value: object) -> values.Network | str:
    """Whose traffic a rule is about: an address or network of a LAN, or ``gateway``."""
    if value == GATEWAY:
        return GATEWAY
    try:
        return parse_network(value)
    except FieldError:
        if isinstance(value, str) and value.strip()[:1].isalpha() and ":" not in value:
            advice = "write an address or network of a LAN, or gateway for this machine itself"
            raise FieldError(f"{shown(value)} is not a client", advice) from None
        raise


Client = Annotated[
    values.Network | str,
    text_type(
        parse_client,
        summary="a network or one address, or gateway for this machine itself",
        examples=("192.168.0.0/24", "192.168.0.10", GATEWAY),
    ),
]
"""A Network, or GATEWAY."""


class Rule(Section):
    """One rule of ``wake:`` or ``keep:``; the first whose keys all fit decides."""

    action: Literal["allow", "ignore"] = "allow"
    """Does such traffic count, or not?"""
    client: Client | None = None
    """Traffic from this address or network of a LAN; or from the gateway itself, whose traffic no other rule is about."""
    protocol: Literal["tcp", "udp", "icmp"] | None = None
    """Traffic of this protocol."""
    port: PortRange | None = None
    """Traffic to this port or range of ports."""
    destination: Network | None = None
    """Traffic to this address or network."""
    name: DomainPattern | None = None
    """Lookups of this DNS name, and traffic to what they led to; the other keys are about that traffic."""


class Limits(Section):
    """What a link may cost in each hour, day or month.  Each of the first four is one amount or a list of them."""

    time: Annotated[tuple[TimeRate, ...], OneOrMore()] = ()
    """Time connected."""
    data: Annotated[tuple[SizeRate, ...], OneOrMore()] = ()
    """Bytes in both directions."""
    dials: Annotated[tuple[CountRate, ...], OneOrMore()] = ()
    """Attempts to connect."""
    money: Annotated[tuple[MoneyRate, ...], OneOrMore()] = ()
    """Money, by price and charge_unit."""
    price: Money = Decimal(0)
    """What each charge unit costs."""
    charge_unit: Duration = Field(default=60.0)
    """The time that is charged as a whole once it has begun."""
    billing_day: int = Field(default=1, ge=1, le=31)
    """The day on which a month begins; in shorter months their last day."""


class Probe(Section):
    """How to find out whether a link that is up leads anywhere."""

    targets: Annotated[tuple[IpAddress, ...], OneOrMore()] = ()
    """Addresses to ask; left out, the link's gateway."""
    interval: Duration = 10.0
    """Time between questions."""
    timeout: Duration = 2.0
    """How long to wait for an answer."""
    failures: int = Field(default=3, ge=1, le=100)
    """So many questions in a row without any answer mean that the link is dead."""


class Shaping(Section):
    """The bandwidth of the line, so that the queue is kept here and not in the modem."""

    down: Bandwidth | None = None
    """From the Internet."""
    up: Bandwidth | None = None
    """To the Internet."""


class UplinkSection(Section):
    """The core's keys of an entry of ``uplinks:``; ``own`` is an instance of the plugin's Config."""

    plugin: PluginName
    """The name of an installed uplink plugin."""
    name: Name = UNNAMED
    """Its name; left out, the interface's or plugin's name made to fit."""
    enabled: bool = True
    """false keeps the entry without using it."""
    interface: InterfaceName | None = None
    """The network interface it uses."""
    match: Match | None = None
    """Finds the interface by something else than its name."""
    connect: Literal["always", "demand", "standby", "manual"] = "always"
    """When it is up: always, on demand, when the better ones fail, or when told to."""
    demand: Demand = Field(default_factory=Demand)
    """Dialling on demand."""
    limits: Limits = Field(default_factory=Limits)
    """What it may cost."""
    wake: tuple[Rule, ...] = ()
    """Which traffic wakes it, before the built-in rules."""
    keep: tuple[Rule, ...] = ()
    """Which traffic keeps it up, before the built-in rules."""
    probe: Probe | None = None
    """Find out whether the link leads anywhere."""
    metered: bool = False
    """It costs by time or volume: nothing stays on it when a better link is back."""
    weight: int = Field(default=1, ge=1, le=100)
    """Its share of new flows beside links of the same preference."""
    mtu: int | None = Field(default=None, ge=68, le=65535)
    """The largest packet in bytes; left out, the medium's own."""
    mac: MacAddress | None = None
    """The MAC address to show to the provider; left out, the interface's own."""
    dns: Annotated[tuple[IpAddress, ...], OneOrMore()] = ()
    """DNS servers to use instead of those the link offers."""
    ipv6: bool = False
    """Use IPv6 on it too."""
    vlan: int | None = Field(default=None, ge=1, le=4094)
    """The VLAN on the interface (IEEE 802.1Q)."""
    shaping: Shaping | None = None
    """The bandwidth of the line."""
    tags: tuple[Tag, ...] = ()
    """Labels of your own."""
    own: Any = None
    """The plugin's own keys; no key of the file."""
