"""The serial line in the reactor."""

import pytest

from ics_plugins.uplinks.dialup.port import AHEAD, LEAST_AHEAD, PENDING, SerialPort
from icsframework.errors import HostError
from icsframework.testing.gateway import FakeClock, Readers
from icsframework.testing.serial import FakeSerialLine


class Bench:
    """A port on a fake line; ``got`` is what came, ``lost`` why it is gone."""

    def __init__(self, speed=9600):
        self.clock, self.reactor = FakeClock(), Readers()
        self.line = FakeSerialLine("/dev/ttyS0", speed)
        self.got, self.lost = [], []
        self.port = SerialPort(self.reactor, self.clock, self.line, speed, self.got.append, self.lost.append)

    def read(self):
        """What the other end has got since the last time."""
        self.reactor.turn(0)
        try:
            return self.line.peer.recv(1 << 20)
        except BlockingIOError:
            return b""


@pytest.fixture
def bench():
    made = []

    def make(speed=9600):
        made.append(Bench(speed))
        return made[-1]

    yield make
    for one in made:
        one.port.close()
        one.line.peer.close()
        assert not one.reactor.readers
        assert not one.reactor.writers
        assert not one.clock.clock.getDelayedCalls()


def test_octets_pass_both_ways(bench):
    """And are counted."""
    one = bench()
    one.line.peer.send(b"hello")
    one.reactor.turn(0)
    one.port.write(b"world")
    assert (one.got, one.read()) == ([b"hello"], b"world")
    assert (one.port.read, one.port.written) == (5, 5)


def test_the_kernel_gets_a_moments_worth(bench):
    """At 9600 bit/s 96 octets; the rest as these are sent, and nothing spins meanwhile."""
    one, sent = bench(9600), 0
    one.line.unsent = lambda: one.port.written - sent
    one.port.write(bytes(500))
    assert len(one.read()) == int(960 * AHEAD)
    assert not one.reactor.writers
    one.clock.clock.advance(AHEAD)
    assert one.read() == b""
    sent = 90
    one.clock.clock.advance(AHEAD)
    assert len(one.read()) == 90
    sent = 186
    one.clock.clock.advance(AHEAD)
    assert len(one.read()) == 96


def test_a_slow_line_gets_a_little_at_least(bench):
    """Else the timer would do nothing but run."""
    one = bench(300)
    one.line.waiting = LEAST_AHEAD - 1
    one.port.write(b"xy")
    assert one.read() == b"xy"


def test_control_frames_go_before_packets(bench):
    """Behind what has been begun; the source is asked for as much as there is room for."""
    one = bench(115200)
    asked, packets = [], [b"packet1", b"packet2"]

    def source(octets):
        asked.append(octets)
        return packets.pop(0) if packets else b""

    one.port.source = source
    one.port.write(b"control")
    assert one.read() == b"controlpacket1packet2"
    assert asked == [1152] * 3
    packets.append(b"more")
    assert one.read() == b""
    one.port.kick()
    assert one.read() == b"more"


def test_a_fast_line_is_recognised(bench):
    """A pseudo-terminal that takes more than its speed says."""
    one = bench(9600)
    one.port.source = lambda octets: bytes(10_000)
    before = one.port.rate
    for _ in range(10):
        one.read()
        one.clock.clock.advance(0.1)
        one.port.kick()
    assert one.port.rate > 2 * before


def test_what_nobody_takes_is_bounded(bench):
    """A peer that asks for ever and reads nothing."""
    one = bench()
    one.line.waiting = 10_000
    for _ in range(3 * PENDING // 1000):
        one.port.write(bytes(1000))
    assert one.port.overflow > PENDING
    one.port.forget()
    one.line.waiting = 0
    one.clock.clock.advance(1)
    assert one.read() == b""


def test_a_device_that_is_pulled_out(bench):
    """It is told once, and the descriptor is given back."""
    one = bench()
    one.line.unplug()
    one.reactor.turn(0)
    assert one.lost == ["unplugged, or its other end was closed"]
    assert one.line.fileno() == -1
    one.port.fail("again")
    one.port.write(b"x")
    assert len(one.lost) == 1


def test_a_device_that_fails_when_written_to(bench):
    """The same."""
    one = bench()
    one.line.peer.close()
    one.port.write(b"x")
    one.port.doWrite()
    assert len(one.lost) == 1


def test_a_line_that_says_that_it_is_gone(bench):
    """Asked for what it holds."""
    one = bench()

    def gone():
        raise HostError("Serial line is gone.")

    one.line.unsent = gone
    one.port.write(b"x")
    one.reactor.turn(0)
    assert one.lost == ["Serial line is gone."]


def test_what_the_line_has_not_sent_is_not_waited_for(bench):
    """Closing a line with octets in it may take half a minute otherwise."""
    one = bench()
    one.port.close()
    assert one.line.discarded == 1
    one.port.close()
    assert one.line.discarded == 1
