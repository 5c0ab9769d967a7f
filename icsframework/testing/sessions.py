r"""Conversations as values, played over the session of a NAT helper, with every word of the session judged.

A conversation is who says what, in order: ``[(Side.SERVER, b"220 ready\r\n"), (Side.CLIENT, b"PORT ...\r\n")]``.
A helper ships its own as ``CONVERSATIONS``, a sequence of them, in the module of its factory or in a module
``conversations`` of the same package; they need only icsframework.values.  Hosts are those of flows.py: in here
192.168.0.10, out there 192.0.2.80, the gateway 203.0.113.5.  Every generic test starts from them.

    for said in conversations_of("acme_chess:factory"):
        outcome = play(proxy, said)

The session is inside the very code that the gateway has around it, as in player.py.  Here what it asks for is
looked at before the gateway's own refusals: a session that wants a port for another host than its own, or for
another peer, has believed somebody, and a ``Witness`` says so (ContractBroken).  To ask for a port that a client
named and that is not to be had, such as one below 1024, is no fault: the gateway refuses it.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from math import isfinite
from typing import Any

from icsframework.helpers.conversation import Conversation as Shell
from icsframework.helpers.effects import Broken, Denied, Effect, Fin, Release
from icsframework.helpers.limits import Limits
from icsframework.testing.flows import inbound, outbound
from icsframework.testing.stage import ContractBroken
from icsframework.values import (
    DatagramProxy,
    End,
    Endpoint,
    Flow,
    Mapping,
    Open,
    Refused,
    Send,
    Side,
    StepAside,
    StreamProxy,
)

__all__ = [
    "Conversation",
    "Grant",
    "Outcome",
    "Play",
    "Proxy",
    "Witness",
    "conversations_of",
    "flow_of",
    "play",
    "refuse",
]

Conversation = Sequence[tuple[Side, bytes]]
Proxy = StreamProxy | DatagramProxy
Grant = Callable[[Open, int], Mapping | Refused]
"""Answers an Open; the number counts them from 1."""

START = 1000.0
"""Seconds of IClock.now at which every play begins."""
FIRST_EXTERNAL = 50000
"""The first Open gets this external port, the next the one after."""
DEADLINES = 100
"""Deadlines in a row, while nobody says anything, before a session counts as never resting."""


def conversations_of(target: str) -> Sequence[Conversation]:
    """The conversations that the helper with the factory ``module:attribute`` ships; none if it ships none."""
    module = import_module(target.partition(":")[0])
    if hasattr(module, "CONVERSATIONS"):
        return list(module.CONVERSATIONS)
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    name = f"{package}.conversations"
    if not package or find_spec(name) is None:
        return []
    return list(import_module(name).CONVERSATIONS)


def flow_of(proxy: Proxy, port: int | None = None) -> Flow:
    """The flow on which conversations are played: to ``port``, or to the first that the helper watches."""
    number = proxy.ports[0] if port is None else port
    make = inbound if isinstance(proxy, StreamProxy) and proxy.direction == "inbound" else outbound
    return make(number, "tcp" if isinstance(proxy, StreamProxy) else "udp")


@dataclass
class Outcome:
    """What came of a play.  Tokens are left out: they are the session's own affair."""

    sent: dict[Side, bytes] = field(default_factory=lambda: dict.fromkeys(Side, b""))
    """What each side got."""
    opened: list[Open] = field(default_factory=list)
    denied: list[tuple[Open, str]] = field(default_factory=list)
    """What the gateway refused by itself, and why."""
    given_back: int = 0
    """How many mappings were released before the flow's end."""
    stepped_aside: bool = False
    ended: str | None = None
    """The reason, if the session ended the flow."""
    broken: str = ""
    """Why the gateway would not go on with the session; with a judge it is an exception."""


class Witness:
    """Stands between the gateway and a session, and raises at the first thing that no session may do."""

    def __init__(self, session: Any, flow: Flow) -> None:
        self.session, self.flow = session, flow

    def received(self, side: Side, data: bytes, now: float) -> Any:
        """See ISession."""
        return self._judged(self.session.received(side, data, now))

    def opened(self, token: Any, result: Mapping | Refused, now: float) -> Any:
        """See ISession."""
        return self._judged(self.session.opened(token, result, now))

    def closed(self, side: Side, now: float) -> Any:
        """See ISession."""
        return self._judged(self.session.closed(side, now))

    def timeout(self, now: float) -> Any:
        """See ISession.  A deadline that stays where it was would come again at once, for ever."""
        before = self.session.deadline()
        actions = self.session.timeout(now)
        over = any(isinstance(action, End | StepAside) for action in actions)
        if not over and before is not None and self.session.deadline() == before:
            raise ContractBroken("timeout was called at the deadline, and the deadline is still the same")
        return self._judged(actions)

    def deadline(self) -> Any:
        """See ISession."""
        return self.session.deadline()

    def _judged(self, actions: Any) -> Any:
        """Other things than an Open are the gateway's to judge."""
        for action in actions:
            if isinstance(action, Open):
                _judge(action, self.flow)
        return actions


