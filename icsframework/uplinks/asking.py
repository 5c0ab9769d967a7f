"""One wish for the Internet, on its way through the uplinks.

First it waits for what is on its way up anyway; then the uplinks on demand that it may dial are asked, in order.
Whichever link is up first grants it.  An uplink that nobody needed to dial for gets a few seconds, no longer, before
another one is dialled.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from icsframework.errors import IcsError, UplinkFailed, UplinkRefused
from icsframework.interfaces import IClock
from icsframework.uplinks.runner import Runner
from icsframework.uplinks.wishes import answer_of
from icsframework.values import Cause, Failed, Link, Refused

__all__ = ["GRACE", "Asking"]

GRACE = 5.0
"""Seconds for an uplink that is connecting by itself before another is dialled: DHCP and PPPoE take less, and no first
packet's sender has given up by then.
"""


class Asking:
    """One wish.  ``answer`` fires with the link in force, or fails with UplinkRefused or UplinkFailed.

    ``runners`` are all uplinks in order of preference; ``ended`` is called when it is over.  Cancelling ``answer`` ends
    the waiting and hangs up nothing.
    """

    def __init__(
        self,
        clock: IClock,
        runners: Callable[[], Sequence[Runner]],
        cause: Cause,
        ended: Callable[["Asking"], object],
    ) -> None:
        self.answer: Deferred[Link] = Deferred(lambda _: self._end())
        self._clock = clock
        self._runners = runners
        self._cause = cause
        self._ended = ended
        self._over = False
        self._said: dict[str, Refused | Failed] = {}
        """Why each uplink does not grant it."""
        self._joined: set[str] = set()
        """Those that were on their way; when that fails they may be asked for themselves."""
        self._late: set[str] = set()
        """Those that had their time, and may come up all the same."""
        self._ruled_out = False
        """One could be dialled now, but not for this: that is a refusal, whatever became of the others."""
        self._waiting: Deferred[Link] | None = None
        self._timer: IDelayedCall | None = None

    def begin(self, link: Link | None) -> None:
        """Look for a way; ``link`` is the one in force now."""
        if link is not None:
            self.arrived(link)
            return
        for runner in self._runners():
            runner.ask_meter()
        self._next()

    def arrived(self, link: Link) -> None:
        """A link is in force: that is what was wished for."""
        if not self._over:
            self._end()
            self.answer.callback(link)

    def _end(self) -> None:
        self._over = True
        self._stop_waiting()
        self._ended(self)

    # --- from one to the next ---

    def _next(self) -> None:
        if self._over:
            return  # a limit that ended brought one up at once
        for runner in self._open():
            if runner.coming and runner.spec.name not in self._joined:
                self._joined.add(runner.spec.name)
                self._wait(runner, self._cause, GRACE if self._is_another(runner) else None)
                return
        for runner in self._open():
            cause = self._granted(runner)
            if cause is not None:
                self._said[runner.spec.name] = Failed("no link came of it")
                self._wait(runner, cause, None)
                return
        late = [runner for runner in self._runners() if runner.spec.name in self._late]
        self._late.clear()
        for runner in late:
            if runner.coming:
                self._wait(runner, self._cause, None)
                return
            self._granted(runner)
        self._give_up()

    def _open(self) -> list[Runner]:
        """The uplinks that have not said no."""
        known = self._said.keys() | self._late
        return [runner for runner in self._runners() if runner.spec.name not in known]

    def _granted(self, runner: Runner) -> Cause | None:
        """The cause to dial it with; None if it may not be dialled, which is noted."""
        name, why_not, allowed = runner.spec.name, runner.refusal(), runner.would_dial(self._cause)
        if isinstance(allowed, Refused):
            self._ruled_out |= why_not is None
            # Also where it could not be dialled: it would not be if it could.
            self._said[name] = why_not if isinstance(why_not, Refused) else allowed
        elif why_not is not None:
            self._said[name] = why_not
        else:
            return allowed
        return None

    def _is_another(self, runner: Runner) -> bool:
        """Is there an uplink to dial instead of this one, which connects by itself?"""
        if runner.spec.connect == "demand":
            return False
        return any(
            other.refusal() is None and isinstance(other.would_dial(self._cause), Cause)
            for other in self._open()
            if other is not runner
        )

    def _wait(self, runner: Runner, cause: Cause, patience: float | None) -> None:
        if patience is not None:
            self._timer = self._clock.call_later(patience, self._too_late)
        waiting = self._waiting = runner.ask(cause)
        waiting.addCallbacks(self.arrived, self._failed, errbackArgs=(runner, waiting))

    def _too_late(self) -> None:
        self._stop_waiting()
        self._late |= {
            runner.spec.name
            for runner in self._runners()
            if runner.coming and runner.spec.connect != "demand"
        }
        self._next()

    def _failed(self, failure: Failure, runner: Runner, waiting: Deferred[Link]) -> None:
        if self._over or waiting is not self._waiting:
            return  # we have stopped waiting for it
        failure.trap(IcsError)
        self._stop_waiting()
        # It was dialled for this, or the operator who hangs up means all that wait by now, not only the first.
        if runner.spec.name in self._said or runner.hanging_up:
            self._said[runner.spec.name] = answer_of(failure.value)
        self._next()

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if waiting is not None and not waiting.called:
            waiting.cancel()

    # --- no way ---

    def _give_up(self) -> None:
        said = [(runner, self._said[runner.spec.name]) for runner in self._runners() if self._knows(runner)]
        why = "; ".join(f"{runner.spec.name}: {one.reason}" for runner, one in said) or "there is none"
        deciding = _deciding(said)
        failed = not self._ruled_out and (not said or any(isinstance(one, Failed) for _, one in deciding))
        times = [one.retry_at for _, one in deciding if one.retry_at is not None]
        kind = UplinkFailed if failed else UplinkRefused
        if not failed:
            for runner, one in deciding:
                if isinstance(one, Refused):
                    runner.told.refused(self._cause, one)
        self._end()
        self.answer.errback(kind(f"no uplink can be used now: {why}", min(times, default=None)))

    def _knows(self, runner: Runner) -> bool:
        return runner.spec.name in self._said


def _deciding(said: Sequence[tuple[Runner, Refused | Failed]]) -> Sequence[tuple[Runner, Refused | Failed]]:
    """The answers that say what kind of no it is: those of the uplinks on demand, else of those that are up always."""
    for mode in ("demand", "always"):
        chosen = [(runner, one) for runner, one in said if runner.spec.connect == mode]
        if chosen:
            return chosen
    return said
