"""The serial line of tests: both ends, and what was set."""

import os

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from icsframework.interfaces import ISerialLine
from icsframework.testing.host import FakeHost


def test_the_test_is_the_modem() -> None:
    """Bytes pass, settings are seen, and an unplugged device reads as ended."""
    host = FakeHost(Clock())
    host.carrier = True
    lines: list[ISerialLine] = []
    host.open_serial("/dev/ttyUSB0", 115200).addCallback(lines.append)
    line, seen = lines[0], host.serial[0]
    verifyObject(ISerialLine, line)
    os.write(line.fileno(), b"ATZ\r")
    assert seen.peer.recv(100) == b"ATZ\r"
    assert (seen.path, seen.speed, line.carrier(), line.set_dtr(False), seen.dtr) == (
        "/dev/ttyUSB0",
        115200,
        True,
        True,
        False,
    )
    line.set_flow_control(True)
    assert seen.flow_control
    seen.waiting = 7
    assert line.unsent() == 7
    seen.peer.send(b"old")
    line.discard()
    with pytest.raises(BlockingIOError):
        os.read(line.fileno(), 100)
    line.hang_up()
    assert (seen.speed, seen.dtr) == (0, False)
    seen.unplug()
    assert os.read(line.fileno(), 100) == b""
    host.close_all()
