"""The journal of what ``ics mappings add`` added: records, and the way back.  Pure.

Time.  A mapping with a lifetime is in the journal with its end by the clock of this
boot, which neither jumps nor stands still, by the wall clock, and with its whole
length.  After a restart in the same boot the time left is that by the clock of the
boot; in another one that by the wall clock, if it was trusted then and is now, but
never more than the whole; else the whole from now on.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from icsframework.mappings.held import ADDED, Held
from icsframework.values import Endpoint

__all__ = ["FORMAT", "NAME", "Moment", "record_of", "removal_of", "replay"]

NAME = "mappings"
FORMAT = 1
"""Version of the journal's records."""


class Moment(NamedTuple):
    """What the clocks show: IClock's ``now``, ``wall``, ``wall_trusted`` and ``boot``."""

    now: float
    wall: float
    trusted: bool
    boot: str


def record_of(held: Sequence[Held], at: Moment) -> dict[str, Any]:
    """The journal record that keeps all of ``held``: one, so that it is there as a whole or not at all."""
    return {"keep": [_kept(one, at) for one in held]}


def removal_of(held: Sequence[Held]) -> dict[str, Any]:
    """The journal record that ends all of ``held``."""
    return {"end": [{"uplink": one.uplink, "protocol": one.protocol, "port": one.port} for one in held]}


def replay(records: Sequence[dict[str, Any]], at: Moment) -> tuple[list[Held], int]:
    """What the journal keeps and is not over, and how many entries of it could not be understood."""
    kept: dict[tuple[str, str, int], Held] = {}
    odd = 0
    for record in records:
        for entry in [*record.get("end", ()), *record.get("keep", ())]:
            try:
                key = (str(entry["uplink"]), str(entry["protocol"]), int(entry["port"]))
                kept.pop(key, None)
                if "to" in entry:
                    kept[key] = _revive(entry, at)
            except (KeyError, ValueError, TypeError, AttributeError):
                odd += 1
    return [held for held in kept.values() if held.expires is None or held.expires > at.now], odd


def _kept(held: Held, at: Moment) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "uplink": held.uplink,
        "protocol": held.protocol,
        "port": held.port,
        "count": held.count,
        "to": str(held.to.address),
        "to_port": held.to.port,
        "remote": None if held.remote is None else str(held.remote),
    }
    if held.expires is not None:
        entry |= {
            "duration": held.duration,
            "until": round(held.expires, 3),
            "boot": at.boot,
            "expires": round(at.wall + held.expires - at.now, 3),
            "trusted": at.trusted,
        }
    return entry


def _revive(record: dict[str, Any], at: Moment) -> Held:
    if record["protocol"] not in ("tcp", "udp"):
        raise ValueError(record["protocol"])
    duration = record.get("duration")
    port, count, inside = int(record["port"]), int(record["count"]), int(record["to_port"])
    if not (port >= 1 <= inside and count >= 1 and max(port, inside) + count <= 65536):
        raise ValueError(f"ports {port} to {inside}")
    return Held(
        uplink=str(record["uplink"]),
        protocol=record["protocol"],
        port=port,
        to=Endpoint(ip_address(record["to"]), inside),
        remote=None if record.get("remote") is None else ip_address(record["remote"]),
        owner=ADDED,
        expires=None if duration is None else at.now + min(_time_left(record, at), float(duration)),
        duration=None if duration is None else float(duration),
        count=count,
    )


def _time_left(record: dict[str, Any], at: Moment) -> float:
    if record.get("boot") == at.boot:
        return float(record["until"]) - at.now
    if at.trusted and record.get("trusted"):
        return float(record["expires"]) - at.wall
    return float(record["duration"])
