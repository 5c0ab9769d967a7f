"""Status, leases and mappings as a person reads them on a terminal.  Pure: JSON in, text out; standard library only.

A time is shown by the clock of the time zone which ``now`` is given in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from icsframework.control.show_uplinks import about, uplink_rows
from icsframework.control.words import Row, ago, clock, explained, paint, size, span, table, until


def status(data: Mapping[str, Any], now: datetime, colour: bool = False) -> str:
    """``ics status``: the gateway in one line, then uplinks, LANs and helpers as tables."""
    gateway = data["gateway"]
    state = paint(gateway["state"], colour)
    lines = [
        f"ics {gateway['version']}  {state}  since {ago(gateway['since'], now)}  {gateway.get('config', '')}".rstrip()
    ]
    if pending := gateway.get("pending"):
        lines.append(
            f"on trial: {pending['changes']}; what was before comes back in {span(pending['seconds_left'])}, "
            "unless you say: ics reload --keep"
        )
    head = ("UPLINK", "STATE", "INTERFACE", "ADDRESS", "SINCE", "IN", "OUT")
    uplinks = table(head, uplink_rows(data["uplinks"], now, colour))
    lines += ["", *explained(uplinks, [(), *(about(uplink, now) for uplink in data["uplinks"])])]
    if waiting := _waiting(data.get("hold")):
        lines.append(waiting)
    lans = table(("LAN", "STATE", "INTERFACE", "ADDRESS", "LEASES"), _lans(data, colour))
    lines += ["", *explained(lans, [["SERVICES"], *([_services(lan)] for lan in data["lans"])])]
    if data.get("helpers"):
        lines += ["", *_helpers(data["helpers"], colour)]
    if count := data.get("mappings"):
        lines += ["", f"mappings of external ports: {count}; ics mappings lists them"]
    # In one piece, whatever the width: a warning may end with a command to be copied.
    lines += [f"warning: {text}" for text in data.get("warnings", ())]
    return "\n".join(lines)


def _waiting(hold: Mapping[str, Any] | None) -> str:
    """Packets that wait for a link, if there are any."""
    if not hold or not hold.get("held"):
        return ""
    packets = f"{hold['held']} packet{'s' if hold['held'] != 1 else ''} ({size(hold['bytes'])})"
    clients = f"{hold['clients']} client{'s' if hold['clients'] != 1 else ''}"
    return f"waiting for a link: {packets} of {clients}, the oldest for {span(hold.get('oldest') or 0)}"


def hung_up(data: Mapping[str, Any], now: datetime) -> str:
    """``ics disconnect``: until when, or until what; an older gateway says neither."""
    if data.get("until"):
        stays = f"until {clock(data['until'], now)}"
    elif data.get("connect") == "demand":
        stays = "until something needs the Internet"
    elif data.get("connect"):
        stays = f"until: ics connect {data['uplink']}"
    else:
        stays = "until it is wanted again"
    return f"{data['uplink']}: hung up; it stays down {stays}"


def _helpers(helpers: Sequence[Mapping[str, Any]], colour: bool) -> list[str]:
    rows = [
        (
            h["name"],
            paint(h.get("state", "ready"), colour),  # an older daemon shows only those that work
            str(h["sessions"]),
            str(h["expectations"]),
            str(h["refused"]),
        )
        for h in helpers
    ]
    reasons = [(), *([h.get("reason") or ""] for h in helpers)]
    return explained(table(("HELPER", "STATE", "SESSIONS", "EXPECTATIONS", "REFUSED"), rows), reasons)


def _lans(data: Mapping[str, Any], colour: bool) -> list[Row]:
    return [
        (
            "  " + lan["name"],
            paint(lan.get("state", "up"), colour),
            lan["interface"],
            lan["address"],
            str(lan["leases"]),
        )
        for lan in data["lans"]
    ]


def _services(lan: Mapping[str, Any]) -> str:
    return lan.get("reason") or ", ".join(_service(service) for service in lan["services"])


def _service(service: Any) -> str:
    if isinstance(service, str):
        return service
    state = service.get("state", "")
    return (
        service["plugin"]
        if state in ("", "serving")
        else f"{service['plugin']} ({state}: {service.get('reason', '')})"
    )


def preview(data: Mapping[str, Any]) -> str:
    """``ics reload --dry-run``: the parts of the configuration, then the machine, then the packet filter."""
    lines = [data["changes"]]
    if data["machine"]:
        lines += ["", "on the machine:", *(f"  {change}" for change in data["machine"])]
    if data["nft"]:
        lines += ["", "in the packet filter:", data["nft"].rstrip("\n")]
    return "\n".join(lines)


def leases(data: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """``ics leases``."""
    rows = [
        (
            lease["address"],
            lease["mac"],
            lease["hostname"] or "-",
            lease["lan"],
            until(lease["expires"], now) if lease["expires"] else "never",
        )
        for lease in data
    ]
    return "\n".join(table(("ADDRESS", "MAC", "NAME", "LAN", "EXPIRES"), rows)) if rows else "no leases"


def mappings(data: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """``ics mappings``."""
    rows = [
        (
            mapping["protocol"],
            mapping["uplink"],
            _ports(mapping),
            mapping["to"],
            mapping["remote"] or "anybody",
            mapping["owner"],
            (until(mapping["expires"], now) if mapping["expires"] else "never")
            + (", once" if mapping.get("once") else ""),
        )
        for mapping in data
    ]
    if not rows:
        return "no external ports are open"
    lines = table(("PROTOCOL", "UPLINK", "PORT", "TO", "FOR", "OWNER", "ENDS"), rows)
    return "\n".join(explained(lines, [(), *([mapping.get("reason") or ""] for mapping in data)]))


def added(data: Mapping[str, Any]) -> str:
    """``ics mappings add``: a line for each uplink."""
    return "\n".join(
        f"{row['protocol']} {row['external_address'] or row['uplink']} port {_ports(row)} leads to {row['to']}"
        + (f" (not now: {row['reason']})" if row.get("reason") else "")
        for row in data["added"]
    )


def removed(data: Mapping[str, Any]) -> str:
    """``ics mappings remove``: a line for each uplink."""
    return "\n".join(
        f"{row['protocol']} port {_ports(row)} on {row['uplink']} is closed; it led to {row['to']}"
        for row in data["removed"]
    )


def _ports(mapping: Mapping[str, Any]) -> str:
    first, count = mapping["external_port"], mapping.get("count", 1)
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def plugins(data: Sequence[Mapping[str, Any]]) -> str:
    """``ics plugins``, with or without ``--check``."""
    head = ["NAME", "KIND", "DISTRIBUTION", "VERSION"]
    checked = any("state" in plugin for plugin in data)
    rows = [
        [plugin["name"], plugin["kind"], plugin["distribution"], plugin["version"]]
        + ([plugin["state"], plugin["reason"]] if checked else [])
        for plugin in data
    ]
    return (
        "\n".join(table(head + (["STATE", "REASON"] if checked else []), rows))
        if rows
        else "no plugins are installed"
    )
