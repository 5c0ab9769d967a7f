"""The pseudo-terminal of a modem."""

import os
import termios

import pytest

from icsframework.lab.telephone.port import Port


@pytest.fixture
def port(tmp_path):
    """One that is plugged in."""
    port = Port(tmp_path / "modem")
    port.plug()
    yield port
    port.unplug()


def opened(port):
    """As a program would."""
    return os.open(port.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def test_it_is_seen_when_somebody_has_it_open(port):
    """Nobody, a program, nobody; also what a program left behind is read first."""
    assert not port.in_use()
    computer = opened(port)
    assert port.in_use()
    os.write(computer, b"ATZ\r")
    os.close(computer)
    assert port.in_use()
    assert (port.read(), port.in_use(), port.read()) == (b"ATZ\r", False, b"")


def test_octets_pass_unchanged(port):
    """Both ways, every one of them; nothing there is nothing."""
    computer = opened(port)
    assert port.read() == b""
    os.write(computer, bytes(range(256)))
    assert port.read() == bytes(range(256))
    port.write(bytes(range(256)))
    assert os.read(computer, 999) == bytes(range(256))
    os.close(computer)


def test_what_is_not_read_waits(port):
    """The device takes what it can, and the rest when it is read."""
    computer = opened(port)
    port.write(bytes(100_000))
    assert 0 < len(port.waiting) < 100_000
    read = 0
    while read < 100_000:
        read += len(os.read(computer, 65536))
        port.write()
    assert (read, port.waiting) == (100_000, b"")
    os.close(computer)


def test_speed_zero(port):
    """Is what hangs up."""
    computer = opened(port)
    assert not port.hung_up()
    settings = termios.tcgetattr(computer)
    settings[4] = settings[5] = termios.B0
    termios.tcsetattr(computer, termios.TCSANOW, settings)
    assert port.hung_up()
    os.close(computer)


def test_unplugged(port):
    """The name goes, a program that had it open reads the end; plugged in again it is there anew."""
    computer = opened(port)
    port.unplug()
    assert (os.read(computer, 10), port.link.is_symlink(), port.in_use(), port.hung_up()) == (
        b"",
        False,
        False,
        False,
    )
    os.close(computer)
    port.write(b"into the void")
    port.plug()
    port.plug()
    assert port.link.exists()
