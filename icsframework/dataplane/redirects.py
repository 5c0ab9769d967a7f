"""Control channels that go to our own listeners, and how the inside servers' answers find us.  Pure.

Outbound: what a LAN sends to one of the ports and what has an uplink as its way;
LAN to LAN is untouched.  Inbound: an external port that leads (by ``publish:``)
to one of the ports inside.  The listener's port itself is open to nobody: only
what we redirected is let in.

Inbound, the proxy speaks to the inside server with the outside client's address.
The server's answers to that address come back to the proxy, not to the Internet:
the leg's connection carries the ``inside`` bit with no uplink, which sends its
packets to a routing table that calls every address our own.
"""

from collections.abc import Iterator

from icsframework.dataplane.doors import Published, Redirect
from icsframework.dataplane.plane import DataPlane
from icsframework.dataplane.ruleset import Chain, Rule
from icsframework.dataplane.rulewords import one_of, several
from icsframework.dataplane.scoping import by_interface, by_lan, by_uplink, common, lans_of, pairs, uplinks_of
from icsframework.dataplane.text import quote

__all__ = [
    "TO_PROXY",
    "admitted",
    "has_inbound",
    "inbound",
    "left_to_helpers",
    "mark_inside_legs",
    "outbound",
    "to_proxy",
]

TO_PROXY = "to_proxy"
"""The chain of packets that are for the gateway although their address is a client's."""


def outbound(plane: DataPlane) -> Iterator[Rule]:
    """For nat_pre: new flows of the LANs."""
    # The mark is there where the flow stays on the uplink of another one (pairs.py).
    way = "fib daddr . mark" if several(plane) else "fib daddr"
    for redirect in plane.doors.redirects:
        uplinks = [quote(uplink.interface) for uplink in uplinks_of(plane, redirect.scope.uplinks)]
        if redirect.direction != "outbound" or not uplinks:
            continue
        held = [quote(plane.hold.interface)] if plane.hold is not None and _may_wait(plane, redirect) else []
        for lan in by_lan(plane, redirect.scope, "iifname"):
            for hosts in pairs(redirect.scope.clients, redirect.scope.servers):
                yield Rule(
                    f"{lan}meta nfproto ipv4 {hosts}tcp dport {one_of(redirect.ports)} "
                    # A named set does not compile here.
                    f"{way} oifname {{ {', '.join([*uplinks, *held])} }} {_to_listener(redirect)}",
                    f"to the helper {redirect.owner}",
                )


def left_to_helpers(plane: DataPlane) -> Iterator[Rule]:
    """For the raw hook: packets that would wait for a link, but that ``outbound`` redirects; the listener waits by itself."""
    for redirect in plane.doors.redirects:
        if redirect.direction != "outbound" or not _may_wait(plane, redirect):
            continue
        for lan in by_interface(plane, redirect.scope):
            for hosts in pairs(redirect.scope.clients, redirect.scope.servers):
                yield Rule(
                    f"{lan}{hosts}tcp dport {one_of(redirect.ports)} {_alive(redirect)}return",
                    f"the helper {redirect.owner} accepts it, and waits",
                )


def _may_wait(plane: DataPlane, redirect: Redirect) -> bool:
    """May the link that is waited for be one of the redirect's?"""
    wanted, waking = redirect.scope.uplinks, plane.hold.wake if plane.hold is not None else {}
    return any(not wanted or uplink.name in wanted for uplink in plane.uplinks if uplink.name in waking)


def inbound(plane: DataPlane) -> Iterator[Rule]:
    """For nat_pre: new flows of the uplinks (by their connection mark) to published ports that lead to a helper's."""
    for redirect in plane.doors.redirects:
        if redirect.direction == "inbound":
            for service in plane.doors.published:
                yield from _published(plane, redirect, service)


def _published(plane: DataPlane, redirect: Redirect, service: Published) -> Iterator[Rule]:
    shift = service.first - service.to.port
    ports = [port + shift for port in redirect.ports if service.first <= port + shift <= service.last]
    clients = common(service.clients, redirect.scope.servers)
    if service.protocol != "tcp" or not ports or clients is None or not _serves(plane, redirect, service):
        return
    names = list(service.uplinks or redirect.scope.uplinks)
    if service.uplinks and redirect.scope.uplinks:
        names = [name for name in names if name in redirect.scope.uplinks]
        if not names:
            return
    for uplinks in by_uplink(plane, names):
        for hosts in pairs(clients, ()):
            yield Rule(
                f"{uplinks}{hosts}tcp dport {one_of(ports)} {_to_listener(redirect)}",
                f"published {service.name}: to the helper {redirect.owner}",
            )


def _serves(plane: DataPlane, redirect: Redirect, service: Published) -> bool:
    """Is the inside server one that the helper's scope covers?"""
    server, scope = service.to.address, redirect.scope
    return (
        server.version == 4
        # Elsewhere than in a LAN its answers to the client's address would not come by us for sure.
        and any(server in lan.network for lan in lans_of(plane, scope))
        and (not scope.clients or any(server in network for network in scope.clients))
    )


def _to_listener(redirect: Redirect) -> str:
    return f"{_alive(redirect)}redirect to :{redirect.listener}"


def _alive(redirect: Redirect) -> str:
    # nft asks sets for expressions only: this one has the listener's port as its value, whatever the packet.
    return f"tcp dport & 0 | {redirect.listener} @fail_open " if redirect.fail == "open" else ""


def admitted(plane: DataPlane) -> Iterator[Rule]:
    """For input: what came from the Internet and was redirected; nobody else reaches the listener."""
    listeners = sorted({one.listener for one in plane.doors.redirects if one.direction == "inbound"})
    if has_inbound(plane):
        yield Rule(
            f"tcp dport {one_of(listeners)} ct status dnat accept",
            "redirected to a helper, never asked directly",
        )


# --- the leg inside -------------------------------------------------------------------------------


def has_inbound(plane: DataPlane) -> bool:
    """True if a published service passes through a helper."""
    return next(inbound(plane), None) is not None


def mark_inside_legs(plane: DataPlane) -> Iterator[Rule]:
    """For output: our own new flows into a LAN that do not have an address of ours."""
    if has_inbound(plane):
        yield Rule(
            "meta l4proto tcp ct state new oifname @lans fib saddr type != local "
            f"{plane.marks.set_way(inside=True)}",
            "a helper speaks to the inside server with the client's address",
        )


def to_proxy(plane: DataPlane) -> tuple[Chain, ...]:
    """What the answers to such a flow meet before routing."""
    if not has_inbound(plane):
        return ()
    bit = plane.marks.inside
    return (
        Chain(
            TO_PROXY,
            (Rule(f"meta mark set meta mark | {bit:#010x}", "a routing rule delivers it here"),),
            "answers to a client's address that a helper speaks with",
        ),
    )
