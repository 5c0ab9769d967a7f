"""Plays the gateway for one session of a NAT helper: gives it bytes, answers and time, and notes what comes of it.

The session is inside the very code that the gateway has around it (icsframework/helpers/conversation.py): what the
gateway refuses is refused, reading stops while an Open is unanswered, and after StepAside bytes go past the
session.  See transcript.py for the text that is played.
"""

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from icsframework.helpers.conversation import Conversation
from icsframework.helpers.effects import Broken, Denied, Effect, Fin, Release
from icsframework.helpers.limits import Limits
from icsframework.interfaces import ISession
from icsframework.testing.stage import ContractBroken
from icsframework.values import Endpoint, Flow, Mapping, Open, Refused, Send, SessionFactory, Side, StepAside

__all__ = ["ASIDE", "BECAUSE", "OutOfStep", "Player", "Said", "shown"]

START = 1000.0
"""Seconds of IClock.now at which every conversation begins."""
MAX_TIMEOUTS = 1000
"""Calls of ``timeout`` within one wait; a session that wants more never comes to rest."""
ASIDE = "aside"
BECAUSE = " because "
"""What stands between a denial and its reason."""

Said = tuple[Side, bytes] | str
"""What came of something: bytes to a side, or anything else in words."""


class OutOfStep(ContractBroken):
    """What is to happen next cannot happen after what the session did."""


class Player:
    """One session and its flow.  Each method returns what came of it, in order."""

    def __init__(self, session: SessionFactory, flow: Flow, limits: Limits | None = None) -> None:
        self.flow = flow
        self.now = START
        self.asked: Open | None = None
        """The Open that is to be answered before anything else happens."""
        made = session(flow)
        try:
            verifyObject(ISession, made)
        except Invalid as error:
            raise ContractBroken(" ".join(str(error).split())) from error
        self._conversation = Conversation(made, flow, limits or Limits())
        self._noted(self._conversation.begin(self.now))

    def say(self, side: Side, *pieces: bytes) -> list[Said]:
        """``side`` says something, which arrives in these pieces."""
        self._must_go_on()
        done: list[Said] = []
        for piece in filter(None, pieces):
            done += self._noted(self._conversation.received(side, piece, self.now))
        return done

    def close(self, side: Side) -> list[Said]:
        """``side`` sends nothing any more."""
        self._must_go_on()
        return self._noted(self._conversation.closed(side, self.now))

    def grant(self, port: int) -> list[Said]:
        """What was asked for is granted: ``port`` and, if more are wanted, those after it."""
        asked = self._must_be_asked("granted")
        if asked.parity and (port - asked.to.port) % 2:
            raise ContractBroken(f"{shown(asked, self.flow)!r} keeps odd ports odd; {port} cannot be granted")
        mapping = Mapping(
            asked.protocol,
            self.flow.uplink,
            Endpoint(self.flow.outside.address, port),
            asked.to,
            asked.remote,
            "transcript",
            self.now + asked.lifetime,
            asked.count,
            asked.once,
        )
        return self._answered(asked, mapping)

    def refuse(self, reason: str) -> list[Said]:
        """What was asked for cannot be had."""
        return self._answered(self._must_be_asked("refused"), Refused(reason))

    def wait(self, seconds: float) -> list[Said]:
        """Time passes; ``timeout`` is called when it is due."""
        self._must_go_on()
        until, done = self.now + seconds, list[Said]()
        for _ in range(MAX_TIMEOUTS):
            due = self._conversation.deadline
            if due is None or due > until or self.asked is not None:
                self.now = until
                return done
            self.now = max(self.now, due)
            done += self._noted(self._conversation.timeout(self.now))
        raise ContractBroken(f"timeout was called {MAX_TIMEOUTS} times within {seconds:g} s")

    def _must_go_on(self) -> None:
        if self.asked is not None:
            asked = shown(self.asked, self.flow)
            raise OutOfStep(f"`{asked}` is not answered: write `granted PORT` or `refused` after it")
        if self._conversation.over:
            raise OutOfStep("the flow has ended, but the conversation goes on")

    def _must_be_asked(self, answer: str) -> Open:
        if self.asked is None:
            raise OutOfStep(f"`{answer}`, but the session has asked for nothing")
        asked, self.asked = self.asked, None
        return asked

    def _answered(self, asked: Open, result: Mapping | Refused) -> list[Said]:
        return self._noted(self._conversation.opened(asked.token, result, self.now))

    def _noted(self, effects: list[Effect]) -> list[Said]:
        """The effects as they are shown; what follows of itself (a half that is closed) is not."""
        for effect in effects:
            if isinstance(effect, Broken):
                raise effect.error or ContractBroken(effect.reason)
            if isinstance(effect, Open):
                self.asked = effect
        return [_said(effect, self.flow) for effect in effects if not isinstance(effect, Fin)]


def _said(effect: Effect, flow: Flow) -> Said:
    match effect:
        case Send(side, data):
            return side, data
        case Open():
            return shown(effect, flow)
        case Denied(request, reason):
            return f"denied {shown(request, flow)}{BECAUSE}{reason}"
        case Release(mapping):
            return f"close {mapping.protocol} {_place(mapping.to, flow)}"
        case StepAside():
            return ASIDE
        case _:
            return f"end {effect.reason}"  # type: ignore[union-attr]


def _place(to: Endpoint, flow: Flow) -> str:
    return str(to.port) if to.address == flow.inside.address else str(to)


def shown(asked: Open, flow: Flow) -> str:
    """An Open in words: what is usual for the flow is left out."""
    usual = Open(None, asked.protocol, asked.to, flow.peer.address)
    words = ["open", asked.protocol, _place(asked.to, flow)]
    if asked.count != usual.count:
        words.append(f"count {asked.count}")
    if asked.remote != usual.remote:
        words.append(f"for {asked.remote or 'anybody'}")
    if asked.parity != usual.parity:
        words.append("parity")
    if asked.once != usual.once:
        words.append("again")
    if asked.lifetime != usual.lifetime:
        words.append(f"lifetime {asked.lifetime:g}")
    return " ".join(words)
