"""Configuration types and base classes for everybody's models.

A plugin's keys are a pydantic model, a subclass of UplinkConfig,
LanServiceConfig or NatHelperConfig (all of them PluginConfig)::

    class LeaseConfig(LanServiceConfig):
        lease: Duration = 43200.0                      # seconds; written 12h in the file
        servers: tuple[Ipv4Address, ...] = ()

Such a model is frozen, refuses keys it does not know, and takes neither "5" for
5 nor 1 for true.  Sections inside a plugin's keys derive from Section.  The types
below are ordinary Python types for a type checker (Duration is a float of
seconds, Size an int of bytes, ...); each accepts the spelling of the file or a
value that already has the type, says in its error what to write, shows itself
in the JSON schema with an example, and is written back as text by
``model_dump(mode="json")``.

No Twisted, no sockets: a model can be checked anywhere.
"""

from collections.abc import Callable
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Annotated, Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from icsframework import addresses, quantities, values
from icsframework.quantities import FieldError, Period, Rate
from icsframework.secret import Secret as SecretValue
from icsframework.secret import SecretUnavailable
from icsframework.sections import (
    CheckContext,
    Finding,
    LanServiceConfig,
    NatHelperConfig,
    PluginConfig,
    Section,
    UplinkConfig,
)

__all__ = [
    "Bandwidth",
    "CheckContext",
    "CountRate",
    "DomainName",
    "DomainPattern",
    "Duration",
    "Endpoint",
    "FieldError",
    "Finding",
    "HostName",
    "InterfaceAddress",
    "InterfaceName",
    "IpAddress",
    "Ipv4Address",
    "Ipv4Interface",
    "Ipv6Address",
    "Ipv6Interface",
    "LanServiceConfig",
    "MacAddress",
    "Money",
    "MoneyRate",
    "Name",
    "NatHelperConfig",
    "Network",
    "OneOrMore",
    "Period",
    "PluginConfig",
    "Port",
    "PortRange",
    "Rate",
    "Secret",
    "SecretUnavailable",
    "SecretValue",
    "Section",
    "Size",
    "SizeRate",
    "TimeRate",
    "TimeWindow",
    "UplinkConfig",
    "text_type",
]


class text_type:  # noqa: N801 - used as an annotation, like a function
    """Makes a configuration type of a pair of functions: ``Annotated[float, text_type(parse, show, example=...)]``.

    ``parse`` takes whatever the file holds (or a value that already has the
    type) and raises ValueError, best a FieldError; ``show`` writes it back.
    """

    def __init__(
        self,
        parse: Callable[[Any], Any],
        show: Callable[[Any], Any] = str,
        *,
        summary: str,
        examples: tuple[Any, ...],
        json_types: tuple[str, ...] = ("string",),
    ) -> None:
        self.parse = parse
        self.show = show
        self.schema: dict[str, Any] = {
            "type": json_types[0] if len(json_types) == 1 else list(json_types),
            "description": summary,
            "examples": list(examples),
        }

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # One call of a plain function a value: nothing of the annotated Python type is built or tried.
        return core_schema.no_info_plain_validator_function(
            self.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.show, when_used="json-unless-none"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)


class OneOrMore:
    """Lets a list of one stand without brackets: ``Annotated[tuple[IpAddress, ...], OneOrMore()]``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._as_list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # The schema given is that of the function; the list's own is the one inside.
        inner = handler(cast("core_schema.BeforeValidatorFunctionSchema", schema)["schema"])
        return {"anyOf": [inner["items"], inner]}

    @staticmethod
    def _as_list(value: Any) -> Any:
        return [value] if isinstance(value, str | dict | int | float) else value


Duration = Annotated[
    float,
    text_type(
        quantities.parse_duration,
        quantities.format_duration,
        summary="a duration; a plain number counts seconds",
        examples=("90s", "12h", "1h30m"),
        json_types=("string", "number"),
    ),
]
"""Seconds."""

Size = Annotated[
    int,
    text_type(
        quantities.parse_size,
        quantities.format_size,
        summary="a size (MB = 10^6, MiB = 2^20 bytes); a plain number counts bytes",
        examples=("500MB", "10MiB"),
        json_types=("string", "integer"),
    ),
]
"""Bytes."""

Bandwidth = Annotated[
    int,
    text_type(
        quantities.parse_bandwidth,
        quantities.format_bandwidth,
        summary="a bandwidth in bits per second",
        examples=("20Mbit/s", "512kbit/s"),
    ),
]
"""Bits per second."""

Money = Annotated[
    Decimal,
    text_type(
        quantities.parse_money,
        summary="an amount of money in your currency",
        examples=(10, 0.02),
        json_types=("number", "string"),
    ),
]
"""An amount in the operator's own currency."""


