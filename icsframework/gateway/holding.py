"""Packets that find no link wait here, bring one up, and go on when it is there.

A packet that the kernel sends into the hold device is judged by the rules of waking, as the packet filter did before,
now with the DNS name that its destination was looked up by.  The first that may wake a link asks for one; those that
come meanwhile wait with it.  When a link is in force they are written back, in order, each once.  Where there will be
none their senders are told by ICMP: net unreachable if it was tried, administratively prohibited if a rule, a limit or
a command forbids it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.dataplane.elements import IElements
from icsframework.dataplane.plane import HOLD_ADDRESS, DataPlane, Without
from icsframework.errors import IcsError
from icsframework.gateway.holddevice import HoldDevice
from icsframework.gateway.icmpanswers import Answers
from icsframework.gateway.linkwishes import LinkWishes
from icsframework.gateway.refusedflows import RefusedFlows
from icsframework.helpers.throttle import Throttle
from icsframework.interfaces import IClock, IEvents, IHost, ILeases, INames, IUplinks
from icsframework.protocols.icmp import NET_UNREACHABLE, PROHIBITED, Code
from icsframework.status import HoldStatus
from icsframework.uplinks.alarm import Alarm
from icsframework.uplinks.hold import Dropped, Hold
from icsframework.uplinks.packets import Fragment, Packet, parse
from icsframework.uplinks.traffic import Traffic, TrafficRule, is_noise
from icsframework.values import Address

__all__ = ["Holding", "Judge"]

Judge = Callable[[Traffic], TrafficRule | None]
"""Says which rule of waking decides about such traffic; None: none fits, so it wakes nothing."""

REOPEN = 10.0
"""Seconds until a device that somebody took away is made anew."""
TELL_BURST, TELL_EVERY = 5, 60.0
"""Events about packets in vain: this many at once, and one more for so many seconds.  Each dial that fails is told anyway."""


class Holding:
    """``judge`` and ``seconds`` (how long a packet may wait) are asked for each packet, so that a reload changes them.

    ``changed`` is called when the device came or went by itself: routes and rules must follow.
    """

    def __init__(
        self,
        *,
        host: IHost,
        reactor: IReactorFDSet,
        clock: IClock,
        uplinks: IUplinks,
        names: INames,
        leases: ILeases,
        elements: IElements,
        events: IEvents,
        log: Logger,
        judge: Judge,
        seconds: Callable[[], float],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        self._clock = clock
        self._names = names
        self._events = events
        self._log = log
        self._judge = judge
        self._seconds = seconds
        self._changed = changed
        self._hold = Hold(seconds())
        self._device = HoldDevice(host, reactor, clock, self._received, self._lost, log)
        self._answers = Answers(host, clock, log)
        self._wishes = LinkWishes(uplinks, leases, clock, log, self._no_link)
        self._refused_flows = RefusedFlows(elements, clock, log)
        self._telling = Throttle(TELL_BURST, TELL_EVERY)
        self._own: frozenset[Address] = frozenset({HOLD_ADDRESS.ip})
        self._up = False
        self._terms: tuple[Without, Mapping[str, Sequence[TrafficRule]]] | None = None
        """What becomes of packets without a link, by which rules."""
        self._expiry = Alarm(clock, self._expire)
        self._reopening = Alarm(clock, self._reopen)
        self._again = Alarm(clock, self._ask_again)
        self._dropped: Counter[str] = Counter()
        self._refused = 0

    # --- life ---

    @property
    def ready(self) -> bool:
        """True while packets can wait: the device is there."""
        return self._device.ready

    @property
    def waiting(self) -> bool:
        """True while packets wait for a link."""
        return bool(self._hold)

    @inlineCallbacks
    def start(self) -> Any:
        """Make the hold device; Deferred of True, or of False where there can be none, which is told as an event.

        One that was taken away is made anew at once.
        """
        self._reopening.set(None)
        try:
            yield self._device.open()
        except IcsError as error:
            self._events.emit("hold.unavailable", reason=str(error))
            return False
        try:
            yield self._answers.open()
        except IcsError as error:
            self._events.emit("hold.silent", reason=str(error))
        return True

    def stop(self) -> None:
        """Let the device go; packets that wait are dropped, and counted."""
        for alarm in (self._expiry, self._reopening, self._again):
            alarm.set(None)
        self._dropped["stopped"] += len(self._hold.refuse())
        self._wishes.stop()
        self._refused_flows.stop()
        self._device.close()
        self._answers.close()

    def _lost(self, reason: str) -> None:
        """Somebody removed the device.  What waits goes on waiting: it is delivered if there is a new one by then."""
        self._events.emit("hold.lost", reason=reason, seconds=REOPEN)
        self._reopening.set(self._clock.now() + REOPEN)
        self._changed()

    def _reopen(self) -> None:
        def failed(failure: Failure) -> None:
            if failure.check(IcsError) is None:
                self._log.failure("the hold device cannot be made anew", failure)
            self._reopening.set(self._clock.now() + REOPEN)

        self._device.open().addCallbacks(lambda _: self._changed(), failed)

    # --- the machine ---

    def in_force(self, plane: DataPlane) -> None:
        """Routes and rules are these by now.  If a link is among them, what waits goes on."""
        self._own = frozenset({HOLD_ADDRESS.ip, *plane.lan_addresses(4)})
        if any(uplink.link is not None and uplink.link.v4 is not None for uplink in plane.uplinks):
            self._up = True
            self._deliver()
        else:
            self.unlinked()
        self._permit(plane)
        self._schedule()

    def unlinked(self) -> None:
        """There is no link any more, or there will be none in a moment: what comes from now on waits.

        What was written back now would find no way: rules, routes and addresses change one after the other.
        """
        if self._up:
            self._up = False
            self._hold.begin()

    def _permit(self, plane: DataPlane) -> None:
        """Who was turned away may not be any more: there is a link, a limit or command is over, or the rules are others."""
        terms = None if plane.hold is None else (plane.hold.without, plane.hold.wake)
        if self._up or terms != self._terms:
            self._wishes.forget()
            self._refused_flows.forget()
        self._terms = terms

    def _deliver(self) -> None:
        begun, before = self._clock.now(), self._device.written
        if not self._hold:
            return

        def told(_: object) -> None:
            count, seconds = self._device.written - before, self._clock.now() - begun
            self._events.emit("hold.delivered", count=count, seconds=round(seconds, 6))

        wire = [data for packet in self._hold.release() for data in (packet.data, *packet.rest)]
        self._device.send(wire).addCallback(told)

    # --- a packet ---

    def _received(self, data: bytes) -> None:
        packet = parse(data, self._own)
        if isinstance(packet, str):
            self._dropped[f"unacceptable: {packet}"] += 1
        elif self._up:  # it was on its way when the link came up
            if isinstance(packet, Fragment) or self._hold.passes(packet):
                self._device.send([data])
        elif isinstance(packet, Fragment):
            self._hold.join(packet)
        else:
            self._consider(self._named(packet))

    def _named(self, packet: Packet) -> Packet:
        # Our own programs asked by another address than the one that they send from while no link is up.
        clients = self._own if packet.own else (packet.flow.source,)
        told = (self._names.lookup(client, packet.flow.destination) for client in clients)
        name = next(filter(None, told), "")
        return replace(packet, traffic=replace(packet.traffic, name=name)) if name else packet

    def _consider(self, packet: Packet) -> None:
        rule = self._judge(packet.traffic)
        if rule is None or rule.action != "allow":
            self._not_woken(packet, rule)
            return
        code = self._wishes.recently(packet.flow.source)
        if code is not None:
            self._turn_away((packet,), code)
            return
        outcome = self._hold.offer(packet, self._clock.now())
        if isinstance(outcome, Dropped) and outcome.why != "duplicate":
            return
        self._schedule()
        self._wishes.ask(packet)

    def _not_woken(self, packet: Packet, rule: TrafficRule | None) -> None:
        """Noise is dropped; what a rule of the operator's forbids is answered, and so are our own programs."""
        if rule is not None and not is_noise(rule):
            self._turn_away((packet,), PROHIBITED)
        elif packet.own:
            self._turn_away((packet,), NET_UNREACHABLE)
        else:
            self._dropped["not woken"] += 1

    # --- those in vain ---

    def _no_link(self, client: Address | None, code: Code, reason: str) -> None:
        """A wish was not granted.  For other clients, if they are not meant, another is made in their own name."""
        packets = self._hold.refuse(lambda one: client in (None, one.flow.source))
        self._turn_away(packets, code)
        self._tell("hold.refused" if code == PROHIBITED else "hold.failed", packets, reason)
        self._schedule()
        if self._hold:
            self._again.set(self._clock.now())

    def _ask_again(self) -> None:
        waiting = self._hold.packets()
        if waiting and not self._up:
            self._wishes.ask(waiting[0])

    def _turn_away(self, packets: Sequence[Packet], code: Code) -> None:
        self._refused += len(packets)
        for packet in packets:
            self._answers.answer(packet, code)
            if code == PROHIBITED:
                self._refused_flows.add(packet.flow)

    def _tell(self, event: str, packets: Sequence[Packet], reason: str) -> None:
        if packets and self._telling.allow(self._clock.now()):
            clients = len({packet.flow.source for packet in packets})
            self._events.emit(event, count=len(packets), clients=clients, reason=reason)

    def _schedule(self) -> None:
        """See to it that ``_expire`` is called when the oldest has waited long enough."""
        self._hold.seconds = self._seconds()
        self._expiry.set(self._hold.deadline())

    def _expire(self) -> None:
        packets = self._hold.expired(self._clock.now())
        self._turn_away(packets, NET_UNREACHABLE)
        self._tell("hold.failed", packets, f"no link was up within {self._hold.seconds:g} s (demand.hold)")
        self._schedule()

    # --- what people see ---

    def status(self) -> HoldStatus:
        """Counters are those since the start."""
        since = self._hold.since()
        dropped = Counter(self._dropped)
        dropped.update(self._hold.dropped)
        duplicates = dropped.pop("duplicate", 0)
        dropped["not taken by the kernel"] += self._device.unwritten
        return HoldStatus(
            ready=self.ready,
            held=self._hold.places,
            bytes=self._hold.octets,
            clients=self._hold.clients,
            oldest=None if since is None else self._clock.now() - since,
            delivered=self._device.written,
            duplicates=duplicates,
            dropped={why: count for why, count in sorted(dropped.items()) if count},
            refused=self._refused,
            icmp_sent=self._answers.sent,
            icmp_withheld=self._answers.suppressed + self._answers.failed,
        )
