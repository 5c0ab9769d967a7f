"""Status, leases and history as a person reads them on a terminal.  Pure: JSON in, text out; standard library only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

Row = Sequence[str]

WIDTH = 80
"""Columns of the narrowest terminal that the status is made for."""
PAINT = 9
"""Characters that ``paint`` adds and nobody sees."""

_STATE_COLOURS = {
    "up": "32",
    "ready": "32",
    "connecting": "33",
    "cooling": "33",
    "failed": "31",
    "refused": "31",
    "absent": "31",
    "missing": "31",
    "misconfigured": "31",
    "unsupported": "33",
}


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
    uplinks = table(
        ("UPLINK", "STATE", "INTERFACE", "ADDRESS", "SINCE", "IN", "OUT"), _uplinks(data, now, colour)
    )
    lines += ["", *_explained(uplinks, ["", *(_why(uplink, now) for uplink in data["uplinks"])])]
    lans = table(("LAN", "STATE", "INTERFACE", "ADDRESS", "LEASES"), _lans(data, colour))
    lines += ["", *_explained(lans, ["SERVICES", *(_services(lan) for lan in data["lans"])])]
    if data.get("helpers"):
        lines += ["", *_helpers(data["helpers"], colour)]
    if count := data.get("mappings"):
        lines += ["", f"mappings of external ports: {count}; ics mappings lists them"]
    # In one piece, whatever the width: a warning may end with a command to be copied.
    lines += [f"warning: {text}" for text in data.get("warnings", ())]
    return "\n".join(lines)


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
    reasons = ["", *(h.get("reason") or "" for h in helpers)]
    return _explained(table(("HELPER", "STATE", "SESSIONS", "EXPECTATIONS", "REFUSED"), rows), reasons)


def _explained(lines: Sequence[str], words: Sequence[str]) -> list[str]:
    """A table with words behind each line, or below it where they would not fit."""
    widths = [len(line) - PAINT * (line.count("\x1b") // 2) for line in lines]
    found = []
    for line, width, text in zip(lines, widths, words, strict=True):
        behind = line + " " * (max(widths) - width + 2) + text
        if len(behind) - len(line) + width <= WIDTH:
            found.append(behind.rstrip())
        else:
            found += [line, *wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")]
    return found


def _uplinks(data: Mapping[str, Any], now: datetime, colour: bool) -> list[Row]:
    return [
        (
            ("* " if uplink["active"] else "  ") + uplink["name"],
            paint(uplink["state"], colour),
            uplink["interface"] or "-",
            ", ".join(uplink["addresses"]) or "-",
            ago(uplink["since"], now) if uplink["since"] else "-",
            size(uplink["rx_bytes"]),
            size(uplink["tx_bytes"]),
        )
        for uplink in data["uplinks"]
    ]


def _why(uplink: Mapping[str, Any], now: datetime) -> str:
    words = uplink.get("stage") or uplink.get("reason") or ""
    if uplink.get("stage_since"):
        words += f" for {ago(uplink['stage_since'], now)}"
    if uplink.get("retry_at"):
        words += f" (next try {until(uplink['retry_at'], now)})"
    return words.strip()


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
    return "\n".join(_explained(lines, ["", *(mapping.get("reason") or "" for mapping in data)]))


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


def history(data: Sequence[Mapping[str, Any]]) -> str:
    """``ics history``."""
    rows = [
        (
            entry["time"] if entry.get("time_trusted", True) else f"{entry['time']} (clock was wrong)",
            entry["uplink"],
            entry["event"],
            cause(entry.get("cause")),
            entry.get("reason") or "",
        )
        for entry in data
    ]
    if not rows:
        return "nothing has happened yet"
    lines = table(("TIME", "UPLINK", "EVENT", "BECAUSE", "REASON"), rows)
    return "\n".join(_explained(lines, ["", *(_course(entry) for entry in data)]))


def _course(entry: Mapping[str, Any]) -> str:
    """How a connect went, how often, and what is left out before it."""
    steps = ", ".join(f"{step['stage']} {step['seconds']:.1f}s" for step in entry.get("steps", ()))
    parts = [steps] if steps else []
    if entry.get("times", 1) > 1:
        parts.append(f"{entry['times']} times, the last at {entry['last']}")
    if entry.get("skipped"):
        parts.append(f"{entry['skipped']} entries before this one are not kept")
    return "; ".join(parts)


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


def cause(data: Mapping[str, str] | None) -> str:
    """A cause in words: the rule, who, and what for."""
    if not data:
        return "-"
    who = data.get("hostname") or data.get("client") or ""
    what = " ".join(
        part for part in (data.get("protocol", ""), data.get("name") or data.get("destination", "")) if part
    )
    return ", ".join(part for part in (data.get("rule", ""), who, what) if part)


def table(head: Row, rows: Sequence[Row]) -> list[str]:
    """Lines of a table with columns as wide as their widest cell; colour codes do not count."""
    every = [head, *rows]
    widths = [max(width_of(row[column]) for row in every) for column in range(len(head))]
    return [
        "  ".join(
            cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in every
    ]


def width_of(cell: str) -> int:
    """Columns that a cell takes on the terminal."""
    return len(cell) - (PAINT if cell.startswith("\x1b[") else 0)


def paint(state: str, colour: bool) -> str:
    """A state in its colour, if wanted: five characters before it and four after."""
    code = _STATE_COLOURS.get(state)
    return f"\x1b[{code}m{state}\x1b[0m" if colour and code else state


def size(count: int) -> str:
    """Bytes in a unit that keeps the number short."""
    value, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 1000 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def seconds(text: str, now: datetime) -> float:
    """Seconds from now to an ISO 8601 time (negative for the past)."""
    return (datetime.fromisoformat(text).astimezone(UTC) - now).total_seconds()


def span(count: float) -> str:
    """A duration in its two largest units."""
    rest = int(abs(count))
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, length)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2])


def ago(text: str, now: datetime) -> str:
    """How long since a time."""
    return span(seconds(text, now))


def until(text: str, now: datetime) -> str:
    """How long until a time."""
    left = seconds(text, now)
    return "now" if left <= 0 else f"in {span(left)}"
