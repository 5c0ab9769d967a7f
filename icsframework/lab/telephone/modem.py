"""A modem: commands and octets from the computer in, results and calls out.  Pure; time is passed in.

The computer is the DTE of ITU-T V.250, the modem its DCE.  While a call is up
octets pass as they are, except for the escape sequence `+++` between two
silences.  Result codes are those of V.250 section 5.7 with the level of ATX.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from icsframework.lab.telephone.commands import MAX_LINE, Command, Registers, split
from icsframework.lab.telephone.numbers import Fate, Outcome, look_up
from icsframework.lab.telephone.sim import Sim

__all__ = ["Call", "Carry", "Drop", "Habits", "Mode", "Modem", "Say"]

CR, LF, BACKSPACE = 13, 10, 8
CODES = {
    "OK": 0,
    "CONNECT": 1,
    "RING": 2,
    "NO CARRIER": 3,
    "ERROR": 4,
    "NO DIALTONE": 6,
    "BUSY": 7,
    "NO ANSWER": 8,
}
"""The numbers of ATV0 (V.250 table 1)."""
SPEED_UNSAID = 57600
"""bit/s named in CONNECT where the line has no limit."""


@dataclass(frozen=True, slots=True)
class Say:
    """To the computer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Carry:
    """To the far end."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """Ring there; `answered` or `unanswered` follows."""

    fate: Fate


@dataclass(frozen=True, slots=True)
class Drop:
    """The call is over: whatever is on the line is lost."""


Action = Say | Carry | Call | Drop


class Mode(Enum):
    """What octets from the computer mean."""

    COMMAND = "command"
    DIALLING = "dialling"
    ONLINE = "online"
    ESCAPED = "escaped"


@dataclass(frozen=True, slots=True)
class Habits:
    """How this modem is made."""

    kind: str = "hayes"
    """hayes, cellular, or null-modem: a cable, on which octets always pass."""
    rate: int = 0
    """bit/s that CONNECT names; 0 where the line has no limit."""
    suffix: str = ""
    """Behind the speed in CONNECT, such as /ARQ/V34/LAPM."""
    dial_delay: float = 0.1
    """Seconds until a result."""
    no_answer: float = 2.0
    """Seconds of ringing at most, whatever S7 says."""


class Modem:
    """See the module's docstring."""

    def __init__(self, habits: Habits, book: Mapping[str, Fate], sim: Sim | None = None) -> None:
        self.habits = habits
        self.book = book
        self.sim = sim or Sim()
        self.mode = Mode.COMMAND
        self.registers = Registers()
        self.dial_tone = True
        self.dialled: list[str] = []
        """What was dialled, oldest first."""
        self._line = bytearray()
        self._last = b""
        self._pluses = 0
        self._heard = 0.0  # when the computer last said something
        self._timers: dict[str, tuple[float, Callable[[float], None]]] = {}
        self._actions: list[Action] = []

    # --- from outside

    def opened(self, now: float) -> list[Action]:
        """A program opened the device: DTR is up."""
        self._line.clear()
        if self.habits.kind == "null-modem":
            self._plug_through()
        return self._done()

    def dtr_dropped(self, now: float) -> list[Action]:
        """The device was closed, or its speed set to 0."""
        self._line.clear()
        if self.registers.dtr >= 2 or self.mode is Mode.DIALLING:
            self._hang_up()
        return self._done()

    def answered(self, now: float) -> list[Action]:
        """The far end took the call."""
        if self.mode is Mode.DIALLING:
            self._connected(now)
        return self._done()

    def unanswered(self, now: float) -> list[Action]:
        """Nobody is there, or all lines are taken."""
        if self.mode is Mode.DIALLING:
            self.mode = Mode.COMMAND
            if self.habits.kind != "null-modem":
                self._result("BUSY")
        return self._done()

    def carrier_lost(self, now: float) -> list[Action]:
        """The call ended at the other side, or between, perhaps before anybody took it."""
        ringing = self.mode is Mode.DIALLING and self.habits.kind != "null-modem"
        if ringing or self.mode in (Mode.ONLINE, Mode.ESCAPED):
            self._hang_up()
            if self.habits.kind != "null-modem":
                self._result("NO CARRIER")
        return self._done()

    def arrived(self, data: bytes, now: float) -> list[Action]:
        """Octets from the far end; on an escaped call they are lost."""
        if self.mode is Mode.ONLINE:
            self._actions.append(Say(data))
        return self._done()

    def typed(self, data: bytes, now: float) -> list[Action]:
        """Octets from the computer."""
        if self.mode is Mode.ONLINE:
            if self.habits.kind != "null-modem":
                self._escape(data, now)
            self._actions.append(Carry(data))
        elif self.habits.kind == "null-modem":
            self._plug_through()
        elif self.mode is Mode.DIALLING:  # any key ends it (V.250 section 5.6.1)
            self._hang_up()
            self._result("NO CARRIER")
        else:
            for octet in data:
                self._key(octet, now)
        self._heard = now
        return self._done()

    def deadline(self) -> float | None:
        """When `timeout` is due."""
        return min((when for when, _ in self._timers.values()), default=None)

    def timeout(self, now: float) -> list[Action]:
        """What was to happen by now."""
        for name, (when, what) in list(self._timers.items()):
            if when <= now and self._timers.get(name) == (when, what):
                del self._timers[name]
                what(now)
        return self._done()

    def _plug_through(self) -> None:
        """A cable leads to the other computer without being asked; what was said before is lost."""
        if self.mode is Mode.COMMAND:
            self.mode = Mode.DIALLING
            self._actions.append(Call(Fate(Outcome.ANSWERED)))

    # --- commands

    def _key(self, octet: int, now: float) -> None:
        if self.registers.echo:
            self._actions.append(Say(bytes([octet])))
        if octet == CR:
            line, self._line = bytes(self._line), bytearray()
            if line.strip()[:2].upper() == b"AT":
                self._last = line
                self._command(line, now)
        elif octet == BACKSPACE:
            del self._line[-1:]
        elif octet != LF:
            self._line = (self._line + bytes([octet]))[-MAX_LINE:]
            if self._line.upper() == b"A/" and self._last:
                self._line.clear()
                self._command(self._last, now)

    def _command(self, line: bytes, now: float) -> None:
        commands = split(line.decode("latin-1").strip()[2:])
        for command in commands if commands is not None else [Command("?")]:
            result = self._do(command, now)
            if result != "OK":
                if result:
                    self._result(result)
                return
        self._result("OK")

    def _do(self, command: Command, now: float) -> str:
        """Carry out one command; "OK" to go on, another result to stop, "" if the result comes later."""
        name, number = command.name, command.number
        if name == "D":
            return self._dial(command.text, now)
        if name == "+":
            return self._extended(command.text)
        if name == "O":
            return self._back(now)
        if name in ("H", "Z", "&F"):
            if name != "&F":
                self._hang_up()
            if name != "H":
                self.registers = Registers()
            return "OK"
        if name == "A":
            return "NO CARRIER"
        return self._set(name, number, command.text)

    def _set(self, name: str, number: int, text: str) -> str:
        registers = self.registers
        flags = {"E": "echo", "V": "verbose", "Q": "quiet"}
        if name in flags:
            setattr(registers, flags[name], bool(number))
        elif name == "X":
            registers.level = number
        elif name == "&D":
            registers.dtr = number
        elif name == "S":
            self._register(number, int(text or 0))
        elif name in ("I", "S?"):
            self._inform("LAB-V90" if name == "I" else f"{self._registered(number):03d}")
        elif name == "?" or (len(name) == 1 and name not in "LMBTPYNW"):
            return "ERROR"
        return "OK"

    def _register(self, number: int, value: int) -> None:
        if number == 2:
            self.registers.escape = value
        elif number == 7:
            self.registers.patience = value
        elif number == 12:
            self.registers.guard = value / 50

    def _registered(self, number: int) -> int:
        registers = self.registers
        known = {2: registers.escape, 7: registers.patience, 12: round(registers.guard * 50)}
        return known.get(number, 0)

    def _extended(self, text: str) -> str:
        if self.habits.kind != "cellular":
            return "OK" if text.upper().startswith(("+MS", "+DS", "+ES", "+IFC", "+IPR")) else "ERROR"
        lines, result = self.sim.answer(text)
        for line in lines:
            self._inform(line)
        return result

    # --- calls

    def _dial(self, number: str, now: float) -> str:
        self.dialled.append(number)
        if self.mode is Mode.ESCAPED:
            return "ERROR"
        if self.habits.kind == "cellular" and not self.sim.ready:
            return "NO CARRIER"
        fate = look_up(self.book, number)
        outcome = Outcome.NO_ANSWER if fate is None else fate.outcome
        if not self.dial_tone and self.habits.kind == "hayes":
            outcome = Outcome.NO_DIAL_TONE
        if outcome in (Outcome.ERROR, Outcome.OK):
            return "OK" if outcome is Outcome.OK else "ERROR"
        self.mode = Mode.DIALLING
        if outcome is Outcome.ANSWERED and fate is not None:
            self._after("dial", now + self.habits.dial_delay, lambda _: self._ring(fate))
        elif outcome is not Outcome.SILENT:
            result = "NO CARRIER" if fate is None else self._told_apart(outcome)
            rings = min(self.registers.patience, self.habits.no_answer)
            seconds = rings if outcome is Outcome.NO_ANSWER else self.habits.dial_delay
            self._after("dial", now + seconds, lambda _: self._failed(result))
        return ""

    def _told_apart(self, outcome: Outcome) -> str:
        """The result, as far as ATX lets it be told (V.250 section 6.3.8)."""
        level = self.registers.level
        if outcome is Outcome.NO_DIAL_TONE and level in (2, 4):
            return "NO DIALTONE"
        if outcome is Outcome.BUSY and level >= 3:
            return "BUSY"
        if outcome is Outcome.NO_ANSWER and level >= 3:
            return "NO ANSWER"
        return "NO CARRIER"

    def _ring(self, fate: Fate) -> None:
        self._actions.append(Call(fate))

    def _failed(self, result: str) -> None:
        self.mode = Mode.COMMAND
        self._result(result)

    def _connected(self, now: float) -> None:
        self.mode = Mode.ONLINE
        self._line.clear()
        self._pluses = 0
        if self.habits.kind != "null-modem":
            said = (
                ""
                if self.registers.level == 0
                else f" {self.habits.rate or SPEED_UNSAID}{self.habits.suffix}"
            )
            self._result("CONNECT" + said)

    def _back(self, now: float) -> str:
        if self.mode is not Mode.ESCAPED:
            return "NO CARRIER"
        self._connected(now)
        return ""

    def _hang_up(self) -> None:
        if self.mode is not Mode.COMMAND:
            self._actions.append(Drop())
        self.mode = Mode.COMMAND
        self._timers.clear()

    # --- the escape sequence

    def _escape(self, data: bytes, now: float) -> None:
        registers = self.registers
        sign = registers.escape
        only = registers.escape < 128 and set(data) == {sign} and self._pluses + len(data) <= 3
        quiet = self._pluses > 0 or now - self._heard >= registers.guard
        self._timers.pop("escape", None)
        self._pluses = self._pluses + len(data) if only and quiet else 0
        if self._pluses == 3:
            self._after("escape", now + registers.guard, self._escaped)

    def _escaped(self, now: float) -> None:
        self._pluses = 0
        self.mode = Mode.ESCAPED
        self._result("OK")

    # --- to the computer

    def _result(self, text: str) -> None:
        if self.registers.quiet:
            return
        if self.registers.verbose:
            self._inform(text)
        else:
            code = CODES["CONNECT"] if text.startswith("CONNECT") else CODES.get(text, CODES["ERROR"])
            self._actions.append(Say(b"%d\r" % code))

    def _inform(self, text: str) -> None:
        self._actions.append(Say(b"\r\n%s\r\n" % text.encode("latin-1")))

    def _after(self, name: str, when: float, what: Callable[[float], None]) -> None:
        self._timers[name] = when, what

    def _done(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions
