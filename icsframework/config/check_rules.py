"""Remarks about the rules of ``wake:`` and ``keep:``: those that never decide anything.  All of them are warnings."""

from collections.abc import Iterator, Sequence

from icsframework.addresses import PortRange
from icsframework.config.check_lans import lan_networks
from icsframework.config.parts import Parts
from icsframework.config.problem import KeyPath, show_path
from icsframework.config.uplinks import Rule
from icsframework.fields import Finding
from icsframework.values import Network

__all__ = ["check_rules"]

DNS = 53
"""The port that lookups are for."""
NAMELESS = ("dhcp",)
"""Services that tell nobody what a name leads to."""


def check_rules(parts: Parts, rules: Sequence[Rule], path: KeyPath) -> Iterator[Finding]:
    """Everything about one list of rules, which stands at ``path``."""
    yield from _never_asked(rules, path)
    yield from _names(parts, rules, path)
    yield from _clients(parts, rules, path)


def _never_asked(rules: Sequence[Rule], path: KeyPath) -> Iterator[Finding]:
    """Rules behind one that fits all that they do."""
    for index, rule in enumerate(rules):
        before = next((earlier for earlier in range(index) if _covers(rules[earlier], rule)), None)
        if before is not None:
            message = f"never decides: {show_path((*path, before))} comes first and fits all of that"
            yield Finding((*path, index), message, "move it up, or remove it", warning=True)


def _covers(wide: Rule, narrow: Rule) -> bool:
    """Is all that fits ``narrow`` also fit by ``wide``?"""
    lookups = wide.protocol in (None, "udp") and wide.destination is None
    lookups = lookups and (wide.port is None or DNS in wide.port)
    return (
        _whose(wide.client, narrow.client)
        and wide.protocol in (None, narrow.protocol)
        and (wide.port is None or _within(narrow.port, wide.port))
        and (wide.destination is None or _inside(narrow.destination, wide.destination))
        and (_names_fit(wide.name, narrow.name) if wide.name else lookups or not narrow.name)
    )


def _whose(wide: Network | str | None, narrow: Network | str | None) -> bool:
    if isinstance(wide, str) or isinstance(narrow, str):  # the gateway, and nobody else
        return wide == narrow
    return wide is None or _inside(narrow, wide)


def _inside(narrow: Network | None, wide: Network) -> bool:
    if narrow is None or narrow.version != wide.version:
        return False
    return narrow.prefixlen >= wide.prefixlen and narrow.network_address in wide


def _within(narrow: PortRange | None, wide: PortRange) -> bool:
    return narrow is not None and wide.first <= narrow.first and narrow.last <= wide.last


def _names_fit(wide: str, narrow: str | None) -> bool:
    if narrow is None:
        return False
    return narrow == wide or (wide.startswith("*.") and narrow.endswith(wide[1:]))


def _names(parts: Parts, rules: Sequence[Rule], path: KeyPath) -> Iterator[Finding]:
    """What a name leads to is known from a DNS service of ours."""
    services = [one.core.value for lan in parts.lans for one in lan.services]
    if any(one is None or (one.enabled and one.plugin not in NAMELESS) for one in services):
        return
    for index, rule in enumerate(rules):
        if rule.name:
            message = "has no effect: no LAN has the service dns, from which names are known"
            advice = "add it to a LAN, or write destination: instead"
            yield Finding((*path, index, "name"), message, advice, warning=True)


def _clients(parts: Parts, rules: Sequence[Rule], path: KeyPath) -> Iterator[Finding]:
    """Clients that no LAN has; not judged while a LAN's subnet is found only at the start."""
    lans = [network for _, network in lan_networks(parts)]
    if len(lans) < len(parts.lans):
        return
    for index, rule in enumerate(rules):
        client = rule.client
        if client is None or isinstance(client, str):
            continue
        if not any(lan.version == client.version and lan.overlaps(client) for lan in lans):
            where = ", ".join(str(lan) for lan in lans)
            message = f"no LAN has {client} (there are {where})"
            yield Finding(
                (*path, index, "client"), message, "write an address or network of a LAN", warning=True
            )
