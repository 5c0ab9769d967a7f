"""Which helpers get nothing, because one before them has all of their traffic.  Pure."""

from collections.abc import Iterable, Iterator, Sequence

from icsframework.dataplane.doors import Redirect, Scope
from icsframework.values import Network

__all__ = ["idle_ports"]


def idle_ports(redirects: Sequence[Redirect]) -> Iterator[str]:
    """A sentence for each port of a helper whose whole scope is in that of one before it, which the filter asks first."""
    for index, later in enumerate(redirects):
        for port in later.ports:
            earlier = next((one for one in redirects[:index] if _has(one, later, port)), None)
            if earlier is not None:
                yield (
                    f"helper {later.owner} gets nothing of {later.direction} TCP port {port}: helper {earlier.owner} stands "
                    "before it in the file and has all of it; give one of them other ports or another scope, and put "
                    "the one with the narrower scope first"
                )


def _has(earlier: Redirect, later: Redirect, port: int) -> bool:
    return (
        earlier.direction == later.direction and port in earlier.ports and _covers(earlier.scope, later.scope)
    )


def _covers(wide: Scope, narrow: Scope) -> bool:
    return (
        _names(wide.lans, narrow.lans)
        and _names(wide.uplinks, narrow.uplinks)
        and _networks(wide.clients, narrow.clients)
        and _networks(wide.servers, narrow.servers)
    )


def _names(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return not wide or (bool(narrow) and set(narrow) <= set(wide))


def _networks(wide: Sequence[Network], narrow: Sequence[Network]) -> bool:
    return not wide or (bool(narrow) and all(_inside(one, wide) for one in narrow))


def _inside(one: Network, networks: Iterable[Network]) -> bool:
    return any(
        one.version == network.version
        and one.network_address in network
        and one.prefixlen >= network.prefixlen
        for network in networks
    )
