"""The settings of PPP, and the Link that the uplink announces: pure functions of the configuration and of what was agreed."""

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Any

from ics_plugins.uplinks.dialup.config import DialupConfig
from icsframework.protocols.ppp.actions import Result
from icsframework.protocols.ppp.auth.method import Credentials, Method
from icsframework.protocols.ppp.ipcp import IpcpSettings, VjOption
from icsframework.protocols.ppp.lcp import LcpSettings
from icsframework.protocols.ppp.liveness import Echo
from icsframework.protocols.ppp.settings import LinkSettings
from icsframework.values import Family, Link, UplinkSettings

MOST_MESSAGE = 80
"""Characters of a provider's welcome that are shown."""
METHODS = {"mschapv2": Method.MSCHAPV2, "chap": Method.CHAP_MD5, "pap": Method.PAP}


def link_settings(own: DialupConfig, password: str | None, mtu: int | None) -> LinkSettings:
    """What one call's PPP is told; ``mtu`` is the core's key."""
    lcp = LcpSettings(
        mru=own.mru,
        accm=own.accm,
        echo=replace(Echo(), interval=own.echo),
        accept=tuple(METHODS[name] for name in own.auth),
    )
    return LinkSettings(
        lcp=lcp,
        ipcp=IpcpSettings(vj=VjOption() if own.vj else None),
        credentials=None if password is None else Credentials(own.user, password),
        mtu=mtu or 1500,
    )


def make_link(settings: UplinkSettings, ifindex: int, result: Result, since: float) -> Link:
    """A link with the address that the provider gave, up ``since`` (IClock.now)."""
    dns = settings.dns or result.dns
    return Link(
        interface=settings.interface,
        ifindex=ifindex,
        parent=None,
        kind="ppp",
        carrier="inline",
        mtu=result.mtu,
        metered=settings.metered,
        since=since,
        v4=Family((IPv4Interface(f"{result.local}/32"),), None, dns),
    )


def agreed(result: Result) -> dict[str, Any]:
    """What status shows of an agreement."""
    found: dict[str, Any] = {
        "peer": str(result.peer),
        "dns": [str(address) for address in result.dns],
        "authentication": result.authentication or "none",
    }
    if result.message:
        found["message"] = result.message[:MOST_MESSAGE]
    return found
