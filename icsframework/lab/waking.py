"""The modem dialled by a PC's first packet, watched: who woke the line is what the gateway's history says afterwards."""

from typing import Any

from icsframework.lab.clients import Lease
from icsframework.lab.errors import LabError
from icsframework.lab.host import Host
from icsframework.lab.spec import HostSpec

__all__ = ["armed_uplink", "described", "wake"]

PATIENCE = 60.0
"""Seconds for the page: an analogue modem takes half of that to train."""


def armed_uplink(gateway: Host) -> str:
    """The first uplink that is down and waits for traffic; empty if there is none."""
    uplinks = gateway.gateway.status_tree()["uplinks"]
    return next((str(one["name"]) for one in uplinks if one["state"] == "armed"), "")


def wake(pc: Host, site: HostSpec, gateway: Host, uplink: str, lease: Lease) -> str:
    """Fetch a page by its address while the line is down, so that its SYN is the first packet.

    Raises LabError unless that packet, and nothing else, made the one call.
    """
    dialled = _dialled(gateway)
    port = site.web.port if site.web else 80
    page = pc.fetch(f"http://{site.address}:{port}/", PATIENCE)
    if page.status != 200:
        raise LabError(f"{pc.name} got status {page.status} from {site.address}")
    calls = _dialled(gateway)[len(dialled) :]
    if len(calls) != 1:
        raise LabError(f"the modem of {gateway.name} dialled {len(calls)} times for one page")
    up = next(
        event
        for event in reversed(gateway.gateway.api("GET", "/v1/history"))
        if (event["uplink"], event["event"]) == (uplink, "up")
    )
    wanted = {"client": str(lease.address.ip), "protocol": "tcp", "destination": f"{site.address}:{port}"}
    found = {name: up["cause"][name] for name in wanted}
    if found != wanted:
        raise LabError(f"{uplink} was dialled because of {found}, not of {pc.name}'s first packet {wanted}")
    shown = gateway.gateway.uplink(uplink)
    return f"{described(up['cause'])} made {uplink} call {calls[0]}: up with {', '.join(shown['addresses'])}; its page came after {page.seconds:.3f} s"


def described(cause: dict[str, Any]) -> str:
    """Who sent what where, as the subject of a sentence."""
    who = cause["hostname"] or cause["client"]
    return f"{who}'s first packet, {cause['protocol']} to {cause['destination']} ({cause['rule']}),"


def _dialled(gateway: Host) -> list[str]:
    numbers: list[str] = gateway.modem.look()["dialled"]
    return numbers
