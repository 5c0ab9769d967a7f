"""From an entry of ``uplinks:`` to the rules and times of dialling on demand.  Pure.

The operator writes what traffic is about; what of it counts (the beginning of a connection, not its end) is not his
affair.  So one rule that allows becomes several, which leave out what never wakes a link or keeps it up.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from icsframework.addresses import PortRange
from icsframework.config.uplinks import GATEWAY, Rule, UplinkSection
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.uplinks.traffic import (
    AN_END,
    DNS_PORT,
    ERRORS,
    NOT_A_BEGINNING,
    TrafficRule,
    keep_rules,
    wake_rules,
)

__all__ = ["hold_seconds", "keep", "on_demand", "quiet", "wake"]


def wake(section: UplinkSection) -> tuple[TrafficRule, ...]:
    """What traffic brings it up, the deciding rule first; empty for one that traffic never does."""
    if section.connect != "demand":
        return ()
    return wake_rules(_own(section.wake, "wake"), section.demand.ignore)


def keep(section: UplinkSection) -> tuple[TrafficRule, ...]:
    """What traffic keeps it up, the deciding rule first; empty for one that is never hung up for quiet."""
    if not quiet(section).idle:
        return ()
    return keep_rules(_own(section.keep, "keep"), section.demand.ignore)


def quiet(section: UplinkSection) -> Quiet:
    """When it is hung up for quiet.

    One that is connected by command is, only if the file says ``idle``: he who dials by hand may look at it.  Time is paid in
    units if it has a price, or if the file names the unit.
    """
    waits = section.connect == "demand" or (
        section.connect == "manual" and "idle" in section.demand.model_fields_set
    )
    if not waits or not section.demand.idle:
        return NEVER_QUIET
    paid = section.limits.price > 0 or "charge_unit" in section.limits.model_fields_set
    return Quiet(section.demand.idle, section.demand.min_up, section.limits.charge_unit if paid else 0.0)


def on_demand(sections: Iterable[UplinkSection]) -> bool:
    """Is any of them dialled on demand?  Then packets without a link have a device to go to, however long they are kept there."""
    return any(one.connect == "demand" for one in sections)


def hold_seconds(sections: Iterable[UplinkSection]) -> float:
    """How long packets are kept for a link to come up: the longest that any uplink wants; 0 if nothing dials on demand."""
    return max((one.demand.hold for one in sections if one.connect == "demand"), default=0.0)


def _own(rules: Sequence[Rule], key: str) -> list[TrafficRule]:
    return [
        one for index, rule in enumerate(rules) for one in _spelled(rule, f"{key}[{index}]", key == "wake")
    ]


def _spelled(rule: Rule, label: str, wakes: bool) -> Iterator[TrafficRule]:
    said = TrafficRule(
        rule.action,
        label,
        client=None if isinstance(rule.client, str) else rule.client,
        gateway=rule.client == GATEWAY,
        protocol=rule.protocol,
        ports=(rule.port,) if rule.port is not None else (),
        destination=rule.destination,
        name=rule.name or "",
    )
    if rule.name and not (rule.protocol in (None, "udp") and rule.port is None and rule.destination is None):
        # Whatever the traffic is, it begins with a lookup.
        yield replace(said, protocol="udp", ports=(PortRange(DNS_PORT, DNS_PORT),), destination=None)
    if rule.action == "ignore":
        yield said
        return
    if rule.protocol in (None, "tcp"):
        if wakes:
            yield replace(said, protocol="tcp", form="opening")
            yield replace(said, action="ignore", protocol="tcp", label=NOT_A_BEGINNING)
        else:
            yield replace(said, action="ignore", protocol="tcp", form="closing", label=AN_END)
    if rule.protocol in (None, "icmp") and rule.port is None:
        yield replace(said, protocol="icmp", form="echo")
        yield replace(said, action="ignore", protocol="icmp", label=ERRORS)
    if rule.protocol != "icmp" and not (wakes and rule.protocol == "tcp"):
        yield said