def _rate(parse: Callable[[Any], Any], show: Callable[[Any], str], what: str, *examples: str) -> text_type:
    return text_type(
        lambda value: quantities.parse_rate(value, parse, examples[0]),
        lambda rate: quantities.format_rate(rate, show),
        summary=f"{what} per hour, day or month",
        examples=examples,
    )


TimeRate = Annotated[
    Rate[float],
    _rate(quantities.parse_duration, quantities.format_duration, "a duration", "2h/day", "20h/month"),
]
"""Seconds in each period."""
SizeRate = Annotated[
    Rate[int], _rate(quantities.parse_size, quantities.format_size, "a size", "500MB/month", "10MB/hour")
]
"""Bytes in each period."""
CountRate = Annotated[Rate[int], _rate(quantities.parse_count, str, "a number", "20/hour", "100/day")]
"""How often in each period."""
MoneyRate = Annotated[
    Rate[Decimal], _rate(quantities.parse_money, str, "an amount of money", "10/month", "1.50/day")
]
"""Money in each period."""

TimeWindow = Annotated[
    quantities.TimeWindow,
    text_type(
        quantities.parse_time_window, summary="hours of the day", examples=("06:00-23:00", "22:00-06:00")
    ),
]
"""A window of the day; it may pass midnight."""

Secret = Annotated[
    SecretValue,
    text_type(
        SecretValue.parse,
        SecretValue.to_plain,
        summary="a secret: a plain string, {file: PATH} or {env: NAME}",
        examples=({"file": "/etc/ics/modem.password"}, {"env": "MODEM_PASSWORD"}),
        json_types=("string", "object"),
    ),
]
"""A password, PIN or key; ``reveal()`` gives it."""


def _name(parse: Callable[[Any], str], summary: str, *examples: str) -> text_type:
    return text_type(parse, summary=summary, examples=examples)


Name = Annotated[str, _name(addresses.parse_name, f"a name: {addresses.NAME}", "home", "cable-2")]
InterfaceName = Annotated[
    str, _name(addresses.parse_interface_name, "a network interface as ip link shows it", "eth0")
]
MacAddress = Annotated[str, _name(addresses.parse_mac, "a MAC address", "02:00:5e:00:53:01")]
"""Lower-case with colons."""
HostName = Annotated[str, _name(addresses.parse_hostname, "one label of a host name", "printer")]
"""Lower-case."""
DomainName = Annotated[str, _name(addresses.parse_domain, "a domain name", "home.arpa")]
"""Lower-case, without the last dot."""
DomainPattern = Annotated[
    str,
    _name(
        addresses.parse_domain_pattern, "a domain name, or *. and one for all below it", "*.telemetry.example"
    ),
]
"""A DomainName, or ``*.`` and a DomainName."""

IpAddress = Annotated[
    values.Address,
    text_type(addresses.parse_address, summary="an IP address", examples=("192.168.0.10", "fd00::10")),
]
Ipv4Address = Annotated[
    IPv4Address,
    text_type(addresses.parse_ipv4_address, summary="an IPv4 address", examples=("192.168.0.10",)),
]
Ipv6Address = Annotated[
    IPv6Address, text_type(addresses.parse_ipv6_address, summary="an IPv6 address", examples=("fd00::10",))
]
InterfaceAddress = Annotated[
    values.InterfaceAddress,
    text_type(
        addresses.parse_interface_address,
        summary="an IP address with the prefix length of its network",
        examples=("192.168.0.1/24", "fd00::1/64"),
    ),
]
Ipv4Interface = Annotated[
    IPv4Interface,
    text_type(
        addresses.parse_ipv4_interface,
        summary="an IPv4 address with the prefix length of its network",
        examples=("192.168.0.1/24",),
    ),
]
Ipv6Interface = Annotated[
    IPv6Interface,
    text_type(
        addresses.parse_ipv6_interface,
        summary="an IPv6 address with the prefix length of its network",
        examples=("fd00::1/64",),
    ),
]
Network = Annotated[
    values.Network,
    text_type(
        addresses.parse_network, summary="a network or one address", examples=("10.0.0.0/8", "192.0.2.7")
    ),
]
Endpoint = Annotated[
    values.Endpoint,
    text_type(
        addresses.parse_endpoint,
        summary="an IP address and a port",
        examples=("192.168.0.10:8080", "[fd00::1]:80"),
    ),
]
Port = Annotated[
    int,
    text_type(
        addresses.parse_port,
        int,
        summary="a TCP or UDP port, 1 to 65535",
        examples=(80,),
        json_types=("integer",),
    ),
]
PortRange = Annotated[
    addresses.PortRange,
    text_type(
        addresses.parse_port_range,
        summary="a port or a range of ports",
        examples=(80, "6112-6119"),
        json_types=("integer", "string"),
    ),
]
"""One port or a range, both ends included."""
