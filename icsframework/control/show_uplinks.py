"""Uplinks as a person reads them: what each does and why, what it has cost, and what happened.  Pure; standard library only.

Whatever an older gateway does not say is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from icsframework.control.words import (
    Row,
    ago,
    explained,
    paint,
    size,
    span,
    stamp,
    table,
    until,
    until_clock,
)

__all__ = ["about", "cause", "history", "uplink_rows"]

BY_ITSELF = ("", "always")
"""Causes that are none: the uplink is to be up whatever happens."""
AGAIN = "; again at "
"""In the reason of a refusal: when it ends."""
COMMANDS = ("command", "command, override")
PERIODS = {"hour": "in the last hour", "day": "today", "month": "this month"}


def uplink_rows(uplinks: Sequence[Mapping[str, Any]], now: datetime, colour: bool) -> list[Row]:
    """Their lines of the status."""
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
        for uplink in uplinks
    ]


def about(uplink: Mapping[str, Any], now: datetime) -> list[str]:
    """What is to be said of it: what it does or why not, who wanted it, when it ends by itself, what it has used."""
    lifted = "limits and hours are lifted until it is hung up" if uplink.get("override") else ""
    return [_state(uplink, now), _wanted(uplink), lifted, _end(uplink, now), *_limits(uplink)]


def _state(uplink: Mapping[str, Any], now: datetime) -> str:
    words = uplink.get("stage") or uplink.get("reason") or ""
    if uplink.get("stage_since"):
        words += f" for {ago(uplink['stage_since'], now)}"
    if (again := uplink.get("retry_at")) and uplink["state"] == "refused":
        # A limit says by the gateway's own clock when it ends.
        words += f" ({until(again, now)})" if AGAIN in words else f"; until {until_clock(again, now)}"
    elif again:
        # On demand somebody must need it then.
        what = "may be tried again" if uplink.get("connect") == "demand" else "next try"
        words += f" ({what} {until(again, now)})"
    return words.strip()


def _wanted(uplink: Mapping[str, Any]) -> str:
    known = uplink.get("cause")
    if uplink["state"] not in ("up", "connecting") or not known or known.get("rule", "") in BY_ITSELF:
        return ""
    if known["rule"] in COMMANDS:
        return "connected by command"
    done = "dialled" if uplink["state"] == "up" else "dials"
    return f"{done} {cause(known)}"


def _end(uplink: Mapping[str, Any], now: datetime) -> str:
    moment = uplink.get("hangs_up_at")
    return f"hangs up at {until_clock(moment, now)} if it is not used until then" if moment else ""


def _limits(uplink: Mapping[str, Any]) -> Iterator[str]:
    """How much of each limit is used, and the hours; the warnings of all uplinks stand at the end of the status."""
    limits = uplink.get("limits") or {}
    if rates := limits.get("rates"):
        yield "used: " + ", ".join(_rate(rate) for rate in rates)
    if hours := limits.get("hours"):
        yield f"hours: {', '.join(hours)}"


def _rate(rate: Mapping[str, Any]) -> str:
    """``1h 12m of 2h today``."""
    show = {"seconds": span, "bytes": size}.get(rate["unit"], str)
    kind = rate["key"].rpartition(".")[2]
    what = f" {kind}" if not rate["unit"] else ""
    return (
        f"{show(rate['used'])} of {show(rate['limit'])}{what} {PERIODS.get(rate['period'], rate['period'])}"
    )


# --- history


def history(data: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """``ics history``: for every dial its cause, for every drop its reason."""
    if not data:
        return "nothing has happened yet"
    rows, words = [], []
    causes: dict[str, Any] = {}
    for entry in data:
        time = stamp(entry["time"], now)
        right = entry.get("time_trusted", True)
        rows.append((time if right else f"{time} (clock was wrong)", entry["uplink"], entry["event"]))
        known = entry.get("cause")
        told = known == causes.get(entry["uplink"]) and entry["event"] not in ("connecting", "refused")
        causes[entry["uplink"]] = known
        words.append(["" if told else _because(entry), entry.get("reason") or "", _course(entry, now)])
    return "\n".join(explained(table(("TIME", "UPLINK", "EVENT"), rows), [["WHY"], *words]))


def _because(entry: Mapping[str, Any]) -> str:
    """The cause; which rule refused a wish is what its reason says."""
    known = entry.get("cause") or {}
    return cause({**known, "rule": ""} if entry["event"] == "refused" and _wish(known) else known)


def _course(entry: Mapping[str, Any], now: datetime) -> str:
    """How a connect went, how often, and what is left out before it."""
    steps = ", ".join(f"{step['stage']} {step['seconds']:.1f}s" for step in entry.get("steps", ()))
    parts = [steps] if steps else []
    if entry.get("times", 1) > 1:
        parts.append(f"{entry['times']} times, the last at {stamp(entry['last'], now)}")
    if entry.get("skipped"):
        parts.append(f"{entry['skipped']} entries before this one are not kept")
    return "; ".join(parts)


def cause(data: Mapping[str, str] | None) -> str:
    """A cause in words: who, what for, and the rule that let it."""
    if not data:
        return ""
    wish, rule = _wish(data), data.get("rule", "")
    about = f"for {wish}" if wish else ""
    return f"{about} ({rule})" if wish and rule else about or rule


def _wish(data: Mapping[str, str]) -> str:
    """Who wants what, as far as it is known."""
    client, name = data.get("client", ""), data.get("hostname", "")
    who = f"{client} ({name})" if client and name else client or name
    if not who and data.get("protocol"):
        who = "the gateway itself"
    where = data.get("name", "")
    if destination := data.get("destination", ""):
        where = f"{where} ({destination})" if where else destination
    what = " ".join(part for part in (data.get("protocol", ""), where) if part)
    return ", ".join(part for part in (who, what) if part)
