"""What ``ics mappings add`` and ``remove`` ask for, read from the parameters of the API.  Pure."""

from collections.abc import Mapping
from typing import Any

from icsframework.addresses import PortRange, parse_address, parse_endpoint, parse_port, parse_port_range
from icsframework.errors import UsageError
from icsframework.frozen import dataclass
from icsframework.mappings.held import ADDED, MIN_LIFETIME, Wish
from icsframework.quantities import FieldError, parse_duration
from icsframework.values import Address, Endpoint, Protocol

__all__ = ["Addition", "Removal"]


@dataclass(frozen=True, slots=True)
class Addition:
    """External ports to be opened by hand.  ``port`` None: any that is free; ``uplink`` None: on all of them.

    ``lifetime`` is in seconds, None: until it is removed.
    """

    protocol: Protocol
    to: Endpoint
    port: int | None = None
    count: int = 1
    uplink: str | None = None
    remote: Address | None = None
    lifetime: float | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> "Addition":
        """From ``protocol``, ``to`` ("192.168.0.10:80", or an address alone: the same ports), ``port`` (a number, or
        "6112-6119"), ``uplink``, ``remote`` (an address) and ``lifetime`` ("2h"); all but the first two may be left
        out.  UsageError says what is wrong.
        """
        try:
            ports = _ports(parameters)
            return cls(
                _protocol(parameters),
                _target(parameters.get("to"), ports),
                None if ports is None else ports.first,
                1 if ports is None else ports.last - ports.first + 1,
                _name(parameters),
                None if parameters.get("remote") is None else parse_address(parameters["remote"]),
                None if parameters.get("lifetime") is None else _lifetime(parameters["lifetime"]),
            )
        except FieldError as error:
            raise UsageError(str(error)) from None

    def wish(self, uplink: str, prefer: int | None = None) -> Wish:
        """The wish for one uplink; ``prefer`` is where to look first."""
        return Wish(
            ADDED,
            uplink,
            self.protocol,
            self.to,
            self.remote,
            self.count,
            lifetime=self.lifetime,
            port=self.port,
            prefer=prefer,
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """What was added by hand and is to go.  ``uplink`` None: on all; ``end``: running connections too."""

    protocol: Protocol
    port: int
    uplink: str | None = None
    end: bool = False

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> "Removal":
        """From ``protocol``, ``port``, ``uplink`` and ``end``.  UsageError says what is wrong."""
        try:
            ports = _ports(parameters)
            if ports is None:
                raise UsageError("port is missing: say which external port to close")
            end = parameters.get("end", False)
            if not isinstance(end, bool):
                raise UsageError("end must be true or false")
            return cls(_protocol(parameters), ports.first, _name(parameters), end)
        except FieldError as error:
            raise UsageError(str(error)) from None


def _protocol(parameters: Mapping[str, Any]) -> Protocol:
    match parameters.get("protocol"):
        case "tcp":
            return "tcp"
        case "udp":
            return "udp"
        case other:
            raise UsageError(f"protocol must be tcp or udp, not {other!r}")


def _ports(parameters: Mapping[str, Any]) -> PortRange | None:
    value = parameters.get("port")
    return None if value is None else parse_port_range(value)


def _target(value: object, ports: PortRange | None) -> Endpoint:
    if value is None:
        raise UsageError("to is missing: say where the port leads, such as 192.168.0.10:80")
    try:
        address = parse_address(value)
    except FieldError:
        return parse_endpoint(value)
    if ports is None:
        raise UsageError(
            f"{address}: say an external port, or where it leads with a port, such as {address}:80"
        )
    return Endpoint(address, parse_port(ports.first))


def _name(parameters: Mapping[str, Any]) -> str | None:
    name = parameters.get("uplink")
    if name is not None and not isinstance(name, str):
        raise UsageError("uplink must be the name of an uplink")
    return name


def _lifetime(value: object) -> float:
    seconds = parse_duration(value)
    if seconds < MIN_LIFETIME:
        raise UsageError("lifetime must be at least a second")
    return seconds
