"""What an operator can set for an Ethernet uplink, besides the keys of the core."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator

from icsframework.fields import (
    CheckContext,
    FieldError,
    Finding,
    HostName,
    IpAddress,
    Ipv4Interface,
    Section,
    UplinkConfig,
)
from icsframework.values import Network


class StaticAddress(Section):
    """An address that the provider assigned for good."""

    address: Ipv4Interface
    """Our address with the prefix length, such as 203.0.113.5/24."""
    gateway: IpAddress
    """The provider's router."""
    dns: tuple[IpAddress, ...] = ()
    """The provider's DNS servers."""


def _dhcp_or_static(value: Any) -> Any:
    """``dhcp`` is None in the model; anything else must be the mapping of a static address."""
    if value is None or value == "dhcp":
        return None
    if isinstance(value, dict | StaticAddress):
        return value
    raise FieldError(
        f"{value!r} is neither dhcp nor an address with its gateway",
        "write dhcp, or {address: 203.0.113.5/24, gateway: 203.0.113.1, dns: [203.0.113.1]}",
    )


class EthernetConfig(UplinkConfig):
    """The own keys of ``plugin: ethernet``."""

    address: Annotated[StaticAddress | None, BeforeValidator(_dhcp_or_static)] = None
    """dhcp (the default), or a static address with its gateway and DNS servers."""
    hostname: HostName | None = None
    """The name told to the DHCP server; left out, none."""

    def networks(self) -> Iterable[Network]:
        """See UplinkConfig."""
        return () if self.address is None else (self.address.address.network,)

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """See PluginConfig."""
        if not context.interface and not context.mac:
            yield Finding(
                (),
                "no interface is named",
                "add for example interface: eth0 (ip link lists those of this machine)",
            )
        if self.address is not None and self.address.gateway == self.address.address.ip:
            yield Finding(
                ("address", "gateway"),
                f"{self.address.gateway} is our own address",
                "name the provider's router",
            )
