"""The section ``lans:``: the networks behind the gateway and the services on them."""

from ipaddress import IPv4Interface
from typing import Annotated, Any, Literal

from pydantic import Field

from icsframework.addresses import parse_ipv4_interface
from icsframework.config.common import UNNAMED, Bridge, Match, PluginName, Tag
from icsframework.fields import InterfaceName, Name, Section, text_type
from icsframework.values import InterfaceAddress

__all__ = ["AUTO", "DEFAULT_ADDRESS", "LanSection", "ServiceSection"]

AUTO = "auto"
DEFAULT_ADDRESS = IPv4Interface("192.168.0.1/24")
"""What Windows' Internet Connection Sharing used too."""


def parse_lan_address(value: object) -> IPv4Interface | None:
    """The gateway's address with its prefix length, or ``auto``: None."""
    if value is None or (isinstance(value, str) and value.strip() == AUTO):
        return None
    return parse_ipv4_interface(value)


def show_lan_address(address: InterfaceAddress | None) -> str:
    """As it is written in the file."""
    return AUTO if address is None else str(address)


LanAddress = Annotated[
    InterfaceAddress | None,
    text_type(
        parse_lan_address,
        show_lan_address,
        summary="the gateway's own address on the LAN with the prefix length, or auto",
        examples=("192.168.0.1/24", AUTO),
    ),
]


class ServiceSection(Section):
    """The core's keys of an entry of ``services:``; ``own`` is an instance of the plugin's Config."""

    plugin: PluginName
    """The name of an installed LAN service plugin."""
    enabled: bool = True
    """false keeps the entry without using it."""
    ipv6: bool = True
    """Serve IPv6 too, where the LAN has it."""
    tags: tuple[Tag, ...] = ()
    """Labels of your own."""
    own: Any = None
    """The plugin's own keys; no key of the file."""


class LanSection(Section):
    """A network behind the gateway.  Exactly one of interface, match and bridge says where it is."""

    name: Name = UNNAMED
    """Its name; left out, the interface's name made to fit."""
    interface: InterfaceName | None = None
    """The network interface that the LAN is on."""
    match: Match | None = None
    """Finds the interface by something else than its name."""
    bridge: Bridge | None = None
    """A bridge to make for this LAN."""
    address: LanAddress = DEFAULT_ADDRESS
    """The gateway's own address; auto picks a private subnet that collides with nothing."""
    users: Literal["none", "view", "connect", "manage"] = "view"
    """What LAN users may do: nothing, look, also dial and hang up, also map ports for their own address."""
    reach: tuple[Name, ...] = ()
    """Names of other LANs that this one may reach."""
    services: tuple[ServiceSection, ...] = Field(default=())
    """The LAN's services; left out, dhcp and dns."""

    @property
    def device(self) -> str:
        """The interface's name if the file says it, else ""."""
        return self.bridge.name if self.bridge is not None else self.interface or ""

    @property
    def devices(self) -> tuple[str, ...]:
        """Every interface that this LAN takes for itself."""
        ports = self.bridge.ports if self.bridge is not None else ()
        return (*((self.device,) if self.device else ()), *ports)
