"""How an uplink stands, from its policy value: what people see, who may wish for it, and when something is due.  Pure."""

from collections.abc import Sequence

from icsframework.uplinks import quiet
from icsframework.uplinks.occasions import ADOPTING, UplinkPolicy
from icsframework.values import (
    Absent,
    Armed,
    Connecting,
    Cooling,
    Down,
    Failed,
    Link,
    Refused,
    ShownState,
    Up,
    UplinkState,
)

__all__ = [
    "BY_COMMAND",
    "choose",
    "coming",
    "command_refusal",
    "deadline",
    "ends_call",
    "hangs_up_at",
    "hindrance",
    "lingering",
    "promising",
    "refusal",
    "shown",
    "why_not",
]

BY_COMMAND = "it is connected by command only (ics connect)"
"""What people and plugins read of an uplink that nothing but the operator connects."""
WHEN_ASKED = "connect: demand: it is connected when asked for"


def shown(policy: UplinkPolicy) -> ShownState:
    """The state that people and other plugins see."""
    device = policy.device
    if isinstance(device, (Absent, Connecting, Up)):
        return device
    hindered = hindrance(policy)
    # One that is always connected and was hung up would not come back if the limit ended.
    if hindered is not None and (policy.barred or policy.wanted is not None or policy.mode != "always"):
        return hindered
    if policy.retry_at is not None:
        return Cooling(policy.reason, policy.retry_at)
    if policy.mode == "demand":
        return Armed(WHEN_ASKED + (f" (last: {policy.reason})" if policy.reason else ""))
    if isinstance(device, Failed):
        return device
    if policy.mode == "standby" and not policy.reason:
        return Armed(f"connect: standby: {BY_COMMAND}")
    return Down(policy.reason or (f"connect: manual: {BY_COMMAND}" if policy.mode == "manual" else ""))


def hindrance(policy: UplinkPolicy) -> Refused | None:
    """What forbids that it is up: the operator's word for a time, or a limit or hour that he has not lifted."""
    if policy.barred is not None:
        return policy.barred
    return None if policy.override else policy.forbidden


def coming(policy: UplinkPolicy) -> bool:
    """Is it on its way up, so that who needs the Internet may wait for it?  Also in the pause before a lost link is redialled."""
    if policy.device == ADOPTING:
        return policy.wanted is not None
    if policy.wanted is None or hindrance(policy) is not None:
        return False
    if isinstance(policy.device, Connecting):
        return True
    if isinstance(policy.device, Up):
        return policy.leaving
    return policy.redialling and policy.retry_at is not None and not isinstance(policy.device, Absent)


def ends_call(policy: UplinkPolicy, state: UplinkState) -> bool:
    """Does this report end a call, or a try?"""
    calling = isinstance(policy.device, (Connecting, Up)) and policy.device != ADOPTING
    return calling and isinstance(state, (Absent, Down, Failed))


def promising(policy: UplinkPolicy) -> bool:
    """Is there anything to wait for: is it up, or coming?"""
    return (isinstance(policy.device, Up) and not policy.leaving) or coming(policy)


def refusal(policy: UplinkPolicy) -> Refused | Failed | None:
    """Why a plugin's request for this uplink would not be granted, or None if it would be, or could wait for it.

    Refused: a limit, an hour, or the operator forbids it.  Failed: it was tried or cannot be, and it is not time to try again.
    """
    if isinstance(policy.device, Up) and not policy.leaving:
        return None
    if isinstance(policy.device, Absent):
        return Failed(policy.device.reason)
    if coming(policy):
        return None
    hindered = hindrance(policy)
    if hindered is not None:
        return hindered
    if policy.retry_at is not None:
        return Failed(policy.reason, policy.retry_at)
    if policy.mode == "demand":
        return None
    if policy.mode == "always" and policy.wanted is None and policy.reason:
        return Refused(f"connect: always: {policy.reason}; {BY_COMMAND}")
    return Refused(f"connect: {policy.mode}: {BY_COMMAND}")


def why_not(policy: UplinkPolicy) -> Refused | Failed:
    """Why there is nothing to wait for, to those who waited."""
    hindered = hindrance(policy)
    if hindered is not None:
        return hindered
    return Failed(getattr(policy.device, "reason", "") or policy.reason, policy.retry_at)


def command_refusal(policy: UplinkPolicy, override: bool) -> Refused | None:
    """Why the operator's own wish is not granted: only limits and hours can be in his way, and ``override`` lifts them."""
    return None if override or policy.override else policy.forbidden


def hangs_up_at(policy: UplinkPolicy) -> float | None:
    """When it is hung up for quiet, if no more traffic that counts is seen; None if it is not, or is not up."""
    if policy.mode == "always" or policy.wanted is None or policy.leaving or policy.since is None:
        return None
    return quiet.hangs_up_at(policy.quiet, policy.since, policy.active)


def deadline(policy: UplinkPolicy) -> float | None:
    """When TimeCame is due: a retry, the end of a wait, the moment to hang up; None: nothing waits for the time."""
    barred = policy.barred.retry_at if policy.barred is not None else None
    due = (barred, policy.retry_at, hangs_up_at(policy))
    return min((moment for moment in due if moment is not None), default=None)


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


def choose(states: Sequence[tuple[str, ShownState]]) -> str | None:
    """The uplink that the Internet is reached by: the first one, in order of preference, that is up."""
    return next((name for name, state in states if isinstance(state, Up)), None)
