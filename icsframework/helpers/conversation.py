r"""One flow and its session: what comes in and what the session answers, as effects for a shell.  Pure.

    conversation = Conversation(session, flow, limits)
    for effect in conversation.received(Side.CLIENT, b"PORT 192,168,0,10,156,64\r\n", now):
        ...                                   # an Open: ask the port book, then
    conversation.opened(token, mapping, now)  # gives the effects that follow

The order is that of the session's actions.  What it answers to ``opened`` stands
where its Open stood: before the actions that follow it in the same answer.  While
an Open is unanswered, input waits (``reading`` says that no more is wanted) and
only ``timeout`` reaches the session.

A session that raises or answers nonsense is not called again.  The flow ends
(``fail`` closed), or is relayed from there on (open): then the bytes that the
session had taken and not passed on yet go first, untouched.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from icsframework.helpers.answers import Nonsense, actions_of, deadline_of, shown
from icsframework.helpers.asking import granted, refusal
from icsframework.helpers.effects import Broken, Denied, Effect, Fin, Release
from icsframework.helpers.limits import MOST_BYTES, MOST_CALLS, Limits
from icsframework.helpers.unpassed import Unpassed
from icsframework.values import (
    Action,
    Close,
    End,
    Flow,
    Mapping,
    Open,
    Refused,
    Send,
    Side,
    StepAside,
)

__all__ = ["FAILED", "Conversation"]

FAILED = "the session failed"
"""The reason of the End that follows a Broken."""


class Conversation:
    """See the module.  A ``session`` of None: the flow is relayed from the beginning."""

    __slots__ = (
        "_asked",
        "_calls",
        "_closed",
        "_deadline",
        "_done",
        "_flow",
        "_held",
        "_inputs",
        "_limits",
        "_out",
        "_over",
        "_queue",
        "_queued",
        "_relaying",
        "_session",
        "_unpassed",
    )

    def __init__(
        self, session: Any, flow: Flow, limits: Limits, fail: Literal["open", "closed"] = "closed"
    ) -> None:
        self._session = session
        self._flow = flow
        self._limits = limits
        self._inputs: deque[tuple[Side, bytes | None]] = deque()  # None: closed
        self._queue: deque[Action | _Halved] = deque()
        self._queued = 0  # bytes of its Sends
        self._asked: Open | None = None
        self._held: dict[Any, Mapping] = {}
        self._closed: tuple[Side, ...] = ()
        self._unpassed = Unpassed() if fail == "open" else None
        self._done: tuple[Side, ...] = ()  # a Fin was sent there
        self._deadline: float | None = None
        self._calls = 0
        self._out: list[Effect] = []
        self._relaying = session is None
        self._over = False

    # --- what the shell may ask

    @property
    def reading(self) -> bool:
        """Whether more bytes are wanted."""
        return self._asked is None and not self._over

    @property
    def relaying(self) -> bool:
        """Whether the session has stepped aside or failed, so that everything goes on untouched."""
        return self._relaying

    @property
    def over(self) -> bool:
        """Whether nothing follows any more: both sides have closed, or the session has ended it."""
        return self._over

    @property
    def deadline(self) -> float | None:
        """When to call ``timeout`` (seconds of IClock.now), or None."""
        return None if self._relaying or self._over else self._deadline

    def expectations(self, now: float) -> int:
        """External ports that the session holds open now, and waits for."""
        held = sum(
            mapping.count
            for mapping in self._held.values()
            if mapping.expires is None or mapping.expires > now
        )
        return held + (self._asked.count if self._asked else 0)

    # --- what the shell says

    def begin(self, now: float) -> list[Effect]:
        """The flow is connected on both sides: its session's first deadline is asked for."""
        if not self._relaying:
            self._guarded(tuple)
        return self._run(now)

    def received(self, side: Side, data: bytes, now: float) -> list[Effect]:
        """Bytes from ``side``."""
        if self._relaying and not self._inputs:
            return [Send(side.other, data)] if not self._over and side not in self._closed else []
        self._calls = 0
        self._inputs.append((side, data))
        return self._run(now)

    def closed(self, side: Side, now: float) -> list[Effect]:
        """``side`` sends nothing any more."""
        self._calls = 0
        self._inputs.append((side, None))
        return self._run(now)

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> list[Effect]:
        """The answer to an Open among the effects.  A mapping that nobody waits for any more is released."""
        if self._asked is None or self._asked.token != token:
            return [Release(result)] if isinstance(result, Mapping) else []
        self._asked = None
        if isinstance(result, Mapping):
            self._held[token] = result
        self._tell(token, result, now)
        return self._run(now)

    def timeout(self, now: float) -> list[Effect]:
        """The time said by ``deadline`` has come."""
        self._calls = 0
        self._queue.extend(self._call("timeout", now))
        return self._run(now)

    def finish(self) -> list[Effect]:
        """The flow has ended, however: everything its session opened is given back.  Nothing follows."""
        self._over = True
        self._asked = None
        self._queue.clear()
        self._inputs.clear()
        released: list[Effect] = [Release(mapping) for mapping in self._held.values()]
        self._held.clear()
        return released

    # --- one thing after the other

    def _run(self, now: float) -> list[Effect]:
        while self._asked is None and not self._over:
            if self._queue:
                self._carry_out(self._queue.popleft(), now)
            elif self._inputs:
                self._take(*self._inputs.popleft(), now)
            else:
                break
        out, self._out = self._out, []
        return out

    def _take(self, side: Side, data: bytes | None, now: float) -> None:
        if side in self._closed:
            return
        if data is None:
            self._take_close(side, now)
        elif self._relaying:
            self._out.append(Send(side.other, data))
        else:
            if self._unpassed is not None:
                self._unpassed.taken(side, data)
            self._queue.extend(self._call("received", side, data, now))

    def _take_close(self, side: Side, now: float) -> None:
        """One half is over: the session is told, what it answers goes on, and then the half of the other side."""
        self._closed = (*self._closed, side)
        if not self._relaying:
            self._queue.extend(self._call("closed", side, now))
        self._queue.append(_Halved(side))

    def _carry_out(self, action: "Action | _Halved", now: float) -> None:
        match action:
            case Send(side, data):
                self._send(side, data)
            case Open():
                self._ask(action, now)
            case Close(token):
                self._close(token)
            case StepAside():
                self._step_aside()
            case End():
                self._end(action)
            case _Halved(side):
                self._halve(side)

    def _send(self, side: Side, data: bytes) -> None:
        self._queued -= len(data)
        if not data or side in self._done:
            return
        if self._unpassed is not None:
            self._unpassed.sent(side, data)
        self._out.append(Send(side, data))

    def _halve(self, side: Side) -> None:
        self._done = (*self._done, side.other)
        self._out.append(Fin(side.other))
        self._over = len(self._done) == len(Side)

    def _step_aside(self) -> None:
        if not self._relaying:
            self._relaying = True
            self._unpassed = None
            self._out.append(StepAside())

    def _end(self, end: End) -> None:
        self._over = True
        self._queue.clear()
        self._out.append(end)

    # --- external ports

    def _ask(self, request: Open, now: float) -> None:
        if self._relaying:
            return  # it has stepped aside before, in the same answer
        self._drop_expired(now)
        reason = self._refusal(request, now)
        if reason is None:
            self._asked = granted(request)
            self._out.append(self._asked)
        else:
            self._out.append(Denied(request, reason))
            self._tell(request.token, Refused(reason), now)

    def _refusal(self, request: Open, now: float) -> str | None:
        if request.token in self._held:
            return f"the token {shown(request.token)} has a port already; close it first"
        return refusal(request, self._flow, self._limits.expectations - self.expectations(now))

    def _drop_expired(self, now: float) -> None:
        for token, mapping in tuple(self._held.items()):
            if mapping.expires is not None and mapping.expires <= now:
                self._close(token)

    def _close(self, token: Any) -> None:
        mapping = self._held.pop(token, None)
        if mapping is not None:
            self._out.append(Release(mapping))

    def _tell(self, token: Any, result: Mapping | Refused, now: float) -> None:
        """What is answered to ``opened`` comes where its Open stood."""
        actions = self._call("opened", token, result, now)
        self._queue.extendleft(reversed(actions))

    # --- the session

    def _call(self, method: str, *arguments: Any) -> tuple[Action, ...]:
        if self._relaying or self._over:
            return ()
        self._calls += 1
        if self._calls > MOST_CALLS:
            self._break("it asks without end")
            return ()
        actions = self._guarded(lambda: actions_of(getattr(self._session, method)(*arguments), method))
        self._queued += sum(len(action.data) for action in actions if isinstance(action, Send))
        if self._queued > MOST_BYTES:
            self._break(f"more than {MOST_BYTES} bytes wait for the answer to an Open")
            return ()
        return actions

    def _guarded(self, work: Callable[[], tuple[Action, ...]]) -> tuple[Action, ...]:
        """Do it and ask for the next deadline; whatever a stranger's code does, the flow's fate is ours."""
        try:
            actions = work()
            self._deadline = deadline_of(self._session.deadline())
        except Nonsense as error:
            self._break(str(error))
        except Exception as error:  # noqa: BLE001 - Broken carries it to the log
            self._break(f"it raised {shown(error)}", error)
        else:
            return actions
        return ()

    def _break(self, reason: str, error: Exception | None = None) -> None:
        self._queue = deque(action for action in self._queue if isinstance(action, _Halved))
        self._queued = 0
        self._asked = None
        self._out.append(Broken(reason, error))
        if self._unpassed is None:
            self._end(End(FAILED))
            return
        rest = self._unpassed.rest()
        self._step_aside()
        self._out.extend(Send(side.other, data) for side, data in rest if side.other not in self._done)


class _Halved:
    """In the queue: all that was answered to ``closed`` is carried out."""

    __slots__ = ("side",)
    __match_args__ = ("side",)

    def __init__(self, side: Side) -> None:
        self.side = side
