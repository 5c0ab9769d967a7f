"""What must outlive the process of each uplink, as values and as a JSON-able document.  Pure.

A killed or restarted gateway leaves its links, addresses and flows in the
kernel.  The next one needs to know which link was announced (to ask the plugin
whether it goes on), which index its marks carry (running flows have it in the
kernel), why it was up, whether the operator had lifted its limits, and whether
and until when he had hung it up.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

from icsframework.errors import StoreError
from icsframework.frozen import dataclass
from icsframework.status import cause_to_json, to_json
from icsframework.uplinks.occasions import UplinkPolicy
from icsframework.values import Cause, Family, Link, Prefix

__all__ = ["SavedUplink", "from_document", "saved_of", "to_document"]


@dataclass(frozen=True, slots=True)
class SavedUplink:
    """One uplink; ``hung_up`` is the reason if the operator wanted it down, else None.

    ``until``: it was to be down until then (seconds of IClock.now, which goes on in the next process).  ``override``:
    limits and hours do not hold for the link.
    """

    index: int
    link: Link | None = None
    cause: Cause | None = None
    hung_up: str | None = None
    until: float | None = None
    override: bool = False


def saved_of(index: int, policy: UplinkPolicy, link: Link | None, cause: Cause | None) -> SavedUplink:
    """What is to be kept of an uplink; ``link`` is the one announced, if any, and ``cause`` why."""
    why = cause if link is not None else None
    if policy.barred is not None:
        return SavedUplink(index, link, why, policy.barred.reason, policy.barred.retry_at)
    hung_up = policy.reason if policy.mode == "always" and policy.wanted is None else None
    return SavedUplink(index, link, why, hung_up, override=policy.override and link is not None)


def to_document(uplinks: Mapping[str, SavedUplink]) -> dict[str, Any]:
    """The JSON-able form, by name."""
    return {
        name: {
            "index": saved.index,
            "link": None if saved.link is None else to_json(saved.link),
            "cause": cause_to_json(saved.cause),
            "hung_up": saved.hung_up,
            "until": saved.until,
            "override": saved.override,
        }
        for name, saved in uplinks.items()
    }


def from_document(document: Any) -> dict[str, SavedUplink]:
    """The reverse of ``to_document``; StoreError if it is something else."""
    try:
        return {name: _uplink(item) for name, item in document.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"the record of the links makes no sense ({error!r})") from error


def _uplink(item: Any) -> SavedUplink:
    link, cause, hung_up = item["link"], item["cause"], item["hung_up"]
    until = item.get("until")  # not there in what an earlier version wrote
    return SavedUplink(
        int(item["index"]),
        None if link is None else _link(link),
        None if cause is None else _cause(cause),
        None if hung_up is None else str(hung_up),
        None if until is None else float(until),
        bool(item.get("override", False)),
    )


def _link(item: dict[str, Any]) -> Link:
    families = {key: None if item[key] is None else _family(item[key]) for key in ("v4", "v6")}
    return Link(**(item | families))


def _family(item: dict[str, Any]) -> Family:
    gateway = item["gateway"]
    return Family(
        tuple(map(ip_interface, item["addresses"])),
        None if gateway is None else ip_address(gateway),
        tuple(map(ip_address, item["dns"])),
        tuple(
            Prefix(ip_network(one["net"]), one["preferred_until"], one["valid_until"])
            for one in item["prefixes"]
        ),
    )


def _cause(item: dict[str, str]) -> Cause:
    known: dict[str, Any] = {**item, "client": ip_address(item["client"]) if item["client"] else None}
    return Cause(**known)
