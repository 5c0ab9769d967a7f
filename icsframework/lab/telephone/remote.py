"""A modem of the lab as tests see it: its program, and fate's hand on its line."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icsframework.lab.daemon import Daemon
from icsframework.lab.errors import LabError
from icsframework.lab.machine import Machine

__all__ = ["ModemDaemon"]

PATIENCE = 5.0
"""Seconds for an answer."""


class ModemDaemon(Daemon):
    """The emulator on one host.  Everything here takes effect at once."""

    def __init__(self, host: Machine, name: str, arguments: Sequence[str | Path], control: Path) -> None:
        """``control``: the socket of its program."""
        super().__init__(host, name, arguments, lambda: " ready\n" in self.log())
        self.control = control

    def ask(self, **changes: Any) -> dict[str, Any]:
        """Change what ``emulator`` knows by these names; its state afterwards.  Raises LabError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as own:
            own.settimeout(PATIENCE)
            try:
                own.connect(str(self.control))
                own.send(json.dumps(changes).encode())
                answer: dict[str, Any] = json.loads(own.recv(65536))
            except OSError as error:
                raise LabError(f"{self.name} on {self.host.name} does not answer: {error}") from None
        if "error" in answer:
            raise LabError(f"{self.name} on {self.host.name}: {answer['error']}")
        return answer

    def look(self) -> dict[str, Any]:
        """mode, plugged, open, dialled (numbers), sent and received (octets over the line), pins, and the line's quality."""
        return self.ask()

    def drop(self) -> None:
        """The carrier is lost, now."""
        self.ask(drop=True)

    def stall(self, on: bool = True) -> None:
        """From now on every octet vanishes, in both directions; or no more."""
        self.ask(stalled=on)

    def corrupt(self, probability: float) -> None:
        """Of each octet: that it arrives with one wrong bit."""
        self.ask(errors=probability)

    def unplug(self) -> None:
        """The device goes away."""
        self.ask(plugged=False)

    def plug(self) -> None:
        """It comes back, under its name."""
        self.ask(plugged=True)

    def set_rate(self, rate: int) -> None:
        """bit/s each way; 0 is without limit."""
        self.ask(rate=rate)

    def set_latency(self, seconds: float) -> None:
        """One way."""
        self.ask(latency=seconds)

    def set_number(self, number: str, what: str) -> None:
        """An entry of the telephone book, see `numbers.fate_of`."""
        self.ask(book={number: what})

    def set_dial_tone(self, there: bool) -> None:
        """Without it every call of a modem on a desk ends with NO DIALTONE."""
        self.ask(dial_tone=there)

    def set_registered(self, there: bool) -> None:
        """Whether a cellular modem finds its network."""
        self.ask(registered=there)
