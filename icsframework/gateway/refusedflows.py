"""Flows that were refused, told to the packet filter: it drops their retransmissions before they get to us.

As soon as what they were refused for may be over it is told to forget them: programs that always send from one port
(tunnels, telephones) would else be refused for a minute more.
"""

from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.wake import REFUSED_SECONDS, refused_element
from icsframework.errors import IcsError
from icsframework.interfaces import IClock
from icsframework.uplinks.packets import Flow

__all__ = ["MOST", "MOST_KNOWN", "TOGETHER", "RefusedFlows"]

TOGETHER = 0.02
"""Seconds in which refused flows are collected for one transaction of the kernel."""
MOST = 512
"""Flows told at once; more of a flood are not worth the time, and are refused again when they come again."""
MOST_KNOWN = 4096
"""Flows that the packet filter is told to forget: as many as it remembers (wake.REFUSED)."""
KNOWN = frozenset({"tcp", "udp", "icmp"})
"""Protocols that the packet filter knows refused flows of; those of others are refused by us each time."""


class RefusedFlows:
    """``add`` what was refused.  What the kernel does not take is no loss: such a flow is refused again by us."""

    def __init__(self, elements: IElements, clock: IClock, log: Logger) -> None:
        self._elements = elements
        self._clock = clock
        self._log = log
        self._new: dict[Flow, None] = {}
        self._known: dict[Flow, float] = {}
        """What the packet filter knows, and until when; what ran out longest ago comes first."""
        self._timer: IDelayedCall | None = None
        self._telling = False

    def add(self, flow: Flow) -> None:
        """This flow is refused."""
        if flow.protocol not in KNOWN or len(self._new) >= MOST:
            return
        self._new[flow] = None
        if self._timer is None and not self._telling:
            self._timer = self._clock.call_later(TOGETHER, self._tell)

    def forget(self) -> None:
        """Nothing is refused any more."""
        now = self._clock.now()
        known = [flow for flow, until in self._known.items() if until > now]
        self._new.clear()
        self._known.clear()
        if known:
            self._elements.change((), [refused_element(*flow) for flow in known]).addErrback(self._refused)

    def stop(self) -> None:
        """Forget what was not told yet."""
        self._new.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._timer = None
        flows, self._new = self._new, {}
        if not flows:
            return
        self._telling = True
        self._remember(flows)
        self._elements.change([refused_element(*flow) for flow in flows], ()).addErrback(
            self._refused
        ).addBoth(self._told)

    def _remember(self, flows: Iterable[Flow]) -> None:
        now = self._clock.now()
        for flow in flows:
            self._known.pop(flow, None)
            self._known[flow] = now + REFUSED_SECONDS
        while self._known:
            flow, until = next(iter(self._known.items()))
            if until > now and len(self._known) <= MOST_KNOWN:
                break
            del self._known[flow]

    def _refused(self, failure: Failure) -> None:
        if failure.check(IcsError) is None:
            self._log.failure("refused flows", failure)
        else:
            self._log.debug(
                "refused flows are not dropped by the kernel: {why}", why=failure.getErrorMessage()
            )

    def _told(self, _: Any) -> None:
        self._telling = False
        if self._new:
            self._timer = self._clock.call_later(TOGETHER, self._tell)
