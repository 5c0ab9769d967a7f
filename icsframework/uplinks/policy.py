"""Should this uplink be up, and why?  Pure: state, event, now -> state, actions.

One ``UplinkPolicy`` value per uplink.  ``step`` takes what happened (the plugin
reported something, somebody asked for the Internet, the operator gave a command,
the time came) and returns the next value and what the supervisor must do.

Two facts are kept apart: what the plugin says of the device (``device``) and
what we want (``wanted``, a Cause, or None).  The state that people see is derived
from both by ``shown``.

* ``always``: wanted from the start, for ever, unless the operator hung up.
* ``demand``: wanted when somebody asks, until the operator hangs up.
* ``manual`` and ``standby``: wanted when the operator says so; a request of a plugin is refused.

A lost or failed link that is still wanted is tried again after a back-off that
doubles from ``FIRST_RETRY`` to ``LAST_RETRY`` and never gives up.  An attempt that
the operator asked for and that fails is not repeated: he is looking at it.

After a restart of the gateway a link that was up is not wished for again: the
plugin is asked whether it goes on (Adopting).  If it does it reports Up as ever;
if not (NotAdopted), the wish that it was up for is what remains.
"""

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Literal

from icsframework.frozen import dataclass
from icsframework.values import (
    Absent,
    Armed,
    Cause,
    Connecting,
    Cooling,
    Down,
    Failed,
    Link,
    ShownState,
    Up,
    UplinkState,
)

ConnectMode = Literal["always", "demand", "standby", "manual"]

FIRST_RETRY = 1.0
"""Seconds before the first repetition: long enough for a device to settle, short enough to go unnoticed."""
LAST_RETRY = 60.0
"""Seconds between tries of a link that stays broken: a cable plugged in again is found by its carrier at once, not by this."""
JITTER = 0.2
"""Share of the back-off that is random, so that many gateways behind one ISP do not return in step."""
BY_COMMAND = "it is connected by command only (ics connect)"
"""What people and plugins read of an uplink that nothing but the operator connects."""


@dataclass(frozen=True, slots=True)
class Started:
    """The gateway runs; uplinks may connect."""


@dataclass(frozen=True, slots=True)
class Adopting:
    """The gateway runs again; the plugin is asked whether the link that was up for ``cause`` goes on."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class NotAdopted:
    """It does not; ``device`` is what the plugin has said of its device meanwhile."""

    device: UplinkState


@dataclass(frozen=True, slots=True)
class Reported:
    """The plugin told its observer something."""

    state: UplinkState


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody needs the Internet."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Commanded:
    """The operator connects."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class HungUp:
    """The operator disconnects; it stays down until wanted again."""

    reason: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The machine has the link that the plugin announced.  Only this ends a row of failures: a link whose address
    cannot be used comes up again and again.
    """


@dataclass(frozen=True, slots=True)
class TimeCame:
    """The time of the last WakeAt has come."""


PolicyEvent = Started | Adopting | NotAdopted | Reported | InForce | Asked | Commanded | HungUp | TimeCame


@dataclass(frozen=True, slots=True)
class Connect:
    """Call the plugin's ``connect``."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Call the plugin's ``disconnect``."""

    reason: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Send TimeCame at this time (replaces an earlier one)."""

    when: float


PolicyAction = Connect | Disconnect | WakeAt


@dataclass(frozen=True, slots=True)
class UplinkPolicy:
    """All that is known of one uplink's wishes and its device."""

    mode: ConnectMode
    device: UplinkState = field(default_factory=lambda: Absent("not looked at yet"))
    """What the plugin said last.  It begins as absent, so that the first report of a device that is there connects."""
    wanted: Cause | None = None
    persistent: bool = False
    """True if a failure is followed by another try: the link was up for this cause, or the mode wants it always."""
    tries: int = 0
    """Failures in a row, for the back-off."""
    retry_at: float | None = None
    reason: str = ""
    """Why it is not wanted (operator), or how the last try ended."""
    leaving: bool = False
    """True from Disconnect until the plugin says that the link is gone.  A wish that comes meanwhile waits for that."""


def shown(policy: UplinkPolicy) -> ShownState:
    """The state that people and other plugins see."""
    device = policy.device
    if isinstance(device, (Absent, Connecting, Up)):
        return device
    if policy.retry_at is not None:
        return Cooling(policy.reason, policy.retry_at)
    if isinstance(device, Failed):
        return device
    if policy.mode in ("demand", "standby") and not policy.reason:
        how = "it is connected when asked for" if policy.mode == "demand" else BY_COMMAND
        return Armed(f"connect: {policy.mode}: {how}")
    return Down(policy.reason or (f"connect: manual: {BY_COMMAND}" if policy.mode == "manual" else ""))


def refusal(policy: UplinkPolicy) -> str | None:
    """Why a plugin's request for this uplink would be refused, or None if it would be tried."""
    if isinstance(policy.device, Up) and not policy.leaving:
        return None
    if isinstance(policy.device, Absent):
        return policy.device.reason
    if policy.wanted is not None or policy.mode == "demand":
        return None
    return f"connect: {policy.mode}: {BY_COMMAND}"


