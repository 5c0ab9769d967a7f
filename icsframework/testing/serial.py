"""A serial line without a device: one end for the plugin, ``peer`` for the test, which plays the modem."""

import socket

from zope.interface import implementer

from icsframework.interfaces import ISerialLine

__all__ = ["FakeSerialLine"]


@implementer(ISerialLine)
class FakeSerialLine:
    """Bytes written at one end are read at the other.

    ``waiting`` is what ``unsent`` answers.  ``speed``, ``flow_control`` and ``dtr`` are what the plugin set last (a hang-up sets speed 0 and drops DTR); ``dcd`` is what
    ``carrier`` answers, and None for a line without modem lines.
    """

    def __init__(self, path: str, speed: int, dcd: bool | None = None) -> None:
        self.path = path
        self.speed = speed
        self.dtr = True
        self.dcd = dcd
        self.flow_control = False
        self.discarded = self.waiting = 0
        self._ours, self.peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (self._ours, self.peer):
            end.setblocking(False)

    def fileno(self) -> int:
        """See ISerialLine."""
        return self._ours.fileno()

    def close(self) -> None:
        """See ISerialLine."""
        self.dtr = False
        self._ours.close()

    def set_speed(self, speed: int) -> None:
        """See ISerialLine."""
        self.speed = speed
        self.dtr = speed > 0

    def set_flow_control(self, on: bool) -> None:
        """See ISerialLine."""
        self.flow_control = on

    def set_dtr(self, on: bool) -> bool:
        """See ISerialLine."""
        self.dtr = on
        return self.dcd is not None

    def carrier(self) -> bool | None:
        """See ISerialLine."""
        return self.dcd

    def hang_up(self) -> None:
        """See ISerialLine."""
        self.set_speed(0)

    def discard(self) -> None:
        """See ISerialLine."""
        self.discarded += 1
        try:
            while self._ours.recv(4096):
                pass
        except BlockingIOError:
            pass

    def unsent(self) -> int:
        """See ISerialLine."""
        return self.waiting

    def unplug(self) -> None:
        """Play a device that is pulled out: the plugin reads the end."""
        self.peer.close()