def _judge(wanted: Open, flow: Flow) -> None:
    complaints = {
        "leads to another host than the flow's inside": wanted.to.address != flow.inside.address,
        "is not for the flow's peer alone": wanted.remote != flow.peer.address,
        "asks for no port": wanted.count < 1,
        "has no lifetime": not isfinite(wanted.lifetime) or wanted.lifetime <= 0,
    }
    for complaint, applies in complaints.items():
        if applies:
            raise ContractBroken(f"{wanted!r} {complaint}; the flow is {flow!r}")


class Play:
    """One session and its flow.  ``grant`` answers an Open; by default everything is granted."""

    def __init__(
        self,
        proxy: Proxy,
        grant: Grant | None = None,
        limits: Limits | None = None,
        judge: bool = True,
    ) -> None:
        """Without ``judge`` only the gateway itself is in the session's way, as in the field."""
        self.flow, self.now = flow_of(proxy), START
        self.session = proxy.session(self.flow)
        self.outcome = Outcome()
        self.held: list[Mapping] = []
        """What the session holds open."""
        self._grant = grant or self._granted
        self._judge = judge
        heard = Witness(self.session, self.flow) if judge else self.session
        self.shell = Shell(heard, self.flow, limits or Limits(), proxy.fail)
        self._carry_out(self.shell.begin(self.now))

    @property
    def over(self) -> bool:
        """Whether the session is not asked any more."""
        return self.shell.over or self.shell.relaying

    def say(self, side: Side, data: bytes) -> None:
        """``side`` sends bytes."""
        if data and not self.shell.over:
            self._carry_out(self.shell.received(side, data, self.now))

    def close(self, side: Side) -> None:
        """``side`` closes its half."""
        if not self.shell.over:
            self._carry_out(self.shell.closed(side, self.now))

    def wait(self) -> None:
        """Time passes, past one deadline after the other, until there is none."""
        for _ in range(DEADLINES):
            deadline = self.shell.deadline
            if deadline is None:
                return
            self.now = max(self.now, deadline)
            self._carry_out(self.shell.timeout(self.now))

    def finish(self) -> None:
        """The flow is gone: what its session holds must come back."""
        self._carry_out(self.shell.finish())
        if self.held:
            raise ContractBroken(f"the flow is gone and these stay open: {self.held}")

    # --- the rest of the gateway

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        queue = deque(effects)
        while queue:
            self._one(queue.popleft(), queue)

    def _one(self, effect: Effect, queue: "deque[Effect]") -> None:
        outcome = self.outcome
        match effect:
            case Send(side, data):
                outcome.sent[side] += data
            case Open():
                outcome.opened.append(replace(effect, token=None))
                result = self._grant(effect, len(outcome.opened))
                self.held += [result] if isinstance(result, Mapping) else []
                queue.extend(self.shell.opened(effect.token, result, self.now))
            case Denied(request, reason):
                outcome.denied.append((replace(request, token=None), reason))
            case Release(mapping):
                self.held.remove(mapping)
                outcome.given_back += 1
            case StepAside():
                outcome.stepped_aside = True
            case End(reason):
                outcome.ended = reason
            case Broken(reason, error):
                if self._judge:
                    raise error or ContractBroken(f"the session is broken: {reason}")
                outcome.broken = reason
            case Fin():
                pass

    def _granted(self, wanted: Open, number: int) -> Mapping:
        external = Endpoint(self.flow.outside.address, FIRST_EXTERNAL + number - 1)
        expires = self.now + wanted.lifetime
        return Mapping(
            wanted.protocol,
            self.flow.uplink,
            external,
            wanted.to,
            wanted.remote,
            "example",
            expires,
            wanted.count,
            wanted.once,
        )


def refuse(wanted: Open, number: int) -> Refused:
    """Answers an Open where nothing is to be had."""
    return Refused("no port is left")


def play(
    proxy: Proxy,
    said: Conversation,
    ends: Sequence[Side] = (Side.CLIENT, Side.SERVER),
    grant: Grant | None = None,
) -> Outcome:
    """Play a whole conversation over a new session; ``ends`` is who closes, in order, when all is said."""
    one = Play(proxy, grant)
    for side, data in said:
        one.say(side, data)
    for side in ends:
        one.close(side)
    outcome = replace(one.outcome)
    one.wait()
    one.finish()
    return outcome
