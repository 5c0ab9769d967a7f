"""The slow host and store: everything later, in order, and without a trace when it is cancelled."""

from ipaddress import ip_address

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from icsframework.errors import InterfaceMissing, PortTaken
from icsframework.interfaces import IHost, IStore
from icsframework.testing.slow import SlowHost, SlowStore
from icsframework.values import Endpoint, PacketFilter

HERE = Endpoint(ip_address("127.0.0.1"), 67)
CALLS = {
    "bind_udp": lambda host: host.bind_udp(HERE),
    "listen": lambda host: host.listen(HERE),
    "open_packet": lambda host: host.open_packet("eth1", PacketFilter(0x0806)),
    "open_tun": lambda host: host.open_tun("icsu", 1400),
    "open_icmp": lambda host: host.open_icmp(),
    "open_serial": lambda host: host.open_serial("/dev/ttyS0", 9600),
    "neighbour_in_use": lambda host: host.neighbour_in_use("eth1", HERE.address, 0.0),
}


@pytest.fixture
def clock():
    """Time."""
    return Clock()


@pytest.fixture
def host(clock):
    """A host that takes half a second."""
    host = SlowHost(clock, 0.5)
    yield host
    host.close_all()


def test_contracts(clock, host):
    """They are an IHost and an IStore."""
    verifyObject(IHost, host)
    verifyObject(IStore, SlowStore(clock, 0.5))


@pytest.mark.parametrize("method", CALLS)
def test_it_takes_its_time(method, clock, host):
    """Nothing before the delay is over; then what the fast one gives."""
    came = []
    CALLS[method](host).addCallback(came.append)
    assert len(host.waiting) == 1
    clock.advance(0.4)
    assert (came, host.open_sockets) == ([], [])
    clock.pump([0.2, 0.1])
    assert len(came) == 1
    assert host.waiting == []


@pytest.mark.parametrize("method", CALLS)
def test_it_can_be_cancelled(method, clock, host):
    """Then nothing is ever opened."""
    failed = []
    asked = CALLS[method](host)
    asked.addErrback(failed.append)
    asked.cancel()
    clock.advance(9)
    assert len(failed) == 1
    assert (host.open_sockets, clock.getDelayedCalls()) == ([], [])


def test_it_fails_later_as_well(clock, host):
    """An error takes the same time, connect and interface included."""
    host.fail["connect"] = PortTaken("no")
    failed = []
    for asked in (host.connect(HERE), host.interface("eth7")):
        asked.addErrback(lambda failure: failed.append(type(failure.value)))
    assert failed == []
    clock.advance(0.5)
    assert failed == [PortTaken, InterfaceMissing]


def test_a_journal_takes_its_time(clock):
    """Opened later, and works."""
    store = SlowStore(clock, 0.5)
    opened = []
    store.open("leases", 1).addCallback(opened.append)
    assert (opened, len(store.waiting)) == ([], 1)
    clock.advance(0.5)
    opened[0].append({"a": 1})
    assert opened[0].load() == [{"a": 1}]
