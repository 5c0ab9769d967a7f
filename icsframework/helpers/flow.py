"""One connection through a helper: two legs, and between them a conversation whose effects are carried out here."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum
from typing import Any, Literal

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from icsframework.errors import IcsError
from icsframework.frozen import dataclass
from icsframework.helpers.answers import shown
from icsframework.helpers.conversation import FAILED, Conversation
from icsframework.helpers.counters import Counters
from icsframework.helpers.effects import Broken, Denied, Effect, Fin, Release
from icsframework.helpers.leg import Leg, Stop
from icsframework.helpers.limits import Limits
from icsframework.helpers.network import IStreamNetwork
from icsframework.helpers.patience import (
    CONNECT_PATIENCE,
    FLUSH_PATIENCE,
    HALF_CLOSED_IDLE,
    OPEN_PATIENCE,
    OPENS_AT_ONCE,
    RESET_GRACE,
    SHORTEST_TIMER,
)
from icsframework.helpers.report import Report
from icsframework.helpers.turns import Turns
from icsframework.helpers.way import Course
from icsframework.interfaces import IClock, IMappings
from icsframework.values import (
    End,
    Flow,
    Mapping,
    Open,
    Refused,
    Send,
    SessionFactory,
    Side,
    StepAside,
)

__all__ = ["FlowParts", "StreamFlow"]


@dataclass(frozen=True, slots=True)
class FlowParts:
    """What all flows share; ``spoke`` is called before the session hears its client, ``gone`` when nothing is left of a flow."""

    clock: IClock
    network: IStreamNetwork
    mappings: IMappings
    report: Report
    counters: Counters
    log: Logger
    fail: Literal["open", "closed"]
    arrived: "Callable[[StreamFlow], None]"
    spoke: "Callable[[StreamFlow], None]"
    gone: "Callable[[StreamFlow], None]"
    turns: Turns


class _State(Enum):
    NEW = 0
    CONNECTING = 1
    TALKING = 2
    ENDING = 3
    GONE = 4


class StreamFlow:
    """See the module.  ``client`` is the leg that was redirected to us; the shell says how it goes on, or that it does not."""

    def __init__(self, parts: FlowParts) -> None:
        self.course: Course | None = None
        self.has_asked = False  # for a link
        self.client = Leg(self, Side.CLIENT, parts.turns)
        self._server = Leg(self, Side.SERVER, parts.turns)
        self._parts = parts
        self._state = _State.NEW
        self._conversation: Conversation | None = None
        self._make_session: SessionFactory | None = None
        self._limits = Limits()
        self._todo: deque[Effect] = deque()
        self._busy = False
        self._reading = True
        self._opens = 0
        self._connecting: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._timer_at = 0.0
        self._last = 0.0
        self._timed_out = False
        self._half_closed = False
        self._broken = False
        self._reset = False

    @property
    def expectations(self) -> int:
        """External ports that it holds open now."""
        return self._conversation.expectations(self._parts.clock.now()) if self._conversation else 0

    # --- for the shell

    def connect(self, course: Course, make_session: SessionFactory | None, limits: Limits) -> None:
        """Go on to ``course.to``; ``make_session`` None relays everything."""
        self._make_session = make_session
        self._limits = limits
        self._state = _State.CONNECTING
        self._parts.network.tune(self.client.tcp, course.flow.direction == "outbound")
        self._call(course)

    def change(self, course: Course) -> bool:
        """Call by another way, while the server has not answered; False if it has."""
        given_up = self._connecting
        if self._state is not _State.CONNECTING or given_up is None:
            return False
        self._call(course)
        given_up.cancel()
        return True

    def end(self, reason: str) -> None:
        """Reset both sides now and give back what the session opened."""
        if self._state is _State.GONE:
            return
        if self._state is _State.TALKING:
            self._tell_end(reason)
        self._state = _State.ENDING
        self._release_all()
        self._abort()

    # --- the second leg

    def _call(self, course: Course) -> None:
        self.course = course
        self._connecting = self._parts.network.connect(
            self._server, course.to, course.source, course.mark, course.transparent, CONNECT_PATIENCE
        )
        self._connecting.addCallback(lambda _: self._talk(course))
        self._connecting.addErrback(self._unreachable, course)

    def _unreachable(self, failure: Failure, course: Course) -> None:
        """The connection failed, or was given up because the flow has ended or another way was found (then there is nothing to tell)."""
        if course is not self.course:
            return
        self._connecting = None
        if failure.check(CancelledError, IcsError) is None:
            self._parts.log.failure("a connection to {server} failed", failure, server=str(course.to))
        if self._state is _State.CONNECTING:
            self._parts.counters.unreachable += 1
            self._tell("helper.server.unreachable", reason=failure.getErrorMessage())
        self.end("the server cannot be reached")

    def _talk(self, course: Course) -> None:
        """Both legs are there: make the session and let it hear."""
        self._connecting = None
        if self._state is not _State.CONNECTING:
            self.end("it ended while it was connected")
            return
        self._state = _State.TALKING
        outbound = course.flow.direction == "outbound"
        flow = replace(course.flow, outside=self._server.here) if outbound else course.flow
        self._parts.network.tune(self._server.tcp, not outbound)
        now = self._last = self._parts.clock.now()
        session = self._made(flow, self._make_session) if self._make_session is not None else None
        if self._state is not _State.TALKING:
            return
        self._conversation = Conversation(session, flow, self._limits, self._parts.fail)
        self._do(self._conversation.begin(now))
        for leg in self._legs:
            leg.go(Stop.CONNECTING)

    def _made(self, flow: Flow, make_session: SessionFactory) -> Any:
        """The session, or None where its factory fails and the flow is relayed without."""
        try:
            return make_session(flow)
        except Exception as error:  # noqa: BLE001 - a stranger's code; it is reported with its traceback
            self._tell_failure(flow, f"it cannot be made: it raised {shown(error)}", error)
            if self._parts.fail == "closed":
                self.end(FAILED)
            return None

    # --- what the legs tell (leg.Owner)

    def made(self, side: Side) -> None:
        """See Owner."""
        if side is Side.CLIENT:
            self._parts.arrived(self)

    def came(self, side: Side, data: bytes) -> None:
        """See Owner."""
        if side is Side.CLIENT and self._state is _State.TALKING:
            self._parts.spoke(self)
        if self._conversation is not None and self._state is _State.TALKING:
            now = self._last = self._parts.clock.now()
            self._opens = 0
            self._do(self._conversation.received(side, data, now))

    def finished(self, side: Side) -> None:
        """See Owner."""
        if self._conversation is not None and self._state is _State.TALKING:
            now = self._last = self._parts.clock.now()
            self._opens = 0
            self._half_closed = True
            self._do(self._conversation.closed(side, now))

    def lost(self, side: Side, reason: Failure) -> None:
        """See Owner.  What was said before a reset still goes out; then the other side is reset as well.

        One that had sent its FIN has said everything: then the other side is closed as usual.
        """
        if self._conversation is not None and self._state is _State.TALKING:
            self._reset = not self._leg(side).ended
            self._do(self._conversation.closed(side, self._parts.clock.now()))
            self._wind_up(f"the {side.value} is gone: {reason.getErrorMessage()}")
        elif self._connecting is not None:
            self._state = _State.ENDING
            self._connecting.cancel()
        self._gone_perhaps()

    def hold(self, side: Side, full: bool) -> None:
        """See Owner."""
        other = self._leg(side.other)
        if full:
            other.stop(Stop.FULL)
        else:
            other.go(Stop.FULL)

    def overflowed(self, side: Side) -> None:
        """See Owner."""
        if self._state is _State.TALKING:
            self.end(f"the {side.value} does not read")

    @property
    def _legs(self) -> tuple[Leg, Leg]:
        return self.client, self._server

    def _leg(self, side: Side) -> Leg:
        return self.client if side is Side.CLIENT else self._server

    # --- effects

    def _do(self, effects: Iterable[Effect]) -> None:
        """Carry them out, and what comes of that, one after the other."""
        self._todo.extend(effects)
        if self._busy:
            return
        self._busy = True
        try:
            while self._todo:
                self._carry_out(self._todo.popleft())
        finally:
            self._busy = False
        self._look_after()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(side, data):
                self._parts.counters.carried(side, len(data))
                self._leg(side).send(data)
            case Fin(side):
                if not self._reset:
                    self._leg(side).finish()
            case Open():
                self._ask(effect)
            case Release(mapping):
                self._release(mapping)
            case Denied():
                self._parts.counters.denied += 1
                self._tell("helper.port.denied", port=str(effect.request.to), reason=effect.reason)
            case Broken(reason, error):
                self._broken = True
                self._tell_failure(self._flow, reason, error)
            case StepAside():
                self._parts.counters.stepped_aside += not self._broken
            case End(reason):
                self._wind_up(reason)

    def _look_after(self) -> None:
        """After each turn: who may speak now, and when the next time-out is due."""
        conversation = self._conversation
        if conversation is None or self._state is not _State.TALKING:
            return
        if conversation.over:
            self._wind_up("both sides have closed")
            return
        if self._reading is not conversation.reading:
            self._reading = not self._reading
            for leg in self._legs:
                if self._reading:
                    leg.go(Stop.ASKED)
                else:
                    leg.stop(Stop.ASKED)
        self._arm(conversation)

    # --- external ports

    def _ask(self, request: Open) -> None:
        self._opens += 1
        if self._opens > OPENS_AT_ONCE:
            self._opens = 0
            self._parts.clock.call_later(0, self._ask_now, request)
        else:
            self._ask_now(request)

    def _ask_now(self, request: Open) -> None:
        if self._state is not _State.TALKING:
            return
        clock = self._parts.clock
        late = clock.call_later(
            OPEN_PATIENCE, self._opened, request, Refused("the gateway did not answer in time")
        )
        opening = maybeDeferred(self._parts.mappings.open, self._flow.uplink, request)
        opening.addErrback(self._not_opened).addCallback(self._answered, request, late)

    def _not_opened(self, failure: Failure) -> Refused:
        if failure.check(IcsError) is None:
            self._parts.log.failure("an external port could not be opened", failure)
        return Refused(failure.getErrorMessage())

    def _answered(self, result: Mapping | Refused, request: Open, late: IDelayedCall) -> None:
        if late.active():
            late.cancel()
        self._opened(request, result)

    def _opened(self, request: Open, result: Mapping | Refused) -> None:
        """Tell the session.  An answer that comes too late is given back by the conversation."""
        counters = self._parts.counters
        if isinstance(result, Mapping):
            counters.opened += 1
            self._tell("helper.port.opened", external=str(result.external), to=str(result.to))
        else:
            counters.denied += 1
            self._tell("helper.port.denied", port=str(request.to), reason=result.reason)
        assert self._conversation is not None, "it has asked"
        self._do(self._conversation.opened(request.token, result, self._parts.clock.now()))

    def _release(self, mapping: Mapping) -> None:
        releasing = maybeDeferred(self._parts.mappings.release, mapping, "keep")
        releasing.addErrback(self._not_released, mapping)

    def _not_released(self, failure: Failure, mapping: Mapping) -> None:
        """Its time has run out, or its uplink is gone: it is no more, which is what was wanted."""
        if failure.check(IcsError) is None:
            self._parts.log.failure("port {port} could not be released", failure, port=str(mapping.external))

    def _release_all(self) -> None:
        if self._conversation is not None:
            self._do(self._conversation.finish())

    # --- time

    def _arm(self, conversation: Conversation) -> None:
        """Be called when the next thing is due.  A timer that comes too early does no harm and is left alone."""
        now = self._parts.clock.now()
        due = self._idle_at
        if conversation.deadline is not None:
            soonest = now + SHORTEST_TIMER if self._timed_out else now
            due = min(due, max(conversation.deadline, soonest))
        if self._timer is not None and self._timer_at <= due:
            return
        self._disarm()
        self._timer_at = due
        self._timer = self._parts.clock.call_later(max(0.0, due - now), self._tick)

    def _tick(self) -> None:
        self._timer = None
        conversation, now = self._conversation, self._parts.clock.now()
        if conversation is None or self._state is not _State.TALKING:
            return
        if now >= self._idle_at:
            self._wind_up("limits.idle")
            return
        if conversation.deadline is not None and now >= conversation.deadline:
            self._timed_out = True
            self._do(conversation.timeout(now))
            self._timed_out = False
        else:
            self._arm(conversation)

    @property
    def _idle_at(self) -> float:
        idle = self._limits.idle
        return self._last + (min(idle, HALF_CLOSED_IDLE) if self._half_closed else idle)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the end

    def _wind_up(self, reason: str) -> None:
        """Nothing more is taken; what was sent goes out, then both connections end: by RST when our patience is over."""
        if self._state is not _State.TALKING:
            return
        self._tell_end(reason)
        self._state = _State.ENDING
        self._disarm()
        patience = RESET_GRACE if self._reset else FLUSH_PATIENCE
        self._timer = self._parts.clock.call_later(patience, self._out_of_patience)
        self._release_all()
        if not self._reset:
            for leg in self._legs:
                leg.close()

    def _out_of_patience(self) -> None:
        self._timer = None
        self._abort()

    def _abort(self) -> None:
        self._disarm()
        if self._connecting is not None:
            self._connecting.cancel()
        for leg in self._legs:
            leg.abort()
        self._gone_perhaps()

    def _gone_perhaps(self) -> None:
        if all(leg.gone for leg in self._legs) and self._connecting is None and self._state is _State.ENDING:
            self._state = _State.GONE
            self._disarm()
            self._parts.gone(self)

    # --- for people

    @property
    def _flow(self) -> Flow:
        assert self.course is not None, "it has come this far"
        return self.course.flow

    def _tell(self, id: str, **fields: Any) -> None:
        flow = self._flow
        self._parts.report.session(id, client=str(flow.client), server=str(flow.server), **fields)

    def _tell_end(self, reason: str) -> None:
        self._tell("helper.session.ended", reason=reason)

    def _tell_failure(self, flow: Flow, reason: str, error: Exception | None) -> None:
        self._parts.counters.failed += 1
        outcome = "its connection is ended" if self._parts.fail == "closed" else "it is relayed untouched"
        self._parts.report.failed(flow, reason, error, outcome)
