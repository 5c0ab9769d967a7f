"""The modem and whoever speaks on its line."""

import pytest

from ics_plugins.uplinks.dialup.modem import CARRIER_LOOK, Modem
from ics_plugins.uplinks.dialup.steps import Answer, Done, Dtr, Fact, Failed, Pause, SetSpeed, Write
from icsframework.errors import HostError
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.serial import FakeSerialLine


class Bench:
    """A modem on a fake line, and why it is gone."""

    def __init__(self, dcd=None):
        self.gateway, self.reactor, self.gone = FakeGateway(), Readers(), []
        self.line = FakeSerialLine("/dev/ttyS0", 9600, dcd)
        self.modem = Modem(self.gateway, self.reactor, self.line, 9600, self.gone.append)

    def converse(self, script, *rest):
        """Begin a conversation; the list that its end will stand in."""
        got = []
        self.modem.converse(script, *rest).addCallback(got.append)
        self.reactor.turn(0)
        return got


@pytest.fixture
def bench():
    made = []

    def make(dcd=None):
        made.append(Bench(dcd))
        return made[-1]

    yield make
    for one in made:
        one.modem.close()
        assert not one.gateway.clock.clock.getDelayedCalls()
        assert not one.reactor.readers
        one.line.peer.close()


def asking(seconds=3.0):
    """A script with one question."""
    yield Write(b"ATZ\r")
    result = yield Answer(seconds)
    yield Fact("answer", "none" if result is None else result.text)
    return Done()


def test_a_conversation(bench):
    """It gets octets and time, and what it tells is told."""
    one, told = bench(), []
    got = one.converse(asking(), told.append)
    assert one.line.peer.recv(99) == b"ATZ\r"
    one.line.peer.send(b"OK\r")
    one.reactor.turn(0)
    assert (got, told, one.modem.heard) == ([Done()], [Fact("answer", "OK")], "OK")
    got = one.converse(asking(), told.append)
    one.gateway.advance(3.0)
    assert (got, told[1:]) == ([Done()], [Fact("answer", "none")])


def test_one_conversation_ends_another(bench):
    """As failed; its time is no more."""
    one = bench()
    first, second = one.converse(asking(1.0)), one.converse(asking(5.0))
    assert isinstance(first[0], Failed)
    one.gateway.advance(2.0)
    assert second == []
    one.gateway.advance(3.0)
    assert second == [Done()]


def test_the_lines_of_the_modem(bench):
    """DTR and speed, and that they are as a call needs them."""

    def script():
        yield Dtr(False)
        yield SetSpeed(0)
        yield Pause(1.0)
        return Done()

    one = bench(dcd=True)
    one.converse(script())
    assert (one.line.speed, one.line.dtr) == (0, False)
    one.modem.ready(True)
    assert (one.line.speed, one.line.dtr) == (9600, True)


def test_a_line_that_fails_is_gone(bench):
    """Whatever was asked of it."""
    one = bench()

    def fails(*rest):
        raise HostError("Serial line is gone.")

    one.line.set_speed = fails
    one.modem.ready(True)
    assert one.gone == ["Serial line is gone."]


class Machine:
    """A machine that keeps what it hears, or breaks."""

    def __init__(self):
        self.heard = []

    def receive(self, data, now):
        if data == b"bad":
            raise RuntimeError("a defect")
        self.heard.append(data)
        return ()

    def timeout(self, now):
        return ()

    def deadline(self):
        return None


def test_a_defect_does_not_end_the_reading(bench):
    """It is counted, and the log has it."""
    one, machine = bench(), Machine()
    one.modem.speak(machine, lambda action: None, lambda: None)
    for data in (b"bad", b"good"):
        one.line.peer.send(data)
        one.reactor.turn(0)
    assert (one.modem.defects, machine.heard) == (1, [b"good"])


def test_actions_of_a_machine_that_is_replaced_are_dropped(bench):
    """One of them has given the line to another: the rest is not about that."""
    one, done = bench(), []

    class Twice(Machine):
        def receive(self, data, now):
            return ("first", "second")

    def perform(action):
        done.append(action)
        one.modem.silence("somebody else")

    one.modem.speak(Twice(), perform, lambda: None)
    one.line.peer.send(b"x")
    one.reactor.turn(0)
    assert done == ["first"]


def test_the_carrier_is_watched(bench):
    """Once it was there; told once."""
    one, lost = bench(dcd=False), []
    one.modem.speak(Machine(), lambda action: None, lambda: lost.append(1))
    one.gateway.advance(CARRIER_LOOK)
    one.line.dcd = True
    one.gateway.advance(CARRIER_LOOK)
    assert lost == []
    one.line.dcd = False
    one.gateway.advance(CARRIER_LOOK)
    one.gateway.advance(CARRIER_LOOK)
    assert lost == [1]


def test_what_nobody_listens_to(bench):
    """RING in the night harms nobody."""
    one = bench()
    one.line.peer.send(b"RING\r\n" * 100)
    one.reactor.turn(0)
    assert one.gone == []
