"""Asks for a link in the name of packets that wait for one: once at a time, and not again and again in vain."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError, UplinkRefused
from icsframework.interfaces import IClock, ILeases, IUplinks
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED, Code
from icsframework.uplinks.packets import Packet
from icsframework.values import Address, Cause

__all__ = ["MOST_REFUSED", "SAME_ANSWER", "LinkWishes", "TurnedAway"]

SAME_ANSWER = 1.0
"""Seconds in which a client that was just turned away gets the same answer, and nobody is asked again: a flood must not
become a flood of requests.
"""
MOST_REFUSED = 32
"""Clients that are refused within that time, each after it was asked for; one more, and for a moment all are."""

TurnedAway = Callable[[Address | None, Code, str], None]
"""There will be no link for the packets of this client, or (None) for anybody's: what to tell them, and why in words."""


class LinkWishes:
    """``turned_away`` hears of each wish that was not granted.  That one was is seen by the link being in force."""

    def __init__(
        self, uplinks: IUplinks, leases: ILeases, clock: IClock, log: Logger, turned_away: TurnedAway
    ) -> None:
        self._uplinks = uplinks
        self._leases = leases
        self._clock = clock
        self._log = log
        self._turned_away = turned_away
        self._asking: Deferred[Any] | None = None
        self._recent: dict[Address | None, tuple[Code, float]] = {}

    def ask(self, packet: Packet) -> None:
        """Ask in the name of this packet, unless somebody's wish is under way."""
        if self._asking is not None:
            return
        asking = self._asking = maybeDeferred(self._uplinks.request, self._cause(packet))
        asking.addCallbacks(
            self._granted,
            self._failed,
            callbackArgs=(asking,),
            errbackArgs=(asking, packet.flow.source),
        ).addErrback(lambda failure: self._log.failure("packets that wait", failure))

    def recently(self, client: Address) -> Code | None:
        """The answer that this client got a moment ago; None if it got none."""
        now = self._clock.now()
        for who in (client, None):
            code, until = self._recent.get(who, (None, now))
            if now < until:
                return code
        return None

    def forget(self) -> None:
        """What was answered before says nothing any more: a link is up, or a pause or refusal is over."""
        self._recent.clear()

    def stop(self) -> None:
        """Wish for nothing any more."""
        self._recent.clear()
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _cause(self, packet: Packet) -> Cause:
        flow, traffic = packet.flow, packet.traffic
        lease = None if packet.own else self._leases.find(flow.source)
        return Cause(
            rule="demand.wake",
            client=traffic.client,
            mac=lease.mac if lease is not None else "",
            hostname=lease.hostname if lease is not None else "",
            protocol=flow.protocol,
            destination=f"{flow.destination}" + (f":{flow.port}" if traffic.port is not None else ""),
            name=traffic.name,
        )

    def _granted(self, _: object, asking: Deferred[Any]) -> None:
        if self._asking is asking:
            self._asking = None

    def _failed(self, failure: Failure, asking: Deferred[Any], client: Address) -> None:
        if self._asking is not asking:
            return  # we stopped
        self._asking = None
        if failure.check(IcsError) is None:
            self._log.failure("a link was asked for", failure)
        refused = failure.check(UplinkRefused) is not None
        code: Code = PROHIBITED if refused else NET_UNREACHABLE
        now = self._clock.now()
        self._recent = {one: known for one, known in self._recent.items() if known[1] > now}
        # That one client may not does not say that another may not; that dialling failed concerns all.
        whose = client if refused and len(self._recent) < MOST_REFUSED else None
        self._recent[whose] = (code, now + SAME_ANSWER)
        self._turned_away(whose, code, failure.getErrorMessage())
