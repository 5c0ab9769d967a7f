"""The device: kept open, looked for, opened anew."""

import pytest

from ics_plugins.uplinks.dialup.device import LOOK, SETTLE, Device
from icsframework.errors import HostError, InterfaceMissing
from icsframework.testing.gateway import FakeGateway, Readers
from icsframework.testing.slow import SlowHost


class Bench:
    """A device, and what it said."""

    def __init__(self, delay=0.0):
        self.gateway, self.reactor, self.said = FakeGateway(), Readers(), []
        if delay:
            self.gateway.host = SlowHost(self.gateway.clock.clock, delay)
        self.host = self.gateway.host
        self.device = Device(
            self.gateway,
            self.reactor,
            "/dev/ttyS0",
            9600,
            lambda: self.said.append("found"),
            self.said.append,
        )

    def close(self):
        self.device.stop()
        self.gateway.advance(10)
        assert [line.fileno() for line in self.host.serial] == [-1] * len(self.host.serial)
        assert not self.gateway.clock.clock.getDelayedCalls()
        self.gateway.close()


@pytest.fixture
def bench():
    made = []

    def make(delay=0.0):
        made.append(Bench(delay))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_it_is_opened_once(bench):
    """And stays open."""
    one = bench()
    one.device.start()
    one.gateway.advance(100)
    assert (one.said, len(one.host.serial)) == (["found"], 1)


def test_it_is_looked_for(bench):
    """One that is not there is said once; whatever else is in the way is said when it is found out."""
    one = bench()
    one.host.fail["open_serial"] = InterfaceMissing("not there")
    one.device.start()
    one.gateway.advance(LOOK)
    one.gateway.advance(LOOK)
    one.host.fail["open_serial"] = HostError("in use")
    one.gateway.advance(LOOK)
    del one.host.fail["open_serial"]
    one.gateway.advance(LOOK)
    assert one.said == ["not there", "in use", "found"]


def test_unplugged_and_plugged_in(bench):
    """It says so at once, and finds it again."""
    one = bench()
    one.device.start()
    one.host.serial[0].unplug()
    one.reactor.turn(0)
    assert one.said[1].startswith("The modem /dev/ttyS0 is gone: ")
    assert one.device.modem is None
    one.gateway.advance(LOOK)
    assert one.said[2:] == ["found"]


def test_opened_anew(bench):
    """After a moment, without anybody hearing of it; who asks twice waits for the same."""
    one = bench()
    one.device.start()
    done = []
    one.device.reopen().addCallback(done.append)
    one.device.reopen().addCallback(done.append)
    assert (one.device.modem, one.host.serial[0].fileno(), done) == (None, -1, [])
    one.gateway.advance(SETTLE)
    assert (len(done), len(one.host.serial), one.said) == (2, 2, ["found"])


def test_opened_anew_in_vain(bench):
    """It is gone meanwhile: who waits is told that it is over, and all others that it is gone."""
    one = bench()
    one.device.start()
    done = []
    one.device.reopen().addCallback(done.append)
    one.host.fail["open_serial"] = InterfaceMissing("not there")
    one.gateway.advance(SETTLE)
    assert (len(done), one.said) == (1, ["found", "not there"])


def test_a_stop_while_it_is_being_opened(bench):
    """What comes then is given back."""
    one = bench(delay=0.5)
    one.device.start()
    one.device.stop()
    one.gateway.advance(1)
    assert one.said == []
    one.device.start()
    one.gateway.advance(1)
    assert one.said == ["found"]


def test_reopening_nothing(bench):
    """There is no device: done at once."""
    one = bench()
    done = []
    one.device.reopen().addCallback(done.append)
    assert done == [None]
