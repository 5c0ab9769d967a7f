"""Remarks about dialling on demand: what the file says and what will have no effect, or hardly the one that was meant.

All of these are warnings: the file works as it stands.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from icsframework.config.check_rules import check_rules
from icsframework.config.parts import Parts
from icsframework.config.problem import KeyPath, show_path
from icsframework.config.uplinks import UplinkSection
from icsframework.fields import Finding
from icsframework.quantities import Period, Rate, format_duration

__all__ = ["check_demand"]

SHORT_IDLE = 10.0
"""Seconds of quiet that a page being read makes: a link that is hung up for less is dialled again with each click."""
SHORT_HOLD = 5.0
"""Seconds in which hardly a link comes up: a lease takes two, a telephone call twenty."""

LONGEST = {Period.HOUR: 3600.0, Period.DAY: 25 * 3600.0, Period.MONTH: (31 * 24 + 1) * 3600.0}
"""Seconds of the longest of each period, where summer time ends in it."""


def check_demand(parts: Parts) -> Iterator[Finding]:
    """Everything about dialling that is not wrong and still not what somebody means."""
    for uplink in parts.uplinks:
        section = uplink.core.sound("enabled", "connect", "demand", "wake", "keep")
        if section is None or not section.enabled:
            continue
        yield from _without_effect(uplink.path, section)
        yield from _short(uplink.path, section)
        yield from check_rules(parts, section.wake, (*uplink.path, "wake"))
        yield from check_rules(parts, section.keep, (*uplink.path, "keep"))
        if (limited := uplink.core.sound("limits")) is not None:
            yield from _limits(uplink.path, limited)
    yield from _devices(parts)


def _without_effect(path: KeyPath, section: UplinkSection) -> Iterator[Finding]:
    """Keys for another way to connect."""
    written, connect = section.demand.model_fields_set, section.connect
    if connect == "standby":  # has no function at all yet
        return
    on_demand = connect == "demand"
    hung_up = section.demand.idle > 0 and (on_demand or (connect == "manual" and "idle" in written))
    without = {
        ("demand", "idle"): "idle" in written and connect == "always",
        ("demand", "hold"): "hold" in written and not on_demand,
        ("demand", "min_up"): "min_up" in written and not hung_up,
        ("demand", "ignore"): "ignore" in written and not (on_demand or hung_up),
        ("wake",): bool(section.wake) and not on_demand,
        ("keep",): bool(section.keep) and not hung_up,
    }
    for keys, useless in without.items():
        if useless:
            why, advice = _reason(section, keys[-1], on_demand)
            yield Finding((*path, *keys), f"has no effect: {why}", advice, warning=True)


def _reason(section: UplinkSection, key: str, on_demand: bool) -> tuple[str, str]:
    if on_demand:
        return "demand.idle is 0, so it is never hung up for quiet", "remove it, or write an idle time"
    if section.connect == "manual" and key != "hold" and key != "wake":
        advice = "remove it, or write demand.idle to have it hung up when it is quiet"
        return "connect is manual, so it is hung up by command", advice
    return f"connect is {section.connect}, so traffic does not dial it", "remove it, or write connect: demand"


def _short(path: KeyPath, section: UplinkSection) -> Iterator[Finding]:
    """Times that are too short for what they are for."""
    demand = section.demand
    if section.connect in ("demand", "manual") and 0 < demand.idle < SHORT_IDLE:
        message = f"{format_duration(demand.idle)} of quiet are soon over: it will be dialled again and again"
        yield Finding((*path, "demand", "idle"), message, "write for example 5m; 0 is never", warning=True)
    if section.connect == "demand" and demand.hold < SHORT_HOLD:
        message = f"hardly a link comes up within {format_duration(demand.hold)}: the first packets are lost"
        advice = "write for example 60s; a call of a modem takes 20 to 40 s"
        yield Finding((*path, "demand", "hold"), message, advice, warning=True)


def _limits(path: KeyPath, section: UplinkSection) -> Iterator[Finding]:
    """Limits that are reached before anything happens, or never."""
    limits = section.limits
    for key in ("time", "data", "dials", "money"):
        rates: Sequence[Rate[Any]] = getattr(limits, key)
        for index, rate in enumerate(rates):
            where = (*path, "limits", key) if len(rates) == 1 else (*path, "limits", key, index)
            least = [other for other in rates if other.period == rate.period and other.amount < rate.amount]
            if rate.amount == 0 or (key == "money" and rate.amount < limits.price):
                why = "nothing" if rate.amount == 0 else f"less than one charge unit costs ({limits.price})"
                message = f"allows {why}: the uplink will never connect"
                yield Finding(where, message, "write more, or enabled: false", warning=True)
            elif key == "time" and rate.amount >= LONGEST[rate.period]:
                message = f"is never reached: no {rate.period} is longer"
                yield Finding(where, message, "write less, or remove it", warning=True)
            elif least:
                message = f"is never reached: another amount for the same {rate.period} is less"
                yield Finding(where, message, "remove one of them", warning=True)


def _devices(parts: Parts) -> Iterator[Finding]:
    """One device carries one link at a time."""
    first: dict[str, KeyPath] = {}
    for uplink in parts.uplinks:
        section, device = uplink.core.sound("enabled"), getattr(uplink.own.value, "device", None)
        if section is None or not section.enabled or not isinstance(device, str):
            continue
        if device in first:
            message = f"{device} is also that of {show_path(first[device])}: only one of them can be connected at a time"
            yield Finding((*uplink.path, "device"), message, "give each its own device", warning=True)
        first.setdefault(device, uplink.path)