def step(
    policy: UplinkPolicy, event: PolicyEvent, now: float, random: Callable[[], float]
) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    """The next policy value and what to do.  ``random`` returns a float in [0, 1)."""
    match event:
        case Started():
            return (
                _want(policy, Cause(rule="always"), persistent=True)
                if policy.mode == "always"
                else (policy, ())
            )
        case Adopting(cause):
            return replace(policy, wanted=cause, persistent=True, device=Connecting("adopting")), ()
        case NotAdopted(device):
            # As if the device had just come: connect, or wait for it.
            return _reported(replace(policy, device=Absent("not looked at yet")), device, now, random)
        case Asked(cause):
            return (policy, ()) if refusal(policy) is not None else _want(policy, cause, persistent=True)
        case Commanded() if isinstance(policy.device, Absent):
            # The command fails at once; what connects when the device comes is the mode, not the command.
            return _want(policy, Cause(rule="always"), True) if policy.mode == "always" else (policy, ())
        case Commanded(cause):
            return _want(policy, cause, persistent=policy.mode == "always")
        case HungUp(reason):
            told = replace(policy, wanted=None, persistent=False, tries=0, retry_at=None, reason=reason)
            idle = isinstance(policy.device, (Absent, Down, Failed))
            return (told, ()) if idle or policy.leaving else _leave(told, reason)
        case Reported(state):
            return _reported(policy, state, now, random)
        case InForce():
            return replace(policy, tries=0), ()
        case TimeCame():
            return _time_came(policy, now)


def _want(
    policy: UplinkPolicy, cause: Cause, persistent: bool
) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    wanted = replace(
        policy, wanted=cause, persistent=persistent or policy.persistent, retry_at=None, reason="", tries=0
    )
    if isinstance(policy.device, (Absent, Connecting, Up)):
        return wanted, ()
    return replace(wanted, device=Connecting("starting")), (Connect(cause),)


def _reported(
    policy: UplinkPolicy, state: UplinkState, now: float, random: Callable[[], float]
) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    gone = isinstance(state, (Absent, Down, Failed))
    seen = replace(policy, device=state, leaving=policy.leaving and not gone)
    match state:
        case Up() if policy.leaving and policy.wanted is not None:
            return seen, ()  # its last words
        case Up() if policy.wanted is None:
            # It came up while the operator hung up: his word is the newer one.
            return _leave(seen, policy.reason or "not wanted")
        case Up():
            return replace(seen, persistent=True, retry_at=None, reason=""), ()
        case Connecting():
            return seen, ()
        case Absent(reason):
            return replace(seen, retry_at=None, tries=0, reason=reason), ()
        case Down() | Failed() if policy.leaving and policy.wanted is not None:
            # It was wanted again while it went down.
            return replace(seen, device=Connecting("starting"), reason=""), (Connect(policy.wanted),)
        case Down() if policy.wanted is not None and isinstance(policy.device, Absent):
            # The device came back.
            return replace(seen, device=Connecting("starting"), reason=""), (Connect(policy.wanted),)
        case Down(reason) | Failed(reason):
            return _lost(seen, state, reason or policy.reason, now, random)


def _leave(policy: UplinkPolicy, reason: str) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    return replace(policy, leaving=True), (Disconnect(reason),)


def _lost(
    policy: UplinkPolicy, state: Down | Failed, reason: str, now: float, random: Callable[[], float]
) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    if policy.wanted is None:
        return replace(policy, retry_at=None, reason=reason), ()
    if not policy.persistent:
        return replace(policy, wanted=None, retry_at=None, reason=reason), ()
    when = state.retry_at if isinstance(state, Failed) else None
    if when is None:
        when = now + backoff(policy.tries, random())
    return replace(policy, tries=policy.tries + 1, retry_at=when, reason=reason), (WakeAt(when),)


def _time_came(policy: UplinkPolicy, now: float) -> tuple[UplinkPolicy, Sequence[PolicyAction]]:
    if policy.retry_at is None or policy.wanted is None:
        return policy, ()
    if now < policy.retry_at:
        return policy, (WakeAt(policy.retry_at),)
    return replace(policy, retry_at=None, device=Connecting("starting")), (Connect(policy.wanted),)


def lingering(kept: Link | None, old: UplinkState, policy: UplinkPolicy) -> Link | None:
    """The link whose addresses should stay on the device although it is down, or None.

    A link that goes with its carrier (Absent) and is still wanted may come back as it was, and then the flows
    that are translated to its addresses go on; without the addresses the kernel would end them.  A dialled link
    loses its carrier as Failed, and is dialled again: many providers then give the same address; nobody else on that
    line could have it.  Any other link that failed or was given up has no right to its addresses any more.  ``kept`` is
    the answer of last time, ``old`` what the plugin said before ``policy.device``.
    """
    if policy.wanted is None or not isinstance(policy.device, (Absent, Connecting, Failed)):
        return None
    if isinstance(old, Up):
        dialled = isinstance(policy.device, Failed) and old.link.kind == "ppp"
        return old.link if dialled or isinstance(policy.device, Absent) else None
    if isinstance(policy.device, Failed) and (kept is None or kept.kind != "ppp"):
        return None
    return kept


def backoff(tries: int, random: float) -> float:
    """Seconds to wait after ``tries`` earlier failures in a row; ``random`` is in [0, 1)."""
    base = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(tries, 16))
    return base * (1.0 - JITTER + 2.0 * JITTER * random)


def choose(states: Sequence[tuple[str, ShownState]]) -> str | None:
    """The uplink that the Internet is reached by: the first one, in order of preference, that is up."""
    return next((name for name, state in states if isinstance(state, Up)), None)
