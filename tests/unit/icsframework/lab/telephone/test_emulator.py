"""The modem as a whole, with a real pseudo-terminal and a real socket for the line."""

import os
import termios
import time

import pytest


@pytest.mark.parametrize("latency", [0.0, 0.1])
def test_a_call_and_its_end(bench, latency):
    """Octets pass both ways; when the far end hangs up, all that it said and is still under way comes before NO CARRIER."""
    desk = bench(latency=latency)
    far = desk.call()
    desk.say(b"~up")
    assert desk.far_read(3) == b"~up"
    far.send(b"~down")
    far.close()
    assert desk.read(b"NO CARRIER\r\n") == b"~down\r\nNO CARRIER\r\n"
    desk.call()


@pytest.mark.parametrize("way", ["close", "B0"])
def test_the_computer_hangs_up(bench, way):
    """By closing the device, or by speed 0: the far end sees it."""
    desk = bench()
    desk.call()
    if way == "close":
        desk.close()
    else:
        settings = termios.tcgetattr(desk.computer)
        settings[4] = settings[5] = termios.B0
        termios.tcsetattr(desk.computer, termios.TCSANOW, settings)
    desk.until(lambda: gone(desk.far))


def gone(line):
    """The other end has closed it."""
    try:
        return line.recv(10) == b""
    except BlockingIOError:
        return False


def test_nobody_answers(bench):
    """No socket at all, or a provider that closes without taking the call: busy."""
    desk = bench()
    desk.say(b"ATDT124\r")
    desk.read(b"BUSY\r\n")
    desk.say(b"ATDT123\r")
    desk.until(lambda: desk.emulator.look()["mode"] == "dialling")
    desk.answering.settimeout(5.0)
    for _ in range(20):
        desk.emulator.step(0.01)
    desk.answering.accept()[0].close()
    desk.read(b"BUSY\r\n")


def test_the_carrier_is_lost_after_a_time(bench):
    """As a number wants it."""
    desk = bench()
    desk.call(b"205")
    desk.read(b"NO CARRIER\r\n")


def test_fate(bench):
    """Carrier lost, the line stalled, unplugged and plugged in again, another number; what there is not is refused."""
    desk = bench()
    desk.call()
    desk.emulator.fate(0.0, drop=True)
    desk.read(b"NO CARRIER\r\n")
    desk.call()
    desk.emulator.fate(0.0, stalled=True)
    desk.say(b"lost")
    for _ in range(5):
        desk.emulator.step(0.01)
    desk.emulator.fate(0.0, stalled=False)
    desk.say(b"here")
    assert desk.far_read(4) == b"here"
    desk.emulator.fate(0.0, plugged=False)
    assert (os.read(desk.computer, 10), desk.device.exists()) == (b"", False)
    desk.until(lambda: gone(desk.far))
    desk.close()
    desk.emulator.fate(0.0, plugged=True, book={"123": "busy"})
    desk.open()
    desk.say(b"ATD123\r")
    desk.read(b"BUSY\r\n")
    with pytest.raises(TypeError, match="a modem has no wings"):
        desk.emulator.fate(0.0, wings=2)


def test_the_speed_of_the_line(bench):
    """20 kB at 400 kbit/s take half a second each way, however fast the computer writes; figures count the octets."""
    desk = bench()
    desk.call()
    desk.emulator.fate(0.0, rate=400_000)
    rest = bytes(20_000)
    got = b""
    start = time.monotonic()

    def both():
        nonlocal rest, got
        try:
            rest = rest[os.write(desk.computer, rest[:4096]) :] if rest else rest
        except BlockingIOError:
            pass
        try:
            got += desk.far.recv(65536)
        except BlockingIOError:
            pass
        return len(got) == 20_000

    desk.until(both)
    assert 0.48 < time.monotonic() - start < 3.0
    assert desk.emulator.look()["sent"] == 20_000


def test_a_cable(bench):
    """A null modem calls by being opened, and says nothing of its own."""
    desk = bench(kind="null-modem")
    desk.until(lambda: desk.emulator.look()["mode"] == "dialling")
    desk.far = desk.answering.accept()[0]
    desk.far.setblocking(False)
    desk.far.send(b"A")
    desk.until(lambda: desk.emulator.look()["mode"] == "online")
    desk.say(b"CLIENT")
    assert desk.far_read(6) == b"CLIENT"
