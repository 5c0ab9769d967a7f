"""An open modem and whoever speaks on its line now: a conversation, a PPP link, or nobody.

Both are pure machines with ``receive``, ``timeout`` and ``deadline``; this gives them octets and time, and carries
out what they answer.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet

from ics_plugins.uplinks.dialup.port import SerialPort
from ics_plugins.uplinks.dialup.results import printable
from ics_plugins.uplinks.dialup.steps import (
    Conversation,
    Discard,
    Dtr,
    Failed,
    Fault,
    FlowControl,
    Outcome,
    Script,
    SetSpeed,
    Write,
)
from icsframework.errors import HostError
from icsframework.interfaces import IGateway, ISerialLine

CARRIER_LOOK = 1.0
"""Seconds between looks at DCD while a call is on."""


class Machine(Protocol):
    """What speaks on the line."""

    def receive(self, data: bytes, now: float) -> Sequence[Any]:
        """Octets came."""

    def timeout(self, now: float) -> Sequence[Any]:
        """The time has come."""

    def deadline(self) -> float | None:
        """When it comes."""


Perform = Callable[[Any], None]
"""Carries out an action that is not about the line."""


def _nothing(action: Any) -> None:
    """Nobody wants to hear of it."""


class Modem:
    """See the module's docstring.  ``gone(why)`` is called once when the device is."""

    def __init__(
        self,
        gateway: IGateway,
        reactor: IReactorFDSet,
        line: ISerialLine,
        speed: int,
        gone: Callable[[str], None],
    ) -> None:
        self.line = line
        self.speed = speed
        self.port = SerialPort(reactor, gateway.clock, line, speed, self._received, gone)
        self.heard = ""
        """The last line of the modem in a conversation."""
        self.defects = 0
        """Octets that met a defect of ours, of which the log has tracebacks."""
        self._gateway = gateway
        self._gone = gone
        self._logged = ""
        self._machine: Machine | None = None
        self._perform: Perform = _nothing
        self._timer: IDelayedCall | None = None
        self._ended: Deferred[Outcome] | None = None
        self._carrier_timer: IDelayedCall | None = None
        self._had_carrier = False

    # --- conversations

    def converse(self, script: Script, told: Perform = _nothing) -> "Deferred[Outcome]":
        """Hold a conversation; Deferred of how it ended, which never fails.  One that was going on is ended.

        ``told`` hears of stages, facts and refused PINs.
        """
        self.silence("another conversation began")
        conversation = Conversation(script)
        ended: Deferred[Outcome] = Deferred()
        self._machine, self._ended = conversation, ended
        self._perform = lambda action: self._do(action, told)
        self.act(conversation.start)
        return ended

    def silence(self, why: str) -> None:
        """Nobody speaks any more; a conversation ends as failed."""
        self._cancel_timers()
        self.port.source = None
        self._machine = None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(Failed(why, Fault.MODEM))

    # --- a link

    def speak(self, machine: Machine, perform: Perform, lost: Callable[[], None]) -> None:
        """Give the line to ``machine``, whose actions ``perform`` carries out; ``lost`` when the carrier goes."""
        self.silence("the call is through")
        self._machine, self._perform = machine, perform
        self._had_carrier = False
        self._watch_carrier(lost)

    def act(self, call: Callable[[float], Sequence[Any]]) -> None:
        """Call the machine and carry out what it answers."""
        machine = self._machine
        for action in call(self._gateway.clock.now()):
            if self._machine is not machine:
                return
            self._perform(action)
        if self._machine is machine and machine is not None:
            self._arm(machine)
            self._look(machine)

    def close(self) -> None:
        """Give the device back."""
        self.silence("the device was closed")
        self.port.close()

    # --- what comes

    def _received(self, data: bytes) -> None:
        machine = self._machine
        if machine is None:
            return  # RING, and the last words of a call
        try:
            self.act(lambda now: machine.receive(data, now))
        except Exception:  # noqa: BLE001 - the reactor would never read this line again
            self.defects += 1
            if self.defects & (self.defects - 1) == 0:
                self._gateway.log.failure("octets of the line met a defect ({count})", count=self.defects)

    def _arm(self, machine: Machine) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        due = machine.deadline()
        if due is not None:
            delay = max(0.0, due - self._gateway.clock.now())
            self._timer = self._gateway.clock.call_later(delay, self._time_came, machine)

    def _time_came(self, machine: Machine) -> None:
        self._timer = None
        if self._machine is machine:
            self.act(machine.timeout)

    def _look(self, machine: Machine) -> None:
        """Is the conversation over?"""
        if not isinstance(machine, Conversation):
            return
        if machine.heard and machine.heard != self._logged:
            self._gateway.log.debug("from the modem: {text}", text=machine.heard)
            self.heard = machine.heard
        self._logged = machine.heard
        if machine.outcome is None:
            return
        self._cancel_timers()
        self._machine = None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.callback(machine.outcome)

    # --- actions of conversations

    def ready(self, flow_control: bool) -> None:
        """The line as a call needs it, whatever a conversation that was ended has left."""
        self._do(FlowControl(flow_control), _nothing)
        self._do(SetSpeed(self.speed), _nothing)
        self._do(Dtr(True), _nothing)

    def _do(self, action: Any, told: Perform) -> None:
        try:
            self._carry_out(action, told)
        except HostError as error:
            self.port.fail(str(error))

    def _carry_out(self, action: Any, told: Perform) -> None:
        match action:
            case Write(data, secret):
                shown = "(not shown)" if secret else printable(data)
                self._gateway.log.debug("to the modem: {text}", text=shown)
                self.port.write(data)
            case SetSpeed(0):
                self.line.hang_up()
            case SetSpeed(speed):
                self.line.set_speed(speed)
            case FlowControl(on):
                self.line.set_flow_control(on)
            case Dtr(on):
                self.line.set_dtr(on)
            case Discard():
                self.port.forget()
                self.line.discard()
            case _:
                told(action)

    # --- the line

    def _watch_carrier(self, lost: Callable[[], None]) -> None:
        """Look at DCD now and then, on a line that has shown a carrier: a null-modem cable may not have the wire."""
        self._carrier_timer = None
        try:
            carrier = self.line.carrier()
        except HostError as error:
            self.port.fail(str(error))
            return
        if carrier is None:
            return
        if self._had_carrier and not carrier:
            lost()
            return
        self._had_carrier = carrier
        self._carrier_timer = self._gateway.clock.call_later(CARRIER_LOOK, self._watch_carrier, lost)

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._carrier_timer):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._carrier_timer = None
