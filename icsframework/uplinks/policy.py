"""Should this uplink be up, and why?  Pure: state, event, now -> state, actions.

One ``UplinkPolicy`` value per uplink.  ``step`` takes what happened (the plugin
reported something, somebody asked for the Internet, the operator gave a command,
a limit was reached, the time came) and returns the next value and what the
supervisor must do; ``deadline`` says when the time comes.

Two facts are kept apart: what the plugin says of the device (``device``) and
what we want (``wanted``, a Cause, or None).  The state that people see is derived
from both by ``shown`` (standing.py).

* ``always``: wanted from the start, for ever, unless the operator hung up.
* ``demand``: wanted when somebody asks, until it was quiet for long enough.
* ``manual`` and ``standby``: wanted when the operator says so; a request of a plugin is refused.

A lost or failed link that is still wanted is tried again after a back-off that
doubles from ``FIRST_RETRY`` to ``LAST_RETRY`` and never gives up.  An attempt that
the operator asked for and that fails is not repeated: he is looking at it.  On
demand a failed attempt ends the wish, and until the back-off is over (cooling) a
new one fails at once; only a link that was in use when it was lost is redialled by
itself, once.

Limits and hours (``Ruled``) hang up what is up and end every wish but that of
``always``, which is tried again when they allow it.  The operator may lift them for
one link (``override``), and may hang up for a stated time (``barred``).

After a restart of the gateway a link that was up is not wished for again: the
plugin is asked whether it goes on (Adopting).  If it does it reports Up as ever;
if not (NotAdopted), the wish that it was up for is what remains; on demand, who
needs it asks again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from icsframework.uplinks import quiet
from icsframework.uplinks.occasions import (
    ADOPTING,
    Active,
    Adopting,
    Asked,
    Commanded,
    Connect,
    Disconnect,
    HungUp,
    InForce,
    NotAdopted,
    PolicyAction,
    PolicyEvent,
    Rearmed,
    Reported,
    Ruled,
    Started,
    TimeCame,
    UplinkPolicy,
)
from icsframework.uplinks.standing import (
    coming,
    command_refusal,
    hangs_up_at,
    hindrance,
    refusal,
)
from icsframework.values import Absent, Cause, Connecting, Down, Failed, Refused, Up, UplinkState

__all__ = ["FIRST_RETRY", "JITTER", "LAST_RETRY", "backoff", "step"]

FIRST_RETRY = 1.0
"""Seconds before the first repetition: long enough for a device to settle, short enough to go unnoticed."""
LAST_RETRY = 60.0
"""Seconds between tries of a link that stays broken: a cable plugged in again is found by its carrier at once, not by this."""
JITTER = 0.2
"""Share of the back-off that is random, so that many gateways behind one ISP do not return in step."""
ALWAYS = Cause(rule="always")

Outcome = tuple[UplinkPolicy, Sequence[PolicyAction]]


def step(policy: UplinkPolicy, event: PolicyEvent, now: float, random: Callable[[], float]) -> Outcome:
    """The next policy value and what to do.  ``random`` returns a float in [0, 1)."""
    match event:
        case Started():
            return _want(policy, ALWAYS) if policy.mode == "always" else (policy, ())
        case Adopting(cause, override):
            return replace(policy, wanted=cause, persistent=True, override=override, device=ADOPTING), ()
        case NotAdopted(device):
            return _not_adopted(policy, device, now, random)
        case Asked(cause):
            return (policy, ()) if coming(policy) or refusal(policy) is not None else _want(policy, cause)
        case Commanded(cause, override):
            return _commanded(policy, cause, override)
        case HungUp(reason, until):
            barred = None if until is None else Refused(reason, until)
            return _end(replace(policy, barred=barred, tries=0), reason)
        case Ruled(forbidden):
            return _ruled(policy, forbidden)
        case Rearmed():
            return _rearmed(policy, event, now)
        case Active(when):
            return replace(policy, active=max(policy.active, when), unused=False), ()
        case Reported(state, ruled):
            if ruled is None:
                return _reported(policy, state, now, random)
            after, actions = _reported(replace(policy, forbidden=ruled.forbidden), state, now, random)
            return (after, actions) if actions else _ruled(after, ruled.forbidden)
        case InForce():
            return replace(policy, tries=0), ()
        case TimeCame():
            return _time_came(policy, now)


# --- wishes -------------------------------------------------------------------------------------


def _want(policy: UplinkPolicy, cause: Cause) -> Outcome:
    always = policy.mode == "always"
    device = policy.device
    going = isinstance(device, (Connecting, Up)) and not policy.leaving and device != ADOPTING
    if going and policy.wanted is not None:
        return replace(policy, persistent=always or policy.persistent), ()
    persistent = always or (policy.persistent and policy.mode != "demand")
    return _dial(replace(policy, wanted=cause, persistent=persistent, retry_at=None, reason=""), cause)


def _dial(policy: UplinkPolicy, cause: Cause) -> Outcome:
    """Connect if that may be now.  Who is forbidden to waits for it if it is wanted always, and else gives up."""
    if isinstance(policy.device, (Absent, Connecting, Up)):
        return policy, ()
    hindered = hindrance(policy)
    if hindered is not None:
        return _without_wish(policy, hindered.reason), ()
    return replace(policy, device=Connecting("starting"), retry_at=None), (Connect(cause),)


def _without_wish(policy: UplinkPolicy, reason: str) -> UplinkPolicy:
    """A limit ends the wish, unless the mode has it always."""
    if policy.wanted is None:
        return policy
    always = policy.mode == "always"
    return replace(
        policy,
        wanted=policy.wanted if always else None,
        persistent=always,
        retry_at=None,
        redialling=False,
        reason=reason,
    )


def _commanded(policy: UplinkPolicy, cause: Cause, override: bool) -> Outcome:
    always = policy.mode == "always"
    free = replace(policy, barred=None)
    if isinstance(policy.device, Absent) or command_refusal(policy, override) is not None:
        # The command fails at once; what connects when the device comes, or the limit ends, is the mode.
        return _want(free, ALWAYS) if always else (free, ())
    return _want(replace(free, override=policy.override or override, tries=0), cause)


def _end(policy: UplinkPolicy, reason: str) -> Outcome:
    """The wish is over, and the link with it."""
    told = replace(
        policy, wanted=None, persistent=False, retry_at=None, reason=reason, override=False, redialling=False
    )
    idle = isinstance(policy.device, (Absent, Down, Failed))
    return (told, ()) if idle or policy.leaving else _leave(told, reason)


def _leave(policy: UplinkPolicy, reason: str) -> Outcome:
    return replace(policy, leaving=True), (Disconnect(reason),)


def _ruled(policy: UplinkPolicy, forbidden: Refused | None) -> Outcome:
    ruled = replace(policy, forbidden=forbidden)
    if policy.wanted is None or policy.device == ADOPTING:
        return ruled, ()
    if forbidden is None or policy.override:
        waits = policy.retry_at is not None or policy.leaving
        return (ruled, ()) if waits else _dial(ruled, policy.wanted)
    ended = _without_wish(ruled, forbidden.reason)
    if isinstance(policy.device, (Connecting, Up)) and not policy.leaving:
        return _leave(ended, forbidden.reason)
    return ended, ()


def _rearmed(policy: UplinkPolicy, new: Rearmed, now: float) -> Outcome:
    armed = replace(policy, mode=new.mode, quiet=new.quiet)
    if armed != policy:
        # What it carried until now was perhaps not looked at, or by other rules.
        armed = replace(armed, active=max(policy.active, now))
    if new.mode == policy.mode:
        return armed, ()
    if new.mode == "always":
        return (armed, ()) if armed.barred is not None else _want(armed, ALWAYS)
    if isinstance(policy.device, (Connecting, Up)):
        return replace(armed, persistent=isinstance(policy.device, Up)), ()
    return _end(armed, policy.reason)


# --- what the device does -----------------------------------------------------------------------


def _not_adopted(
    policy: UplinkPolicy, device: UplinkState, now: float, random: Callable[[], float]
) -> Outcome:
    """As if the device had just come: connect, or wait for it."""
    if policy.mode == "demand" and policy.persistent:  # no command has come since
        policy = replace(policy, wanted=None, persistent=False, override=False)
    return _reported(replace(policy, device=Absent("not looked at yet")), device, now, random)


def _reported(policy: UplinkPolicy, state: UplinkState, now: float, random: Callable[[], float]) -> Outcome:
    gone = isinstance(state, (Absent, Down, Failed))
    seen = replace(policy, device=state)
    if gone:
        seen = replace(seen, leaving=False, since=None)
    match state:
        case Up():
            return _up(seen, state, policy.device, now)
        case Connecting():
            return seen, ()
        case Absent(reason):
            return _absent(seen, reason), ()
        case Down() | Failed() if policy.leaving and policy.wanted is not None:
            # It was wanted again while it went down.
            return _dial(replace(seen, reason=""), policy.wanted)
        case Down() if policy.wanted is not None and isinstance(policy.device, Absent):
            # The device came back.
            return _dial(replace(seen, reason=""), policy.wanted)
        case Down(reason) | Failed(reason):
            # However the line ended: if we hung up, we know why.
            why = policy.reason if policy.leaving else reason
            return _lost(seen, policy.device, why or reason or policy.reason, now, random())


def _up(policy: UplinkPolicy, state: Up, before: UplinkState, now: float) -> Outcome:
    if policy.leaving and policy.wanted is not None:
        return policy, ()  # its last words
    if policy.wanted is None:
        # It came up while the operator hung up: his word is the newer one.
        return _leave(policy, policy.reason or "not wanted")
    hindered = hindrance(policy)
    if hindered is not None:
        return _leave(_without_wish(policy, hindered.reason), hindered.reason)
    seen = replace(policy, persistent=True, retry_at=None, reason="", redialling=False)
    if isinstance(before, Up):
        return seen, ()
    return replace(seen, since=min(state.link.since, now), active=now, unused=policy.redialling), ()


def _absent(policy: UplinkPolicy, reason: str) -> UplinkPolicy:
    """Whatever is wanted always or by command connects when the device is back; traffic asks again."""
    gone = replace(policy, retry_at=None, tries=0, reason=reason, redialling=False)
    if policy.mode != "demand":
        return gone
    return replace(gone, wanted=None, persistent=False, override=False)


def _lost(policy: UplinkPolicy, before: UplinkState, reason: str, now: float, chance: float) -> Outcome:
    told = replace(policy, reason=reason)
    if policy.wanted is None:
        return told, ()
    lost = isinstance(before, Up)
    again = (lost and _in_use(policy, now)) if policy.mode == "demand" else policy.persistent
    if not again:
        told = replace(told, wanted=None, persistent=False, override=False)
    if not again and policy.mode != "demand":
        return replace(told, retry_at=None, redialling=False), ()
    when = policy.device.retry_at if isinstance(policy.device, Failed) else None
    if when is None:
        when = now + backoff(policy.tries, chance)
    return replace(told, tries=policy.tries + 1, retry_at=when, redialling=lost and again), ()


def _in_use(policy: UplinkPolicy, now: float) -> bool:
    """Was there traffic that counts until it was lost?"""
    idle = policy.quiet.idle
    return not policy.unused and (idle <= 0 or now < policy.active + idle)


def _time_came(policy: UplinkPolicy, now: float) -> Outcome:
    barred, moment = policy.barred, hangs_up_at(policy)
    if barred is not None and barred.retry_at is not None and now >= barred.retry_at:
        free = replace(policy, barred=None)
        return _want(free, ALWAYS) if policy.mode == "always" else (free, ())
    if policy.retry_at is not None and now >= policy.retry_at:
        due = replace(policy, retry_at=None)
        return (due, ()) if policy.wanted is None else _dial(due, policy.wanted)
    if moment is not None and now >= moment:
        return _end(policy, quiet.why(policy.quiet))
    return policy, ()


def backoff(tries: int, random: float) -> float:
    """Seconds to wait after ``tries`` earlier failures in a row; ``random`` is in [0, 1)."""
    base = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(tries, 16))
    return base * (1.0 - JITTER + 2.0 * JITTER * random)
