"""A modem of the lab as a program of its own: its device, its line, and a socket for whoever plays fate.

Run as `python -m icsframework.lab.telephone.emulator FILE`; FILE is JSON: `device`
(the name to give to the pseudo-terminal), `control` (the socket), `kind`, `rate`
(bit/s), `latency` (seconds one way), `book` (number to what modem.numbers reads),
`providers` (host to the socket where it answers calls), `pin`, and more of
`Habits`.  It prints "ready" when the device is there.  What each request of `control`
means is in `remote`, its other end.
"""

import json
import random
import select
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import localtime, monotonic, strftime, time
from typing import Any

from icsframework.lab.errors import LabSpecError
from icsframework.lab.telephone.channel import Channel, Quality
from icsframework.lab.telephone.modem import Action, Call, Carry, Drop, Habits, Mode, Modem, Say
from icsframework.lab.telephone.numbers import fate_of, target_of
from icsframework.lab.telephone.port import BACKLOG, Port
from icsframework.lab.telephone.sim import Sim

__all__ = ["Emulator", "main"]

LOOK = 0.02
"""Seconds between looks whether a program has the device open, or has set its speed to 0: nothing else would tell."""

ANSWER = b"A"
"""The first octet from the far end: it took the call."""

PATIENCE = 1.0
"""Seconds for a request; it is sent with the connection."""

REQUEST = 4096
"""Octets of a request of whoever plays fate."""


