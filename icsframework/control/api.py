"""The API as a table: method and path -> right, function.  No HTTP here.

Every function takes the gateway and the request's parameters and returns JSON-able
data or a Deferred of it.  Errors of ours become ``{"error": sentence, "exit": status}``
with the HTTP status of ``http_status``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, inlineCallbacks

from icsframework import __version__
from icsframework.control.parameters import confirm_seconds, down_seconds, flag, uplink_name
from icsframework.control.rights import Caller, Right
from icsframework.errors import IcsError, NoPrivilege, NotRunning, UsageError
from icsframework.frozen import dataclass
from icsframework.mappings.addition import Addition, Removal
from icsframework.quantities import format_duration
from icsframework.status import (
    HistoryEntry,
    Instant,
    LeaseStatus,
    MappingStatus,
    ReloadPreview,
    Status,
    to_json,
)
from icsframework.values import Cause, Link
from icsframework.values import Mapping as PortMapping


@dataclass(frozen=True, slots=True)
class Hangup:
    """An uplink that was hung up by command: ``connect`` is its mode, which says what brings it up again.

    ``until``: it stays down until then, whatever wants it; None: until something that its mode knows.
    """

    uplink: str
    connect: str
    until: Instant | None = None


class Controlled(Protocol):
    """What the API needs of the gateway."""

    def status(self) -> Status:
        """The whole tree."""
        ...

    def leases_status(self) -> list[LeaseStatus]:
        """Live leases, by LAN and address."""
        ...

    def mappings_status(self) -> list[MappingStatus]:
        """External ports and who has them, by uplink, protocol and port."""
        ...

    def add_mapping(self, addition: Addition) -> Deferred[list[PortMapping]]:
        """Open ports by hand, on each uplink that is meant or on none; fires when they are open, and kept over a restart."""
        ...

    def remove_mapping(self, removal: Removal) -> Deferred[list[PortMapping]]:
        """Close what was opened by hand; fires with what it was."""
        ...

    def history_entries(self) -> list[HistoryEntry]:
        """What happened to the uplinks, oldest first."""
        ...

    def connect(self, uplink: str | None, cause: Cause, override: bool = False) -> Deferred[Link]:
        """Connect by command; fires when up, fails with UplinkFailed, or UplinkRefused by a limit or the hours.

        ``override``: whatever those say, until it is hung up.
        """
        ...

    def disconnect(self, uplink: str | None, reason: str, seconds: float | None = None) -> Deferred[Hangup]:
        """Hang up by command, and keep it down for so many ``seconds``; fires when it is down."""
        ...

    def reload(self, confirm: int | None = None) -> Deferred[str]:
        """Take the configuration file anew; fires with what changed, in words, when it is in force.

        With ``confirm`` it goes back after so many seconds, unless ``keep`` is called.
        """
        ...

    def preview(self) -> Deferred[ReloadPreview]:
        """What a reload would change now; changes nothing."""
        ...

    def keep(self) -> Deferred[str]:
        """Confirm the reload that waits to be; fires with what it changed."""
        ...

    def restart(self) -> int:
        """Hand over to the next process; the answer is the number of this one, which ends as soon as it is given."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """One entry of the table."""

    right: Right
    function: Callable[[Controlled, Caller, Mapping[str, Any]], Any]
    audit: bool = False
    """True if it changes something and so is logged with who asked."""
    waits: bool = False
    """True if the caller only waits for something, and takes his wish with him when he goes away."""
    parameters: tuple[str, ...] = ()
    """Those that it knows, so that a newer command can tell before it asks for something else."""


def _status(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    return to_json(gateway.status())


def _leases(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    return to_json(gateway.leases_status())


def _history(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    return to_json(gateway.history_entries())


def _mappings(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    return to_json(gateway.mappings_status())


@inlineCallbacks
def _add_mapping(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    added = yield gateway.add_mapping(Addition.read(parameters))
    places = {_place(mapping) for mapping in added}
    rows = gateway.mappings_status()
    return {
        "added": to_json([row for row in rows if (row.uplink, row.protocol, row.external_port) in places])
    }


@inlineCallbacks
def _remove_mapping(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    removed = yield gateway.remove_mapping(Removal.read(parameters))
    names = ("uplink", "protocol", "external_port")
    return {
        "removed": [
            dict(zip(names, _place(mapping), strict=True)) | {"to": str(mapping.to), "count": mapping.count}
            for mapping in removed
        ]
    }


def _place(mapping: PortMapping) -> tuple[str, str, int]:
    return mapping.uplink, mapping.protocol, mapping.external.port


def _version(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    known = {path: list(route.parameters) for (_, path), route in sorted(ROUTES.items()) if route.parameters}
    return {"version": __version__, "paths": sorted({path for _, path in ROUTES}), "parameters": known}


@inlineCallbacks
def _connect(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    override = flag(parameters, "override")
    cause = Cause(rule="command, override" if override else "command")
    link = yield gateway.connect(uplink_name(parameters), cause, override)
    return {"interface": link.interface, "addresses": [str(a) for f in link.families for a in f.addresses]}


@inlineCallbacks
def _disconnect(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    seconds = down_seconds(parameters)
    length = "" if seconds is None else f" for {format_duration(seconds)}"
    hangup = yield gateway.disconnect(uplink_name(parameters), f"disconnected by {caller}{length}", seconds)
    return to_json(hangup)


@inlineCallbacks
def _reload(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    dry_run, keep = flag(parameters, "dry_run"), flag(parameters, "keep")
    confirm = confirm_seconds(parameters)
    if dry_run + keep + (confirm is not None) > 1:
        raise UsageError("only one of dry_run, confirm and keep can be asked for")
    if dry_run:
        preview = yield gateway.preview()
        return to_json(preview)
    changes = yield gateway.keep() if keep else gateway.reload(confirm)
    return {"changes": changes}


def _restart(gateway: Controlled, caller: Caller, parameters: Mapping[str, Any]) -> Any:
    return {"pid": gateway.restart()}


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/v1/version"): Route(Right.VIEW, _version),
    ("GET", "/v1/status"): Route(Right.VIEW, _status),
    ("GET", "/v1/leases"): Route(Right.VIEW, _leases),
    ("GET", "/v1/history"): Route(Right.VIEW, _history),
    ("GET", "/v1/mappings"): Route(Right.VIEW, _mappings),
    ("POST", "/v1/mappings/add"): Route(Right.OPERATE, _add_mapping, audit=True),
    ("POST", "/v1/mappings/remove"): Route(Right.OPERATE, _remove_mapping, audit=True),
    ("POST", "/v1/connect"): Route(
        Right.CONNECT, _connect, audit=True, waits=True, parameters=("uplink", "override")
    ),
    ("POST", "/v1/disconnect"): Route(Right.CONNECT, _disconnect, audit=True, parameters=("uplink", "for")),
    ("POST", "/v1/reload"): Route(
        Right.OPERATE, _reload, audit=True, parameters=("dry_run", "confirm", "keep")
    ),
    ("POST", "/v1/restart"): Route(Right.OPERATE, _restart, audit=True),
}


def unknown_parameter(route: Route, parameters: Mapping[str, Any]) -> str | None:
    """What is wrong if there is one that the route does not know, in words that go on after its path; else None."""
    if not route.parameters:
        return None
    stray = next((name for name in parameters if name not in route.parameters), None)
    return None if stray is None else f"knows no {stray[:40]!r}; it knows: {', '.join(route.parameters)}"


def http_status(error: IcsError) -> int:
    """The HTTP status that goes with one of our errors."""
    if isinstance(error, NoPrivilege):
        return 403
    if isinstance(error, NotRunning):
        return 503
    return 400 if error.exit_status == 2 else 409
