"""The computer's side of a modem: a pseudo-terminal, and what it can tell of modem lines.

It has none.  DTR that drops is the device being closed, or its speed set to B0; a
modem that is unplugged is the master closed, so that the other end reads nothing
and the name of the device goes away.
"""

import errno
import os
import select
import termios
import tty
from pathlib import Path

__all__ = ["Port"]

CHUNK = 4096
"""Octets of one read."""

BACKLOG = 4096
"""Octets that wait for the computer to read, until the line is not read any more."""

OUTPUT_SPEED = 5
"""Index in what tcgetattr answers."""


class Port:
    """A device that can be plugged in and out; ``link`` is its name."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.waiting = bytearray()
        """Said to the computer and not written yet."""
        self._master = -1

    @property
    def plugged(self) -> bool:
        """The device is there."""
        return self._master >= 0

    def fileno(self) -> int:
        """The master's descriptor."""
        return self._master

    def plug(self) -> None:
        """Make the device."""
        if self.plugged:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        settings = termios.tcgetattr(slave)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(master, False)
        self._master = master

    def unplug(self) -> None:
        """Take it away."""
        if self.plugged:
            os.close(self._master)
            self._master = -1
            self.waiting.clear()
            self.link.unlink(missing_ok=True)

    def in_use(self) -> bool:
        """A program has it open, or left something to be read."""
        if not self.plugged:
            return False
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        events = sum(event for _, event in poll.poll(0))
        return bool(events & select.POLLIN) or not events & select.POLLHUP

    def hung_up(self) -> bool:
        """The program set the speed to 0."""
        return self.plugged and termios.tcgetattr(self._master)[OUTPUT_SPEED] == termios.B0

    def read(self, limit: int = CHUNK) -> bytes:
        """What the program wrote."""
        try:
            return os.read(self._master, min(limit, CHUNK))
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno != errno.EIO:  # which is what a device says that nobody has open
                raise
            return b""

    def write(self, data: bytes = b"") -> None:
        """Hand over as much as fits; the rest waits."""
        self.waiting += data
        while self.plugged and self.waiting:
            try:
                written = os.write(self._master, self.waiting[:CHUNK])
            except BlockingIOError:
                return
            except OSError:
                self.waiting.clear()
                return
            del self.waiting[:written]
