"""The values of the uplink policy: what may happen, what is done then, and what is known of one uplink.  Pure."""

from dataclasses import field
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.uplinks.quiet import NEVER_QUIET, Quiet
from icsframework.values import Absent, Cause, Connecting, Refused, UplinkState

__all__ = [
    "ADOPTING",
    "Active",
    "Adopting",
    "Asked",
    "Commanded",
    "Connect",
    "ConnectMode",
    "Disconnect",
    "HungUp",
    "InForce",
    "NotAdopted",
    "PolicyAction",
    "PolicyEvent",
    "Rearmed",
    "Reported",
    "Ruled",
    "Started",
    "TimeCame",
    "UplinkPolicy",
]

ConnectMode = Literal["always", "demand", "standby", "manual"]

ADOPTING = Connecting("adopting")
"""The device while its plugin is asked whether an old link goes on."""


@dataclass(frozen=True, slots=True)
class Started:
    """The gateway runs; uplinks may connect."""


@dataclass(frozen=True, slots=True)
class Adopting:
    """The gateway runs again; the plugin is asked whether the link that was up for ``cause`` goes on.

    ``override``: the operator had lifted limits and hours for it.
    """

    cause: Cause
    override: bool = False


@dataclass(frozen=True, slots=True)
class NotAdopted:
    """It does not; ``device`` is what the plugin has said of its device meanwhile."""

    device: UplinkState


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody needs the Internet."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Commanded:
    """The operator connects; with ``override`` whatever limits and hours say, until that link is hung up or given up."""

    cause: Cause
    override: bool = False


@dataclass(frozen=True, slots=True)
class HungUp:
    """The operator disconnects; it stays down until wanted again, or until that time whatever wants it."""

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Ruled:
    """What limits and hours say now: None, nothing forbids that it is up; else why not, and until when."""

    forbidden: Refused | None


@dataclass(frozen=True, slots=True)
class Reported:
    """The plugin told its observer something.

    ``ruled``: what limits and hours say after it, if it ended a call or a try.  They hold before anything is dialled again.
    """

    state: UplinkState
    ruled: Ruled | None = None


@dataclass(frozen=True, slots=True)
class Active:
    """Traffic that keeps it up was seen at this time."""

    when: float


@dataclass(frozen=True, slots=True)
class Rearmed:
    """The configuration has changed; a running call goes on."""

    mode: ConnectMode
    quiet: Quiet


@dataclass(frozen=True, slots=True)
class InForce:
    """The machine has the link that the plugin announced.  Only this ends a row of failures: a link whose address
    cannot be used comes up again and again.
    """


@dataclass(frozen=True, slots=True)
class TimeCame:
    """The time of ``deadline`` has come."""


PolicyEvent = (
    Started
    | Adopting
    | NotAdopted
    | Reported
    | InForce
    | Asked
    | Commanded
    | HungUp
    | Ruled
    | Active
    | Rearmed
    | TimeCame
)


@dataclass(frozen=True, slots=True)
class Connect:
    """Call the plugin's ``connect``."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Call the plugin's ``disconnect``."""

    reason: str


PolicyAction = Connect | Disconnect


@dataclass(frozen=True, slots=True)
class UplinkPolicy:
    """All that is known of one uplink's wishes and its device."""

    mode: ConnectMode
    quiet: Quiet = NEVER_QUIET
    device: UplinkState = field(default_factory=lambda: Absent("not looked at yet"))
    """What the plugin said last.  It begins as absent, so that the first report of a device that is there connects."""
    wanted: Cause | None = None
    persistent: bool = False
    """True if a failure is followed by another try: the link was up for this cause, or the mode wants it always."""
    tries: int = 0
    """Failures in a row, for the back-off."""
    retry_at: float | None = None
    """When the next try is due; of a link on demand that nobody wants: until when a new wish fails at once."""
    reason: str = ""
    """Why it is not wanted (operator, quiet, limit), or how the last try ended."""
    leaving: bool = False
    """True from Disconnect until the plugin says that the link is gone.  A wish that comes meanwhile waits for that."""
    forbidden: Refused | None = None
    """What limits and hours say."""
    override: bool = False
    """True if the operator has lifted them for this link."""
    barred: Refused | None = None
    """The operator hung up for a stated time."""
    since: float | None = None
    """When the link came up that is up."""
    active: float = 0.0
    """When traffic that counts was seen last, or the link came up."""
    redialling: bool = False
    """True from the loss of a link that was up until the try that follows by itself has ended."""
    unused: bool = False
    """True if that try brought it up and no traffic that counts has been seen since."""
