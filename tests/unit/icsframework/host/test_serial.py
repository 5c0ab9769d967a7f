"""Serial lines, on pseudo-terminals: what pyserial and the kernel make of them."""

import os
import pty
import termios

import pytest
from zope.interface.verify import verifyObject

from icsframework.errors import HostError, InterfaceMissing
from icsframework.host.serial import open_serial
from icsframework.interfaces import ISerialLine


@pytest.fixture
def line():
    """The other end of a pty, and the path to open."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    path = os.ttyname(slave)
    os.close(slave)
    yield master, path
    os.close(master)


def test_bytes_pass_both_ways_untouched(line) -> None:
    """Nothing is echoed, no line end is changed, and reading does not wait."""
    master, path = line
    opened = open_serial(path, 115200)
    every = bytes(range(256))
    os.write(master, every)
    assert os.read(opened.fileno(), 4096) == every
    os.write(opened.fileno(), every)
    assert os.read(master, 4096) == every
    with pytest.raises(BlockingIOError):
        os.read(opened.fileno(), 1)
    opened.close()
    assert opened.fileno() == -1


def test_it_keeps_its_contract(line) -> None:
    """It provides ISerialLine, and is not handed to child processes."""
    opened = open_serial(line[1], 9600)
    verifyObject(ISerialLine, opened)
    assert not os.get_inheritable(opened.fileno())
    assert opened.path == line[1]
    assert opened.unsent() == 0
    opened.close()
    opened.close()


def test_a_pty_has_no_modem_lines(line) -> None:
    """Neither DTR nor carrier, and that is no error."""
    opened = open_serial(line[1], 9600)
    assert opened.carrier() is None
    assert opened.set_dtr(False) is False
    opened.close()


def test_a_hang_up_is_speed_zero(line) -> None:
    """The other end can see it, and a speed brings the line back."""
    master, path = line
    opened = open_serial(path, 9600)
    opened.hang_up()
    assert termios.tcgetattr(master)[4] == termios.B0
    opened.set_speed(57600)
    assert termios.tcgetattr(master)[4] == termios.B57600
    opened.close()


def test_flow_control_is_by_wires(line) -> None:
    """RTS and CTS when it is asked for, and a new speed keeps it; nothing to read is still no end."""
    master, path = line
    opened = open_serial(path, 9600)

    def wires() -> bool:
        return bool(termios.tcgetattr(master)[2] & termios.CRTSCTS)

    assert not wires()
    opened.set_flow_control(True)
    opened.set_speed(57600)
    assert wires()
    with pytest.raises(BlockingIOError):
        os.read(opened.fileno(), 1)
    opened.set_flow_control(False)
    assert not wires()
    opened.close()


def test_what_waits_can_be_forgotten(line) -> None:
    """Bytes of the last call are not read by the next."""
    master, path = line
    opened = open_serial(path, 9600)
    os.write(master, b"NO CARRIER\r\n")
    opened.discard()
    os.write(master, b"OK\r\n")
    assert os.read(opened.fileno(), 100) == b"OK\r\n"
    opened.close()


def test_nobody_else_gets_it(line) -> None:
    """A second open is refused with advice."""
    opened = open_serial(line[1], 9600)
    with pytest.raises(HostError, match=r"is in use by another program"):
        open_serial(line[1], 9600)
    opened.close()


def test_what_is_not_there_is_named(tmp_path) -> None:
    """A missing device, a file and a speed that nobody has: each in one sentence."""
    with pytest.raises(InterfaceMissing, match=r"no serial line /dev/ttyNONE .* plugged in"):
        open_serial("/dev/ttyNONE", 9600)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(HostError, match="is no serial line"):
        open_serial(str(file), 9600)


def test_an_impossible_speed_is_named(line) -> None:
    """At the opening and later."""
    with pytest.raises(HostError, match="cannot run at -5 bit/s"):
        open_serial(line[1], -5)
    opened = open_serial(line[1], 9600)
    with pytest.raises(HostError, match="cannot run at -5 bit/s"):
        opened.set_speed(-5)
    opened.close()


def test_an_unplugged_device_reads_as_ended() -> None:
    """The end of the data, and methods that say that it is gone."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    opened = open_serial(path, 9600)
    os.close(master)
    assert os.read(opened.fileno(), 1) == b""
    for call in (opened.hang_up, opened.discard, lambda: opened.set_flow_control(True)):
        with pytest.raises(HostError, match="is gone"):
            call()
    opened.close()
