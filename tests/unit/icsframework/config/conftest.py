"""Installed plugins that exist only here, and a short way to load text."""

from collections.abc import Iterable
from ipaddress import IPv4Interface
from textwrap import dedent
from types import SimpleNamespace
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from icsframework.config.loader import interpret
from icsframework.config.source import decode
from icsframework.errors import PluginError
from icsframework.fields import (
    Duration,
    Finding,
    HostName,
    Ipv4Address,
    Ipv4Interface,
    LanServiceConfig,
    MacAddress,
    NatHelperConfig,
    Secret,
    Section,
    UplinkConfig,
)


class Static(Section):
    """An address of the provider's."""

    address: Ipv4Interface
    gateway: Ipv4Address


class Ethernet(UplinkConfig):
    """An uplink with an untagged union behind a before-validator."""

    address: Annotated[Static | None, BeforeValidator(lambda value: None if value == "dhcp" else value)] = (
        None
    )

    def networks(self):
        return () if self.address is None else (self.address.address.network,)

    def check(self, context):
        if not context.interface and not context.mac:
            yield Finding((), "no interface is named", "add for example interface: eth0")


class Dialup(UplinkConfig):
    """An uplink with a required key, a choice and secrets at two levels."""

    device: str
    modem: str = "hayes"
    numbers: tuple[str, ...] = ()
    password: Secret | None = None
    peers: dict[HostName, Secret] = Field(default={})
    retries: int = Field(default=3, ge=1, le=10)


class Reservation(Section):
    """An address for one station."""

    mac: MacAddress
    address: Ipv4Address


class Dhcp(LanServiceConfig):
    """A service that looks at the address of its LAN."""

    lease: Duration = 43200.0
    reservations: tuple[Reservation, ...] = ()

    def check(self, context) -> Iterable[Finding]:
        for index, reservation in enumerate(self.reservations):
            if (
                isinstance(context.address, IPv4Interface)
                and reservation.address not in context.address.network
            ):
                yield Finding(
                    ("reservations", index, "address"),
                    f"{reservation.address} is outside {context.address.network}",
                    "choose an address of the LAN",
                )
        if self.lease < 60:
            yield Finding(("lease",), "a lease this short is busy work", warning=True)


class Dns(LanServiceConfig):
    """A service that objects to a default of its own on a LAN called strict."""

    domain: str = "home.arpa"

    def check(self, context):
        if context.name == "strict" and self.domain == "home.arpa":
            yield Finding(("domain",), "choose a domain of your own")


class Ftp(NatHelperConfig):
    """A helper."""

    port: int = 21


class Raising(LanServiceConfig):
    """A stranger's service with defects."""

    key: Annotated[int, BeforeValidator(lambda value: {}[value])] = 1
    at_check: bool = False

    def check(self, context):
        if self.at_check:
            raise KeyError("oops")
        return ()


class Installed:
    """A registry of plugins: kind -> name -> model, or the sentence why it cannot be had."""

    def __init__(self, plugins):
        self.plugins = plugins

    def names(self, kind):
        return sorted(self.plugins[kind])

    def get(self, kind, name):
        found = self.plugins[kind][name]
        if isinstance(found, str):
            raise PluginError(found)
        return SimpleNamespace(Config=found)


@pytest.fixture
def plugins():
    """The plugins installed here."""
    return Installed(
        {
            "uplink": {"ethernet": Ethernet, "dialup": Dialup},
            "lan_service": {
                "dhcp": Dhcp,
                "dns": Dns,
                "raising": Raising,
                "broken": "the LAN service broken cannot be imported",
            },
            "nat_helper": {
                "ftp": Ftp,
                "acme.chess:factory": Ftp,
                "games": "the NAT helper games is broken; update it",
            },
        }
    )


@pytest.fixture
def load_text(plugins):
    """Load a configuration from text; the file is called g.yaml."""
    return lambda text: interpret(decode(dedent(text).encode(), "g.yaml"), plugins)


@pytest.fixture
def errors_of(load_text):
    """The errors of a configuration, as the operator reads them, without the name of the file."""
    return lambda text: [str(problem).removeprefix("g.yaml:") for problem in load_text(text).errors]
