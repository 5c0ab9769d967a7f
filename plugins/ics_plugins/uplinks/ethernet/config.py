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

    def check(self) -> Iterable[Finding]:
        """What cannot be.  A gateway outside the subnet can: some providers give a /32."""
        own, net = self.address.ip, self.address.network
        if self.gateway.version != 4:
            yield Finding(
                ("address", "gateway"), f"{self.gateway} is no IPv4 address", "name the provider's router"
            )
        elif self.gateway == own:
            yield Finding(
                ("address", "gateway"), f"{self.gateway} is our own address", "name the provider's router"
            )
        elif net.prefixlen < 32 and self.gateway not in net:
            yield Finding(
                ("address", "gateway"),
                f"{self.gateway} is not in {net}",
                "correct it, unless the provider's router really is outside our subnet",
                warning=True,
            )
        if net.prefixlen < 31 and own in (net.network_address, net.broadcast_address):
            yield Finding(
                ("address", "address"),
                f"{own} is the first or last address of {net}, which no host can have",
                "write the address that the provider assigned, with its prefix length",
            )


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
        if self.address is not None:
            yield from self.address.check()
