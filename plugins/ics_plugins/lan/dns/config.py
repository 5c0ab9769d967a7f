"""What an operator can set for DNS on a LAN."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from icsframework.fields import (
    CheckContext,
    DomainName,
    Duration,
    Endpoint,
    Finding,
    HostName,
    IpAddress,
    LanServiceConfig,
)
from icsframework.values import Endpoint as EndpointValue

__all__ = ["DNS_PORT", "DnsConfig"]

DNS_PORT = 53
MAX_HOSTS = 10_000
"""Names in one configuration; each costs about a kilobyte of memory."""
MAX_DOMAIN = 189
"""Characters, so that a host name of 63 before it still makes a name (RFC 1035 section 2.3.4)."""
MAX_UPSTREAM = 8
"""Servers; more than that are never reached within a client's patience."""


def _with_port(value: Any) -> Any:
    """An address alone means port 53."""
    if not isinstance(value, str) or value.startswith("[") or value.count(":") == 1:
        return value
    return f"[{value}]:{DNS_PORT}" if ":" in value else f"{value}:{DNS_PORT}"


def _as_list(value: Any) -> Any:
    """One address may stand without brackets."""
    return value if isinstance(value, list | tuple) else [value]


Server = Annotated[Endpoint, BeforeValidator(_with_port)]
Addresses = Annotated[tuple[IpAddress, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=16)]


class DnsConfig(LanServiceConfig):
    """The keys of ``plugin: dns``."""

    domain: DomainName = Field(
        default="home.arpa",
        description="domain of the LAN's own names; never asked on the Internet (RFC 8375)",
    )
    gateway_name: HostName = Field(default="gateway", description="the gateway's own name in the domain")
    upstream: tuple[Server, ...] = Field(
        default=(),
        max_length=MAX_UPSTREAM,
        description="DNS servers instead of the uplink's, in order of preference; each an address or address:port",
    )
    hosts: dict[DomainName, Addresses] = Field(
        default={},
        max_length=MAX_HOSTS,
        description="names and their addresses; one label alone gets the domain added",
    )
    rebind_protection: bool = Field(
        default=True, description="refuse private addresses as answers from the Internet to public names"
    )
    rebind_allow: tuple[DomainName, ...] = Field(
        default=("plex.direct",), description="domains whose names may lead to private addresses all the same"
    )
    forward: tuple[DomainName, ...] = Field(
        default=(),
        description="special domains, such as test, local or 10.in-addr.arpa, to ask the servers about all the same",
    )
    cache_size: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=10_000, description="answers remembered, about 1 kB each; the largest of all LANs counts"
    )
    serve_stale: Duration = Field(
        default=86400.0,
        description="how long an outdated answer may still help when no server answers (RFC 8767); 0 for never",
    )

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """A domain that leaves no room for host names, and a gateway that asks itself."""
        if len(self.domain) > MAX_DOMAIN:
            yield Finding(
                ("domain",),
                f"a domain of {len(self.domain)} characters leaves no room for host names",
                f"choose one of at most {MAX_DOMAIN}",
            )
        if context.address is None:
            return
        for index, server in enumerate(self.upstream):
            if server == EndpointValue(context.address.ip, DNS_PORT):
                yield Finding(
                    ("upstream", index),
                    f"{server.address} is the gateway itself on this LAN",
                    "name a DNS server beyond the gateway, or leave the key out to use the uplink's",
                )
