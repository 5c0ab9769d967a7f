"""Checks over several keys of ``uplinks:``."""

from collections.abc import Iterator

from icsframework.config.check_lans import lan_networks
from icsframework.config.parts import Parts
from icsframework.config.plugins import Entry
from icsframework.config.problem import show_path
from icsframework.config.uplinks import Rule, UplinkSection
from icsframework.fields import Finding, UplinkConfig

__all__ = ["check_uplinks"]


def check_uplinks(parts: Parts) -> Iterator[Finding]:
    """Everything about uplinks that one key alone does not show."""
    for uplink in parts.uplinks:
        yield from _device(uplink)
        yield from _money(uplink)
        yield from _times(uplink)
        for key in ("wake", "keep"):
            section = uplink.core.sound(key)
            for index, rule in enumerate(getattr(section, key) if section is not None else ()):
                yield from _rule(rule, (*uplink.path, key, index))
        yield from _collisions(parts, uplink)


def _device(uplink: Entry[UplinkSection]) -> Iterator[Finding]:
    section = uplink.core.sound("interface", "match", "vlan")
    if section is None:
        return
    if section.interface is not None and section.match is not None:
        yield Finding((*uplink.path, "match"), "interface and match exclude each other", "keep one of them")
    if section.vlan is not None and section.interface is None and section.match is None:
        yield Finding((*uplink.path, "vlan"), "a VLAN needs the interface it is on", "add interface:")


def _money(uplink: Entry[UplinkSection]) -> Iterator[Finding]:
    section = uplink.core.sound("limits")
    if section is None:
        return
    if section.limits.money and not section.limits.price:
        written = "price" in section.limits.model_fields_set
        advice = (
            "write a price above 0" if written else "add price:"
        ) + ", and charge_unit: if it is not a minute"
        yield Finding((*uplink.path, "limits", "money"), "money can only be counted with a price", advice)
    if not section.limits.charge_unit:
        yield Finding(
            (*uplink.path, "limits", "charge_unit"), "must be longer than nothing", "write for example 60s"
        )


def _times(uplink: Entry[UplinkSection]) -> Iterator[Finding]:
    section = uplink.core.sound("probe")
    probe = section.probe if section is not None else None
    if probe is None:
        return
    if probe.interval < 1:
        yield Finding(
            (*uplink.path, "probe", "interval"), "must be at least a second", "write for example 10s"
        )
    if not 0 < probe.timeout <= probe.interval:
        advice = "write a time up to probe.interval, such as 2s"
        yield Finding((*uplink.path, "probe", "timeout"), "does not fit the interval", advice)


def _rule(rule: Rule, path: tuple[str | int, ...]) -> Iterator[Finding]:
    if rule.action == "allow" and not rule.model_fields_set - {"action"}:
        advice = "add client, protocol, port, destination or name"
        yield Finding(path, "the rule does not say which traffic it is about", advice)
    if rule.port is not None and rule.protocol == "icmp":
        yield Finding((*path, "port"), "icmp has no ports", "remove it, or write protocol: tcp or udp")


def _collisions(parts: Parts, uplink: Entry[UplinkSection]) -> Iterator[Finding]:
    """A LAN with the uplink's addresses would hide part of the Internet."""
    own = uplink.own.value
    if not isinstance(own, UplinkConfig):
        return
    for network in own.networks():
        for path, lan in lan_networks(parts):
            if network.version == lan.version and network.overlaps(lan):
                message = f"{lan} overlaps {network} of {show_path(uplink.path)}"
                yield Finding(path, message, "give the LAN another subnet, or write address: auto")