class Emulator:
    """The modem's shell: everything that is not pure."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.quality = Quality(config["rate"], config["latency"])
        habits = Habits(config["kind"], config["rate"], **config.get("habits", {}))
        book = {number: fate_of(text) for number, text in config["book"].items()}
        self.modem = Modem(habits, book, Sim(config.get("pin", "")))
        self.up = Channel(self.quality, random.random)
        self.down = Channel(self.quality, random.random)
        self.port = Port(Path(config["device"]))
        self._providers: dict[str, str] = config["providers"]
        self._open = False
        self._line: socket.socket | None = None
        self._outgoing = bytearray()
        self._ringing = False
        self._ended = False  # the far end hung up, but octets of its are still under way
        self._lost_at: float | None = None
        path = Path(config["control"])
        path.unlink(missing_ok=True)
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.bind(str(path))
        self._control.listen()
        self.port.plug()

    # --- the loop

    def run(self) -> None:
        """Until killed."""
        say("ready")
        while True:
            self.step(LOOK)

    def step(self, longest: float) -> None:
        """Wait for something, at most ``longest`` seconds, and do what follows."""
        now = monotonic()
        times = (self.modem.deadline(), self.up.due(), self.down.due(), self._lost_at, self._end_due(now))
        wait = min([longest, *(max(0.0, time - now) for time in times if time is not None)])
        events = dict(self._poll(now).poll(wait * 1000))
        now = monotonic()
        self._dte(now)
        if self._control.fileno() in events:
            self._asked(now)
        if self._open and events.get(self.port.fileno(), 0) & select.POLLIN:
            data = self.port.read(self.up.room(now) if self.modem.mode is Mode.ONLINE else REQUEST)
            if data:
                self._do(self.modem.typed(data, now), now)
        if self._line is not None and self._line.fileno() in events:
            self._from_line(now)
        self._do(self.modem.timeout(now), now)
        self._move(now)

    def _poll(self, now: float) -> Any:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        if self._open:
            wanted = self.modem.mode is not Mode.ONLINE or self.up.room(now) > 0
            writable = select.POLLOUT if self.port.waiting else 0
            poll.register(self.port, (select.POLLIN if wanted else 0) | writable)
        if self._line is not None and not self._ended:
            room = self.down.room(now) > 0 and len(self.port.waiting) < BACKLOG
            writable = select.POLLOUT if self._outgoing else 0
            poll.register(self._line, (select.POLLIN if room or self._ringing else 0) | writable)
        return poll

    def _dte(self, now: float) -> None:
        """Is the device open?  Closed, or at speed 0, is DTR that drops."""
        in_use = self.port.in_use()
        if in_use and not self._open:
            say("device opened")
            self._open = True
            self._do(self.modem.opened(now), now)
        elif self._open and not in_use:
            say("device closed")
            self._open = False
            self.port.waiting.clear()
            self._do(self.modem.dtr_dropped(now), now)
        elif self._open and self.modem.mode is not Mode.COMMAND and self.port.hung_up():
            say("speed 0")
            self._do(self.modem.dtr_dropped(now), now)

    # --- the line

    def _from_line(self, now: float) -> None:
        assert self._line is not None
        if self._ringing:
            self._ringing = False
            took = self._receive(1) == ANSWER
            say("answered" if took else "not answered")
            if not took:
                self._hang_up()
            self._do(self.modem.answered(now) if took else self.modem.unanswered(now), now)
            return
        data = self._receive(min(max(1, self.down.room(now)), 65536))
        if data:
            self.down.put(data, now)
        elif data is not None:
            self._ended = True  # what it said before is still on its way

    def _receive(self, limit: int) -> bytes | None:
        """None if nothing is there, empty at the end."""
        assert self._line is not None
        try:
            return self._line.recv(limit)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _end_due(self, now: float) -> float | None:
        return self.down.empty_at(now) if self._ended else None

    def _move(self, now: float) -> None:
        """What has crossed the line by now."""
        self._outgoing += self.up.take(now)
        if self._outgoing and self._line is not None and not self._ended:
            try:
                del self._outgoing[: self._line.send(self._outgoing)]
            except BlockingIOError:
                pass
            except OSError:
                self._ended = True
        arrived = self.down.take(now)
        if arrived:
            self._do(self.modem.arrived(arrived, now), now)
        if (self._ended and self.down.due() is None) or (self._lost_at is not None and self._lost_at <= now):
            self._lose(now)
        self.port.write()

    def _lose(self, now: float) -> None:
        say("carrier lost")
        actions = self.modem.carrier_lost(now)
        self._hang_up()
        self._do(actions, now)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._ringing, self._ended, self._lost_at = None, False, False, None
        self._outgoing.clear()
        self.up.clear()
        self.down.clear()

    def _ring(self, call: Call, now: float) -> None:
        self._hang_up()
        target = target_of(call.fate, self._providers)
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(target)
        except OSError as error:
            line.close()
            say(f"nobody at {target}: {error.strerror}")
            self._do(self.modem.unanswered(now), now)
            return
        line.setblocking(False)
        self._line, self._ringing = line, True
        if call.fate.lost_after is not None:
            self._lost_at = now + call.fate.lost_after

    def _do(self, actions: Sequence[Action], now: float) -> None:
        for action in actions:
            if isinstance(action, Say):
                if self._open:
                    self.port.write(action.data)
            elif isinstance(action, Carry):
                self.up.put(action.data, now)
            elif isinstance(action, Call):
                self._ring(action, now)
            elif isinstance(action, Drop):
                self._hang_up()

    def end(self) -> None:
        """Take everything away."""
        self._hang_up()
        self.port.unplug()
        self._control.close()

    # --- fate

    def _asked(self, now: float) -> None:
        asker, _ = self._control.accept()
        with asker:
            asker.settimeout(PATIENCE)
            try:
                self.fate(now, **json.loads(asker.recv(REQUEST)))
                answer = self.look()
            except (ValueError, TypeError, LabSpecError) as error:
                answer = {"error": str(error)}
            try:
                asker.send(json.dumps(answer).encode())
            except OSError as error:
                say(f"who asked has gone: {error.strerror}")

    def fate(self, now: float, **changes: Any) -> None:
        """Carry out a request; raises TypeError for what there is not."""
        for name, value in changes.items():
            if name == "drop":
                self._lose(now)
            elif name == "plugged":
                self._plug(bool(value), now)
            elif name in ("rate", "latency", "errors", "stalled"):
                setattr(self.quality, name, value)
            elif name == "dial_tone":
                self.modem.dial_tone = bool(value)
            elif name in ("registered", "locked", "signal"):
                setattr(self.modem.sim, name, value)
            elif name == "book":
                self.modem.book = {
                    **self.modem.book,
                    **{number: fate_of(text) for number, text in value.items()},
                }
            else:
                raise TypeError(f"a modem has no {name}")
            say(f"{name} {value}")

    def _plug(self, plugged: bool, now: float) -> None:
        if plugged:
            self.port.plug()
            return
        self._hang_up()
        self.port.unplug()
        self._open = False
        self.modem.dtr_dropped(now)

    def look(self) -> dict[str, Any]:
        """What a test may want to see."""
        modem, sim = self.modem, self.modem.sim
        return {
            "mode": modem.mode.value,
            "plugged": self.port.plugged,
            "open": self._open,
            "dialled": modem.dialled,
            "sent": self.up.carried,
            "received": self.down.carried,
            "pins": sim.pins,
            "access_points": sim.access_points,
            **asdict(self.quality),
        }


def say(text: str) -> None:
    """To the log, with the time."""
    now = time()
    sys.stdout.write(f"{strftime('%H:%M:%S', localtime(now))}.{int(now * 1000) % 1000:03d} {text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    """Be the modem that the file named in ``arguments`` describes, until killed."""
    Emulator(json.loads(Path(arguments[0]).read_text(encoding="utf-8"))).run()


if __name__ == "__main__":
    main(sys.argv[1:])
