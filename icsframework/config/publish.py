"""The section ``publish:``: services of the LAN that are offered to the Internet."""

from typing import Annotated, Literal

from pydantic import Field

from icsframework.addresses import parse_address, parse_endpoint
from icsframework.config.common import UNNAMED
from icsframework.fields import FieldError, Name, Network, PortRange, Section, text_type
from icsframework.quantities import shown
from icsframework.values import Endpoint

__all__ = ["PublishSection"]

SAME_PORT = 0
"""The port of a target that leaves it out: the published one."""


def parse_target(value: object) -> Endpoint:
    """``192.168.0.10:8080``; an address alone keeps the published port."""
    try:
        return parse_endpoint(value)
    except FieldError:
        pass
    try:
        return Endpoint(parse_address(value), SAME_PORT)
    except FieldError:
        advice = 'write for example "192.168.0.10:8080", or an address alone to keep the port'
        raise FieldError(f"{shown(value)} is not an address with a port", advice) from None


def show_target(target: Endpoint) -> str:
    """As it is written in the file."""
    return str(target) if target.port != SAME_PORT else str(target.address)


Target = Annotated[
    Endpoint,
    text_type(
        parse_target,
        show_target,
        summary="an address in a LAN with a port; without one, the published port",
        examples=("192.168.0.10:8080", "192.168.0.10"),
    ),
]


class PublishSection(Section):
    """One service offered to the Internet."""

    name: Name = UNNAMED
    """Its name; left out, protocol and port."""
    protocol: Literal["tcp", "udp"]
    """The transport protocol."""
    port: PortRange
    """The port on the Internet side, or a range of them."""
    to: Target
    """Where it leads: an address in a LAN with the (first) port."""
    uplinks: Annotated[tuple[Name, ...], Field(min_length=1)] = ()
    """Only on these uplinks; left out, on all."""
    clients: Annotated[tuple[Network, ...], Field(min_length=1)] = ()
    """Only for these networks of the Internet; left out, for everybody."""

    @property
    def inside(self) -> Endpoint:
        """The inside end of the first published port."""
        return Endpoint(self.to.address, self.to.port or self.port.first)
