"""A connection that wants a link, as the supervisor is asked for one: with everything that is known of its cause."""

from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.defer import Deferred, fail

from icsframework.errors import UplinkRefused
from icsframework.interfaces import IGateway
from icsframework.values import Cause, Endpoint, Link

__all__ = ["Ask", "ask_nobody", "asker"]

Ask: TypeAlias = "Callable[[Endpoint, Endpoint], Deferred[Link]]"
"""Asks for a link because a client wants to connect to a server; fails as IUplinks.request does."""


def ask_nobody(client: Endpoint, wanted: Endpoint) -> "Deferred[Link]":
    """Where no link can be asked for."""
    return fail(UplinkRefused("no link is up, and nobody can be asked for one"))


def asker(gateway: IGateway) -> Ask:
    """Asks in the name of the helper whose view of the gateway this is."""

    def ask(client: Endpoint, wanted: Endpoint) -> "Deferred[Link]":
        lease = gateway.leases.find(client.address)
        cause = Cause(
            rule=gateway.owner,
            client=client.address,
            mac=lease.mac if lease else "",
            hostname=lease.hostname if lease else "",
            protocol="tcp",
            destination=str(wanted),
            name=gateway.names.lookup(client.address, wanted.address),
        )
        requested: Deferred[Link] = gateway.uplinks.request(cause)
        return requested

    return ask
