"""What LCP, IPCP and IPV6CP have in common: the automaton with packets around it (RFC 1661 section 5).

A layer takes packets and the time and returns what follows, in order: control
packets of its own protocol as bytes, and ``Outcome``s.  A protocol says by a few
methods what it asks for and what it thinks of the peer's options.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from icsframework.protocols.ppp.actions import Cause
from icsframework.protocols.ppp.automaton import Action, Automaton, Event, Limits, State
from icsframework.protocols.ppp.packet import Code, Option, Packet, pack_options, parse_options, readable

__all__ = ["Layer", "Outcome", "Output", "Verdict"]

STUBBORN = 20
"""Naks heard for one negotiation until what the peer naks is left out as if it had rejected it.  Cellular modems nak for
some ten seconds, with servers that do not exist, until the network has told them the true ones.
"""
HOPELESS = 40
"""Naks and Rejects heard for one negotiation until it is given up: more rounds than all options one by one."""

REPETITIONS = 2
"""Times that the request which was acknowledged last is acknowledged again on an open layer, instead of starting over
(RFC 1661 section 4.3): a peer that goes on asking has started over itself.
"""


class Outcome(Enum):
    """What a layer tells the one above it (RFC 1661 section 4.4)."""

    UP = "this-layer-up"
    DOWN = "this-layer-down"
    FINISHED = "this-layer-finished"


Output = bytes | Outcome


class Verdict(NamedTuple):
    """What to answer to a Configure-Request: Ack with all its options, or Nak or Reject with some."""

    code: Code
    options: tuple[Option, ...]


class Layer:
    """One control protocol on one link.  Subclasses fill in the methods at the end."""

    name = ""
    """What people call it."""
    served = ""
    """What it makes possible, for people: what a peer ends that ends it."""
    protocol = 0

    def __init__(self, limits: Limits) -> None:
        self.automaton = Automaton(limits)
        self.reason = ""
        """Why it is not up any more, for people; empty while there is nothing to say."""
        self.cause = Cause.PEER
        """The same for programs."""
        self.hint = ""
        """What may explain a peer that goes away; becomes part of the reason."""
        self.asked: tuple[Option, ...] = ()
        """The options of the last Configure-Request."""
        self._ident = 0
        self._request: int | None = None  # identifier of the request that waits for its answer
        self._naks_sent = self._naks_heard = 0
        self._reply = b""
        self._spoken = False
        self._acked: Packet | None = None
        self._acked_again = 0
        self._handlers: dict[int, Callable[[Packet, float], list[Output]]] = {
            Code.CONFIGURE_REQUEST: self._configure_request,
            Code.CONFIGURE_ACK: self._configure_ack,
            Code.CONFIGURE_NAK: self._configure_nak,
            Code.CONFIGURE_REJECT: self._configure_reject,
            Code.TERMINATE_REQUEST: self._terminate_request,
            Code.TERMINATE_ACK: self._terminate_ack,
            Code.CODE_REJECT: self._code_reject,
        }

    @property
    def opened(self) -> bool:
        """Both ends have agreed."""
        return self.automaton.state is State.OPENED

    @property
    def deadline(self) -> float | None:
        """When ``timeout`` must be called."""
        return self.automaton.deadline

    def because(self, cause: Cause, words: str) -> None:
        """Set the reason, unless there is an earlier one."""
        if not self.reason:
            self.cause = cause
            self.reason = f"{words} ({self.hint})" if self.hint else words

    # --- from above and below

    def start(self, now: float, silent: bool = False) -> list[Output]:
        """The layer below is up and this one is wanted.  A ``silent`` layer waits until the peer has spoken."""
        self._run(Event.UP, now)
        if silent:
            self.automaton.state = State.STOPPED  # which is Open to whoever speaks first
            return []
        return self._run(Event.OPEN, now)

    def stop(self, now: float) -> list[Output]:
        """The layer below is gone."""
        return self._run(Event.DOWN, now)

    def close(self, now: float, reason: str) -> list[Output]:
        """End it in an orderly way: Terminate-Request, and FINISHED when it is answered or nobody answers."""
        self.reason = self.reason or reason  # the cause is the caller's
        return self._run(Event.CLOSE, now)

    def repeat(self, now: float) -> list[Output]:
        """The last request once more, if it has no answer yet, with all tries: the peer could not take it until now."""
        if self._request is None or self.opened:
            return []
        self.automaton.wait(now)
        return [Packet(Code.CONFIGURE_REQUEST, self._request, pack_options(self.asked)).to_wire()]

    def timeout(self, now: float) -> list[Output]:
        """The time has come; nothing follows if it has not."""
        before = self.automaton.state
        actions = self.automaton.timeout(now)
        if Action.TLF in actions and before in _NEGOTIATING:
            tries = self.automaton.limits.max_configure
            self.because(Cause.SILENT, f"{self.name}: no answer to {tries} requests")
        return self._carry_out(actions)

    def refused(self, now: float) -> list[Output]:
        """The peer does not know this protocol (Protocol-Reject)."""
        self.because(Cause.DISAGREED, f"the peer does not know {self.name}")
        return self._run(Event.RXJ_MINUS, now)

    # --- packets

    def receive(self, wire: bytes, now: float) -> list[Output]:
        """Take the information field of a frame of this protocol.  Raises MalformedPacket."""
        packet = Packet.from_wire(wire)
        if self.automaton.state in (State.INITIAL, State.STARTING):
            return []
        if Code.CONFIGURE_REQUEST <= packet.code <= Code.CODE_REJECT:
            return self._handlers[packet.code](packet, now)
        outputs = self.other(packet, now)
        return self._unknown(packet, now) if outputs is None else outputs

    def _unknown(self, packet: Packet, now: float) -> list[Output]:
        whole = packet.to_wire()[: self.longest_reject]
        self._reply = self._next(Code.CODE_REJECT, whole)
        return self._run(Event.RUC, now)

    def _configure_request(self, packet: Packet, now: float) -> list[Output]:
        options = parse_options(packet.data)
        if self.opened and packet == self._acked and self._acked_again < REPETITIONS:
            # Our Ack was lost, or the line brings things twice; to start over would take everything above down.
            self._acked_again += 1
            return [_reply_to(packet, Verdict(Code.CONFIGURE_ACK, options))]
        if self.automaton.state is State.STOPPED:
            self.reason = ""  # a fresh start, whatever ended the last one
        self._spoken = True
        verdict = self._converging(self.judge(options, now), options)
        self._reply = _reply_to(packet, verdict)
        self._acked, self._acked_again = packet, 0
        if verdict.code is not Code.CONFIGURE_ACK:
            return self._run(Event.RCR_MINUS, now)
        self._naks_sent = 0
        outputs = self._carry_out(self.automaton.handle(Event.RCR_PLUS, now), options)
        return outputs + self._given_up(now)

    def _converging(self, verdict: Verdict, options: Sequence[Option]) -> Verdict:
        """The verdict, but a Reject after too many Naks (Max-Failure, RFC 1661 section 4.6)."""
        if verdict.code is not Code.CONFIGURE_NAK:
            return verdict
        self._naks_sent += 1
        if self._naks_sent <= self.automaton.limits.max_failure:
            return verdict
        nakked = {option.type for option in verdict.options}
        rejected = tuple(option for option in options if option.type in nakked)
        return (
            Verdict(Code.CONFIGURE_REJECT, rejected)
            if rejected
            else Verdict(Code.CONFIGURE_ACK, tuple(options))
        )

    def _configure_ack(self, packet: Packet, now: float) -> list[Output]:
        if packet.ident != self._request or packet.data != pack_options(self.asked):
            return []
        self._request = None
        self._naks_heard = 0
        self.accepted()
        return self._run(Event.RCA, now) + self._given_up(now)

    def _configure_nak(self, packet: Packet, now: float) -> list[Output]:
        return self._objection(packet, now, self.naked)

    def _configure_reject(self, packet: Packet, now: float) -> list[Output]:
        return self._objection(packet, now, self.rejected)

    def _objection(self, packet: Packet, now: float, learn: Callable[[Option], None]) -> list[Output]:
        options = parse_options(packet.data)
        if packet.ident != self._request or not options:
            return []
        self._naks_heard += 1
        if self._naks_heard > STUBBORN:
            learn = self.rejected
        if self._naks_heard > HOPELESS:
            self._request = None
            self.because(Cause.DISAGREED, f"{self.name}: the two ends never agree on the options")
            return self._run(Event.CLOSE, now)
        for option in options:
            learn(option)
        if self.wanted() == self.asked and not self.reason:
            self.automaton.wait(now)  # nothing new: to ask again at once would get the same answer
            return []
        self._request = None
        return self._run(Event.RCN, now) + self._given_up(now)

    def _given_up(self, now: float) -> list[Output]:
        """What the options heard lead to if they made this layer hopeless (``self.reason`` is set)."""
        return self._run(Event.CLOSE, now) if self.reason else []

    def _terminate_request(self, packet: Packet, now: float) -> list[Output]:
        opened, negotiating = self.opened, self.automaton.state in _NEGOTIATING and self._spoken
        if opened or negotiating:
            words = readable(packet.data)
            self.because(Cause.PEER, f"the peer ended {self.served}" + (f": {words}" if words else ""))
        self._reply = Packet(Code.TERMINATE_ACK, packet.ident, packet.data[: self.longest_reject]).to_wire()
        outputs = self._run(Event.RTR, now)
        # A peer that has spoken before means us; from one that has not it belongs to an earlier link.
        return outputs + self._given_up(now) if negotiating else outputs

    def _terminate_ack(self, packet: Packet, now: float) -> list[Output]:
        return self._run(Event.RTA, now)

    def _code_reject(self, packet: Packet, now: float) -> list[Output]:
        code = packet.data[0] if packet.data else 0
        if Code.CONFIGURE_REQUEST <= code <= Code.CODE_REJECT:
            self.because(Cause.DISAGREED, f"{self.name}: the peer does not know code {code}")
            return self._run(Event.RXJ_MINUS, now)
        self.unsupported(code)
        return self._run(Event.RXJ_PLUS, now)

    # --- actions

    def _run(self, event: Event, now: float) -> list[Output]:
        return self._carry_out(self.automaton.handle(event, now))

    def _carry_out(self, actions: Iterable[Action], granted: tuple[Option, ...] = ()) -> list[Output]:
        outputs: list[Output] = []
        for action in actions:
            if action is Action.SCR:
                outputs.append(self._configure())
            elif action is Action.STR:
                outputs.append(
                    self._next(Code.TERMINATE_REQUEST, self.reason.encode("ascii", "replace")[:MAX_REASON])
                )
            elif action in _REPLIES:
                if action is Action.SCA:
                    self.granted(granted)
                outputs.append(self._reply)
            elif action in _OUTCOMES:
                outputs.append(_OUTCOMES[action])
        return outputs

    def _configure(self) -> bytes:
        """A Configure-Request; one that repeats the last keeps its identifier, so that a late answer still counts."""
        wanted = self.wanted()
        if self._request is None or wanted != self.asked:
            self.asked = wanted
            packet = self._next(Code.CONFIGURE_REQUEST, pack_options(wanted))
            self._request = self._ident
            return packet
        return Packet(Code.CONFIGURE_REQUEST, self._request, pack_options(wanted)).to_wire()

    def _next(self, code: Code, data: bytes) -> bytes:
        self._ident = self._ident % 255 + 1
        return Packet(code, self._ident, data).to_wire()

    # --- what a protocol fills in

    longest_reject = 1400
    """Octets of a peer's packet that are sent back at most."""

    def wanted(self) -> tuple[Option, ...]:
        """The options to ask for now."""
        raise NotImplementedError

    def judge(self, options: Sequence[Option], now: float) -> Verdict:
        """What to answer to a peer that asks for these."""
        raise NotImplementedError

    def granted(self, options: Sequence[Option]) -> None:
        """These of the peer have just been acknowledged.  ``self.reason`` may be set to give up."""

    def accepted(self) -> None:
        """The peer has acknowledged ``self.asked``.  ``self.reason`` may be set to give up."""

    def naked(self, option: Option) -> None:
        """The peer would rather have this value.  ``self.reason`` may be set to give up."""
        raise NotImplementedError

    def rejected(self, option: Option) -> None:
        """The peer will not have this option.  ``self.reason`` may be set to give up."""
        raise NotImplementedError

    def other(self, packet: Packet, now: float) -> list[Output] | None:
        """A code beyond the seven common ones; None if it is unknown."""
        return None

    def unsupported(self, code: int) -> None:
        """The peer has rejected this code, which is not one of the seven."""


def _reply_to(request: Packet, verdict: Verdict) -> bytes:
    return Packet(verdict.code, request.ident, pack_options(verdict.options)).to_wire()


MAX_REASON = 120
"""Octets of our reason in a Terminate-Request; some peers log it."""

_NEGOTIATING = (State.REQ_SENT, State.ACK_RCVD, State.ACK_SENT)
_REPLIES = frozenset((Action.SCA, Action.SCN, Action.STA, Action.SCJ, Action.SER))
_OUTCOMES = {Action.TLU: Outcome.UP, Action.TLD: Outcome.DOWN, Action.TLF: Outcome.FINISHED}
