"""Which uplink a flow belongs to, and whether it still can.  Pure."""

from icsframework.dataplane.plane import DataPlane, UplinkSide
from icsframework.frozen import dataclass
from icsframework.values import Address, Endpoint, Flow

__all__ = [
    "Course",
    "agrees",
    "concerns",
    "fate",
    "held",
    "source_address",
    "unlinked",
    "uplink_of",
    "uplink_towards",
]


@dataclass(frozen=True, slots=True)
class Course:
    """How a connection goes on: the flow as it will be (``outside`` with the port that is wanted), and its second leg."""

    flow: Flow
    to: Endpoint
    source: Endpoint
    mark: int = 0
    transparent: bool = False


def uplink_towards(plane: DataPlane, local: Address | None) -> UplinkSide | None:
    """The uplink of a new flow whose route would leave from ``local``: the one with this address, else the preferred one."""
    return uplink_of(plane, local) or next(iter(plane.preference), None)


def uplink_of(plane: DataPlane, address: Address | None) -> UplinkSide | None:
    """The uplink that has this address; None if none has."""
    for uplink in plane.preference:
        if has(uplink, address):
            return uplink
    return None


def agrees(plane: DataPlane, local: Address | None) -> bool:
    """Whether the kernel, whose route leaves from ``local``, knows the same uplinks as ``plane``: not while they change.

    A route into the hold device leaves from an address that is no uplink's: that is none, too.
    """
    if local is None or held(plane, local):
        return not plane.preference
    return uplink_of(plane, local) is not None


def held(plane: DataPlane, local: Address | None) -> bool:
    """Whether a route that leaves from ``local`` leads into the hold device."""
    return plane.hold is not None and local == plane.hold.address.ip


def concerns(plane: DataPlane, listener: int, uplink: str) -> bool:
    """Whether the helper that listens at this port is for flows of ``uplink``: one that came before its link was not asked."""
    scopes = (one.scope.uplinks for one in plane.doors.redirects if one.listener == listener)
    return all(not scope or uplink in scope for scope in scopes)


def unlinked(plane: DataPlane) -> bool:
    """Whether no link is up and one may be asked for."""
    return plane.hold is not None and not plane.preference


def has(uplink: UplinkSide, address: Address | None) -> bool:
    """Whether ``address`` is one of the uplink's."""
    return any(own.ip == address for own in uplink.addresses)


def fate(plane: DataPlane, name: str, address: Address) -> str | None:
    """Why a flow that leaves by uplink ``name`` from ``address`` must end, None if it goes on or may yet.

    A flow has no other way: its server knows it by this address.  While its uplink is down and there is none
    else, it waits: the link may come back as it was.
    """
    uplink = next((one for one in plane.uplinks if one.name == name), None)
    if uplink is None:
        return f"uplink {name} is not there any more"
    if has(uplink, address):
        return None
    if uplink.up:
        return f"uplink {name} has another address"
    if plane.preference:
        return f"uplink {name} is down"
    return None


def source_address(uplink: UplinkSide, version: int, local: Address | None) -> Address | None:
    """The address of the uplink that a flow of this IP version leaves from: ``local`` if it is one, else the first."""
    if has(uplink, local):
        return local
    return next((own.ip for own in uplink.addresses if own.version == version), None)
