"""What one key alone does not show: names, references, and what plugins say of their own keys.

Each check takes the parts of the file that could be read and yields a Finding
for everything it objects to, with the path from the top of the file.  Pure,
except that the time zone is looked for among those of the system.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from icsframework.config.check_demand import check_demand
from icsframework.config.check_lans import check_lans
from icsframework.config.check_publish import check_publish
from icsframework.config.check_uplinks import check_uplinks
from icsframework.config.messages import nearest
from icsframework.config.parts import Parts
from icsframework.config.plugins import Entry
from icsframework.config.problem import KeyPath, show_path
from icsframework.config.reading import Part
from icsframework.config.timezones import SYSTEM, known_zones, load_zone
from icsframework.fields import CheckContext, Finding
from icsframework.quantities import shown

__all__ = ["check"]

MARK_BITS = 8
"""Neighbouring bits that the packet mark must leave us."""


def check(parts: Parts) -> Iterator[Finding]:
    """Everything that is wrong between the keys of a file."""
    yield from check_gateway(parts)
    yield from check_names(parts)
    yield from check_lans(parts)
    yield from check_uplinks(parts)
    yield from check_demand(parts)
    yield from check_references(parts)
    yield from check_publish(parts)
    yield from check_plugins(parts)


def check_gateway(parts: Parts) -> Iterator[Finding]:
    """The packet mark and the time zone."""
    if (gateway := parts.gateway.sound("mark")) is not None:
        mask = gateway.mark
        run = mask // (mask & -mask) if mask > 0 else 0
        if not 0 < mask < 1 << 32 or run & (run + 1) or run.bit_length() < MARK_BITS:
            yield Finding(
                ("gateway", "mark"),
                f"{mask:#010x} does not name at least {MARK_BITS} neighbouring bits of 32",
                "write for example 0x00ff0000",
            )
    if (gateway := parts.gateway.sound("timezone")) is not None and gateway.timezone != SYSTEM:
        try:
            load_zone(gateway.timezone)
        except LookupError:
            guess = nearest(gateway.timezone, known_zones())
            advice = f"did you mean {guess}?" if guess else "write system, or a name such as Europe/Berlin"
            yield Finding(("gateway", "timezone"), f"there is no time zone {shown(gateway.timezone)}", advice)


def check_names(parts: Parts) -> Iterator[Finding]:
    """A name stands for one thing in its list."""
    lists: tuple[Iterable[Part[Any]], ...] = (
        [lan.core for lan in parts.lans],
        [uplink.core for uplink in parts.uplinks],
        [helper.core for helper in parts.helpers],
        parts.publish,
    )
    for entries in lists:
        first: dict[str, KeyPath] = {}
        for part in entries:
            name = getattr(part.sound("name"), "name", None)
            if name in first:
                message = f"the name {shown(name)} is taken by {show_path(first[name])}"
                yield Finding((*part.path, "name"), message, "choose another name")
            elif name is not None:
                first[name] = part.path


def check_references(parts: Parts) -> Iterator[Finding]:
    """Names of LANs and uplinks that other entries use exist."""
    lans = _names([lan.core for lan in parts.lans])
    uplinks = _names([uplink.core for uplink in parts.uplinks])
    for lan in parts.lans:
        yield from _unknown(lan.core, "reach", "LAN", lans)
    for helper in parts.helpers:
        yield from _unknown(helper.core, "lans", "LAN", lans)
        yield from _unknown(helper.core, "uplinks", "uplink", uplinks)
    for published in parts.publish:
        yield from _unknown(published, "uplinks", "uplink", uplinks)


def _names(entries: Iterable[Part[Any]]) -> set[str] | None:
    """The names of a list; None if one of them could not be read, so that nobody is blamed for naming it."""
    found = [getattr(part.sound("name"), "name", None) for part in entries]
    return None if None in found else {str(name) for name in found}


def _unknown(part: Part[Any], key: str, what: str, names: Collection[str] | None) -> Iterator[Finding]:
    section = part.sound(key)
    if section is None or names is None:
        return
    for index, name in enumerate(getattr(section, key)):
        if name not in names:
            guess = nearest(name, names)
            advice = f"did you mean {guess}?" if guess else f"there are: {', '.join(sorted(names)) or 'none'}"
            yield Finding((*part.path, key, index), f"there is no {what} called {shown(name)}", advice)


def check_plugins(parts: Parts) -> Iterator[Finding]:
    """What the plugins say of their own keys."""
    for lan in parts.lans:
        section = lan.core.sound("address")
        for service in lan.services:
            if section is None:
                continue
            mac = section.match.mac if section.match is not None else ""
            context = CheckContext("lan_service", section.name, section.device, mac, section.address)
            yield from _ask(service, context)
    for uplink in parts.uplinks:
        if (link := uplink.core.sound("interface", "match")) is not None:
            mac = link.match.mac if link.match is not None else ""
            yield from _ask(uplink, CheckContext("uplink", link.name, link.interface or "", mac))
    for helper in parts.helpers:
        if (core := helper.core.value) is not None:
            yield from _ask(helper, CheckContext("nat_helper", core.name))


def _ask(entry: Entry[Any], context: CheckContext) -> Iterator[Finding]:
    own = entry.own.value
    if own is None:
        return
    try:
        findings = list(own.check(context))
    except Exception as error:  # noqa: BLE001 - a stranger's code; it must not take the rest down
        yield Finding(
            (*entry.path, "plugin"), f"the plugin failed to check its keys: {error!r}", "tell its author"
        )
        return
    for finding in findings:
        # What concerns a key that could not be read is only about its default.
        if not finding.path or finding.path[0] not in entry.own.unsound:
            yield Finding((*entry.path, *finding.path), finding.problem, finding.advice, finding.warning)
